"""The wire: whole frames only, never anything after a close frame, and a write that does not wait."""

from __future__ import annotations

import socket

import pytest
import trio
import trio.testing

from trio_chat.net.socket_stream import SocketStream
from trio_chat.net.wire import MAX_PARTS, Wire

CLOSE = b"\x88\x02\x03\xe8"


async def make_socket_pair() -> tuple[SocketStream, SocketStream]:
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return SocketStream(left), SocketStream(right)


async def receive_exactly(stream: trio.abc.ReceiveStream, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = await stream.receive_some()
        assert more, "the stream ended early"
        data += more
    return data


async def test_concurrent_writers_take_turns() -> None:
    """Trio's own streams would raise `BusyResourceError`: trio-websocket writes pongs while the speaker writes."""
    near, far = await make_socket_pair()
    async with near, far:
        wire = Wire(near)
        size = 3_000_000
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wire.send_all, b"a" * size)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(wire.send_all, b"b" * size)
            assert await receive_exactly(far, 2 * size) == b"a" * size + b"b" * size
        wire.abandon()


async def test_unread_bytes_are_read_first_in_pieces_of_any_size() -> None:
    near, far = trio.testing.memory_stream_pair()
    wire = Wire(near)
    wire.unread(b"GET / HTTP")
    await far.send_all(b"/1.1")
    assert await wire.receive_some(3) == b"GET"
    assert await wire.receive_some() == b" / HTTP"
    assert await wire.receive_some() == b"/1.1"


async def test_write_now_writes_at_once_on_a_socket() -> None:
    near, far = await make_socket_pair()
    async with near, far:
        wire = Wire(near)
        with trio.testing.assert_no_checkpoints():
            assert wire.write_now(b"frame")
        assert await far.receive_some() == b"frame"
        wire.abandon()


async def test_write_now_does_nothing_on_other_streams() -> None:
    near, _far = trio.testing.memory_stream_pair()
    assert not Wire(near).write_now(b"frame")


async def test_the_rest_of_write_now_is_written_before_everything_else() -> None:
    near, far = await make_socket_pair()
    async with near, far:
        wire = Wire(near)
        big = b"x" * 10_000_000
        assert wire.write_now(big)
        left = wire.unsent_bytes
        assert 0 < left < len(big)
        assert not wire.write_now(b"too early")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wire.send_all, b"after")
            data = await receive_exactly(far, len(big) + len(b"after"))
        assert data == big + b"after"
        assert wire.unsent_bytes == 0
        assert wire.write_now(b"again")
        wire.abandon()


async def test_many_parts_are_written_in_order_behind_what_is_left() -> None:
    near, far = await make_socket_pair()
    async with near, far:
        wire = Wire(near)
        big = b"x" * 3_000_000
        parts = [bytes([97 + number % 26]) * (number * 1_000 % 7_000) for number in range(MAX_PARTS)]
        assert wire.write_now(big)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wire.send_parts, parts)
            data = await receive_exactly(far, len(big) + sum(map(len, parts)))
        assert data == big + b"".join(parts)
        wire.abandon()


async def test_write_now_does_not_write_into_the_middle_of_a_frame() -> None:
    near, far = await make_socket_pair()
    async with near, far:
        wire = Wire(near)
        big = b"x" * 10_000_000
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wire.send_all, big)
            await trio.testing.wait_all_tasks_blocked()
            assert not wire.write_now(b"torn")
            assert await receive_exactly(far, len(big)) == big
        wire.abandon()


async def test_nothing_follows_a_close_frame() -> None:
    near, far = await make_socket_pair()
    async with near, far:
        wire = Wire(near)
        await wire.send_all(CLOSE)
        assert not wire.is_open
        assert wire.write_now(b"late")
        await wire.send_all(b"later")
        await wire.aclose()
        assert await receive_exactly(far, len(CLOSE)) == CLOSE
        assert await far.receive_some() == b""


async def test_closing_writes_a_close_frame_unless_one_was_sent() -> None:
    near, far = await make_socket_pair()
    async with near, far:
        wire = Wire(near)
        wire.make_close_frame = lambda: CLOSE
        await wire.aclose()
        await wire.aclose()
        assert await receive_exactly(far, len(CLOSE)) == CLOSE
        assert await far.receive_some() == b""
        with pytest.raises(trio.ClosedResourceError):
            await wire.send_all(b"late")
        with pytest.raises(trio.ClosedResourceError):
            await wire.receive_some()


