"""The outbox: its write contract, its order, its bound, and how it ends."""

from __future__ import annotations

import socket
import tracemalloc
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import pytest
import trio
import trio.testing

from tests.support.core import Tap
from trio_chat.errors import GOING_AWAY, TOO_SLOW, TRY_AGAIN_LATER, StoreUnavailable
from trio_chat.net.outbox import WRITE_BYTES, Outbox, OutboxStatistics
from trio_chat.net.socket_stream import SocketStream
from trio_chat.net.wire import Wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from trio.testing import MockClock

MAX_BYTES = 1000


def fill(outbox: Outbox, frames: bytes) -> None:
    """Post these frames until the outbox is full."""
    assert not all(outbox.post(frames) for _ in range(MAX_BYTES))


@attrs.define
class Ends:
    """An outbox with its wire, its peer and its speaker."""

    outbox: Outbox
    tap: Tap
    peer: trio.abc.ReceiveStream

    async def taken(self) -> bytes:
        """The bytes that the peer received and did not read yet, once all tasks are blocked."""
        data = b""
        with trio.move_on_after(1):
            while more := await self.peer.receive_some():
                data += more
        return data

    async def pending(self) -> int:
        """How much waits, once all tasks are blocked."""
        await trio.testing.wait_all_tasks_blocked()
        return self.outbox.statistics().pending_bytes


@asynccontextmanager
async def open_outbox(max_bytes: int = MAX_BYTES) -> AsyncIterator[Ends]:
    """An outbox over a stream in memory; whatever its speakers raise fails the test."""
    near, far = trio.testing.memory_stream_pair()
    with trio.fail_after(60):
        async with trio.open_nursery() as speakers:
            outbox = Outbox(Wire(near), max_bytes=max_bytes, start_speaker=speakers.start_soon)
            yield Ends(outbox, Tap(near), far)
            speakers.cancel_scope.cancel()


class Pages:
    """A laggard that has missed these pages."""

    def __init__(self, *pages: bytes) -> None:
        self.pages = list(pages)
        self.is_live = False
        self.before_page: Callable[[], Awaitable[object]] = trio.lowlevel.checkpoint

    async def read_page(self) -> bytes:
        await self.before_page()
        return self.pages.pop(0) if self.pages else b""

    def try_go_live(self) -> bool:
        self.is_live = not self.pages
        return self.is_live


async def test_post_never_waits(autojump_clock: MockClock) -> None:
    async with open_outbox() as ends:
        ends.tap.stall()
        with trio.testing.assert_no_checkpoints():
            fill(ends.outbox, b"x" * 100)
        assert ends.outbox.is_full


async def test_post_takes_all_frames_or_none(autojump_clock: MockClock) -> None:
    async with open_outbox() as ends:
        ends.tap.stall()
        taken = [number for number in range(1000) if ends.outbox.post(b"%03d;" % number)]
        assert taken == list(range(len(taken)))
        assert not ends.outbox.post(b"none of this")
        ends.tap.flow()
        assert await ends.taken() == b"".join(b"%03d;" % number for number in taken)


async def test_posts_and_replies_keep_their_order_whatever_the_peer_does(
    autojump_clock: MockClock,
) -> None:
    async with open_outbox(max_bytes=10**9) as ends:
        for number in range(300):
            if number % 7 == 0:
                ends.tap.stall()
            if number % 7 == 3:
                ends.tap.flow()
            if number % 5 == 0:
                await trio.testing.wait_all_tasks_blocked()
            (ends.outbox.post if number % 3 else ends.outbox.reply)(b"%d;" % number)
        ends.tap.flow()
        assert await ends.taken() == b"".join(b"%d;" % number for number in range(300))


async def test_memory_is_bounded_by_the_limit_and_the_last_post(autojump_clock: MockClock) -> None:
    async with open_outbox() as ends:
        ends.tap.stall()
        fill(ends.outbox, b"x" * 700)
        assert MAX_BYTES <= await ends.pending() < MAX_BYTES + 700
        ends.tap.flow()
        assert await ends.pending() == 0


async def test_a_full_outbox_still_takes_a_reply(autojump_clock: MockClock) -> None:
    async with open_outbox() as ends:
        ends.tap.stall()
        fill(ends.outbox, b"x" * 100)
        ends.outbox.reply(b"pong")
        ends.tap.flow()
        assert (await ends.taken()).endswith(b"pong")


async def test_there_is_no_speaker_while_nothing_waits(autojump_clock: MockClock) -> None:
    async with open_outbox() as ends:
        assert not ends.outbox.is_speaking
        ends.tap.stall()
        ends.outbox.post(b"a")
        assert ends.outbox.is_speaking
        ends.tap.flow()
        await trio.testing.wait_all_tasks_blocked()
        assert not ends.outbox.is_speaking


async def test_a_post_to_an_idle_socket_is_written_at_once_without_a_task() -> None:
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with right:
        async with SocketStream(left) as stream:
            wire = Wire(stream)
            outbox = Outbox(
                wire, max_bytes=MAX_BYTES, start_speaker=lambda speak: pytest.fail("it was started")
            )
            with trio.testing.assert_no_checkpoints():
                assert outbox.post(b"now")
                assert right.recv(10) == b"now"
            wire.abandon()


async def test_bytes_that_the_socket_did_not_take_follow_in_order() -> None:
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    async with (
        SocketStream(left) as near,
        SocketStream(right) as far,
        trio.open_nursery() as speakers,
    ):
        outbox = Outbox(Wire(near), max_bytes=MAX_BYTES, start_speaker=speakers.start_soon)
        big = b"x" * 3_000_000
        assert outbox.post(big)
        assert not outbox.post(b"none")
        outbox.reply(b"after")
        data = b""
        while len(data) < len(big) + len(b"after"):
            data += await far.receive_some()
        assert data == big + b"after"
        outbox.wire.abandon()


async def test_waiting_for_space_ends_when_the_peer_has_read(autojump_clock: MockClock) -> None:
    async with open_outbox() as ends, trio.open_nursery() as nursery:
        await ends.outbox.wait_not_full()  # at once
        ends.tap.stall()
        fill(ends.outbox, b"x" * 100)
        went_on = trio.Event()

        async def wait() -> None:
            await ends.outbox.wait_not_full()
            went_on.set()

        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        assert not went_on.is_set()
        ends.tap.flow()
        await went_on.wait()


# Catching up


async def test_a_laggard_gets_its_pages_after_waiting_frames_and_then_goes_live(
    autojump_clock: MockClock,
) -> None:
    async with open_outbox() as ends:
        ends.tap.stall()
        ends.outbox.post(b"a")
        laggard = Pages(b"1", b"2", b"3")
        ends.outbox.add_laggard(laggard)
        ends.outbox.post(b"b")
        ends.tap.flow()
        assert await ends.taken() == b"ab123"
        assert laggard.is_live
        assert ends.outbox.statistics().laggards == 0


async def test_several_laggards_take_turns_with_live_frames_in_between(autojump_clock: MockClock) -> None:
    async with open_outbox() as ends:
        first, second = Pages(b"1", b"2"), Pages(b"x", b"y", b"z")

        async def post() -> None:
            ends.outbox.reply(b"!")

        second.before_page = post
        ends.outbox.add_laggard(first)
        ends.outbox.add_laggard(second)
        assert await ends.taken() == b"1x!2y!z!"


async def test_a_laggard_that_leaves_while_its_page_is_read_gets_nothing(
    autojump_clock: MockClock,
) -> None:
    async with open_outbox() as ends:
        laggard = Pages(b"1", b"2")
        may_read = trio.Event()
        laggard.before_page = may_read.wait
        ends.outbox.add_laggard(laggard)
        await trio.testing.wait_all_tasks_blocked()
        ends.outbox.discard_laggard(laggard)
        may_read.set()
        ends.outbox.post(b"next")
        assert await ends.taken() == b"next"
        assert not laggard.is_live


async def test_a_laggard_that_leaves_while_its_page_is_written_does_not_go_live(
    autojump_clock: MockClock,
) -> None:
    async with open_outbox() as ends:
        ends.tap.stall()
        laggard = Pages(b"1")
        ends.outbox.add_laggard(laggard)
        await trio.testing.wait_all_tasks_blocked()
        ends.outbox.discard_laggard(laggard)
        ends.tap.flow()
        assert await ends.taken() == b"1"
        assert not laggard.is_live


async def test_a_page_is_not_overtaken_by_a_reply(autojump_clock: MockClock) -> None:
    """The reply may be a `joined` for the same room, after which only events of the new subscription may come."""
    async with open_outbox() as ends, trio.open_nursery() as nursery:
        ends.tap.stall()
        nursery.start_soon(ends.outbox.wire.send_all, b"pong ")
        await trio.testing.wait_all_tasks_blocked()
        ends.outbox.add_laggard(Pages(b"page "))
        await trio.testing.wait_all_tasks_blocked()
        ends.outbox.reply(b"reply")
        ends.tap.flow()
        assert await ends.taken() == b"pong page reply"