async def test_a_cancelled_write_breaks_the_wire_for_good() -> None:
    """trio-websocket would go on sending after a torn frame, and its peer would hear nothing again (trio#889)."""
    near, far = await make_socket_pair()
    async with near, far:
        wire = Wire(near)
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(wire.send_all, b"x" * 10_000_000)
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
        assert not wire.is_open
        with pytest.raises(trio.BrokenResourceError):
            await wire.send_all(b"next")
        wire.abandon()


@pytest.mark.parametrize("kind", ["socket", "memory"])
async def test_a_write_that_makes_no_progress_breaks_the_wire(
    kind: str, autojump_clock: trio.testing.MockClock
) -> None:
    if kind == "socket":
        near: trio.abc.Stream
        far: trio.abc.Stream
        near, far = await make_socket_pair()
    else:
        near, far = trio.testing.lockstep_stream_pair()
    async with near, far:
        wire = Wire(near, stall_s=30)
        with pytest.raises(trio.BrokenResourceError, match="too long"):
            await wire.send_all(b"x" * 10_000_000)
        assert trio.current_time() >= 30
        with pytest.raises(trio.BrokenResourceError):
            await wire.send_all(b"next")
        wire.abandon()


async def test_a_lost_peer_breaks_the_wire_without_an_error_in_write_now() -> None:
    near, far = await make_socket_pair()
    async with near:
        wire = Wire(near)
        await far.aclose()
        assert wire.write_now(b"1")
        assert wire.write_now(b"2")
        with pytest.raises(trio.BrokenResourceError):
            await wire.send_all(b"3")
        wire.abandon()


async def test_a_reset_breaks_the_wire_so_that_nobody_waits_for_the_peer() -> None:
    ours, theirs = await make_socket_pair()
    wire = Wire(ours)
    assert not wire.is_broken
    await ours.send_all(b"never read")
    await theirs.aclose()
    with pytest.raises(trio.BrokenResourceError):
        await wire.receive_some()
    assert wire.is_broken
    wire.abandon()
    await ours.aclose()


async def test_silence_is_measured_only_while_we_read(autojump_clock: trio.testing.MockClock) -> None:
    near, far = trio.testing.memory_stream_pair()
    wire = Wire(near)
    await trio.sleep(100)
    assert wire.silent_s(trio.current_time()) == 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wire.receive_some)
        await trio.sleep(7)
        assert wire.silent_s(trio.current_time()) == 7
        await far.send_all(b"x")
    await trio.sleep(100)
    assert wire.silent_s(trio.current_time()) == 0


async def test_an_abandoned_wire_releases_the_descriptor() -> None:
    near, far = await make_socket_pair()
    async with near, far:
        wire = Wire(near)
        wire.abandon()
        assert wire.write_now(b"nobody hears this")
        await near.send_all(b"the transport lives on")
        assert await far.receive_some() == b"the transport lives on"


async def test_when_many_peers_are_lost_at_once_few_are_cleaned_up_in_each_scheduler_turn() -> None:
    """Otherwise all other connections would wait until thousands are cleaned up."""
    cleanups = trio.Semaphore(2)
    turns: list[int] = []
    pairs = [trio.testing.memory_stream_one_way_pair() for _ in range(10)]

    async def read_to_the_end(near: trio.abc.ReceiveStream) -> None:
        two_way = trio.StapledStream(trio.testing.MemorySendStream(), near)
        assert await Wire(two_way, cleanups=cleanups).receive_some() == b""
        turns.append(turn)

    turn = 0
    async with trio.open_nursery() as nursery:
        for _far, near in pairs:
            nursery.start_soon(read_to_the_end, near)
        await trio.testing.wait_all_tasks_blocked()
        for far, _near in pairs:
            far.close()
        while len(turns) < len(pairs):
            turn += 1
            await trio.lowlevel.checkpoint()
    assert max(turns.count(turn) for turn in turns) <= 2