async def test_when_the_log_cannot_be_read_all_other_frames_are_still_written(
    autojump_clock: MockClock,
) -> None:
    """What is posted while the page is read may be a room's next message, or why a command was refused."""
    async with open_outbox() as ends:
        laggard = Pages(b"1")

        async def fail() -> None:
            ends.outbox.post(b"meanwhile, ")
            raise StoreUnavailable("The disk is full.")

        laggard.before_page = fail
        ends.outbox.add_laggard(laggard)
        await trio.testing.wait_all_tasks_blocked()
        assert ends.outbox.close is TRY_AGAIN_LATER
        assert ends.outbox.statistics() == OutboxStatistics(pending_bytes=0, laggards=0)
        ends.outbox.post(b"afterwards")
        assert await ends.taken() == b"meanwhile, afterwards"
        assert not laggard.is_live


async def test_what_waits_for_many_slow_peers_is_in_memory_once() -> None:
    """A thousand who sent at once took 160 MB more: the rest of each batch had been copied for each of them."""
    n_peers, batches = 20, [bytes([letter]) * 2_000_000 for letter in b"abc"]
    with trio.fail_after(60):
        async with trio.open_nursery() as speakers:
            pairs = [socket.socketpair() for _ in range(n_peers)]
            peers = [trio.SocketStream(trio.socket.from_stdlib_socket(far)) for _, far in pairs]
            outboxes = [
                Outbox(
                    Wire(SocketStream(near)),
                    max_bytes=10_000_000,
                    start_speaker=speakers.start_soon,
                )
                for near, _ in pairs
            ]
            tracemalloc.start()
            for batch in batches:
                assert all(outbox.post(batch) for outbox in outboxes)
                await trio.testing.wait_all_tasks_blocked()
            copied, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert copied < 1_000_000
            for peer in peers:
                received = bytearray()
                while len(received) < sum(map(len, batches)):
                    received += await peer.receive_some()
                assert received == b"".join(batches)
            await trio.testing.wait_all_tasks_blocked()
            assert not any(outbox.is_speaking for outbox in outboxes)
            for outbox in outboxes:
                outbox.wire.abandon()
    for near, far in pairs:
        near.close()
        far.close()


# Ending


async def test_end_writes_everything_first_and_the_first_close_counts(
    autojump_clock: MockClock,
) -> None:
    async with open_outbox() as ends:
        ends.tap.stall()
        ends.outbox.post(b"x" * 2 * WRITE_BYTES)
        ends.outbox.reply(b"last")
        ends.outbox.end(GOING_AWAY)
        ends.outbox.end(TOO_SLOW)
        await trio.testing.wait_all_tasks_blocked()
        assert ends.outbox.is_speaking
        ends.tap.flow()
        assert await ends.taken() == b"x" * 2 * WRITE_BYTES + b"last"
        assert not ends.outbox.is_speaking
        assert ends.outbox.close is GOING_AWAY


async def test_a_lost_peer_raises_in_the_speaker_and_never_in_post(
    autojump_clock: MockClock,
) -> None:
    near, far = trio.testing.memory_stream_pair()
    outbox = Outbox(Wire(near), max_bytes=MAX_BYTES, start_speaker=lambda speak: nursery.start_soon(speak))
    await far.aclose()
    with pytest.RaisesGroup(trio.BrokenResourceError):
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                assert outbox.post(b"into the void")
            await trio.testing.wait_all_tasks_blocked()
    # The nursery is closed, so no speaker can be started.
    with trio.testing.assert_no_checkpoints():
        assert outbox.post(b"into the void")
        outbox.reply(b"into the void")


async def test_an_abandoned_outbox_starts_no_speaker(autojump_clock: MockClock) -> None:
    """A room may report an outcome to a connection that is over: that of its last command."""
    near, _far = trio.testing.memory_stream_pair()
    outbox = Outbox(
        Wire(near), max_bytes=MAX_BYTES, start_speaker=lambda speak: pytest.fail("it was started")
    )
    outbox.abandon()
    assert outbox.post(b"into the void")
    outbox.reply(b"into the void")
    outbox.end(GOING_AWAY)
