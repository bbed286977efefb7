"""A room, property: whatever connections do, and others write to its log, each hears the log from where it joined,
without a gap."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import attrs
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.core import AT_MS, Tap
from tests.support.memory_store import MemoryStore, open_memory_store
from tests.support.thorough import share
from trio_chat.gateways.plain import Outcomes
from trio_chat.model.events import Draft
from trio_chat.net.outbox import Outbox
from trio_chat.net.wire import Wire
from trio_chat.rooms import follower as follower_module
from trio_chat.rooms import subscribers as subscribers_module
from trio_chat.rooms.encoding import Encoding
from trio_chat.rooms.room import Room
from trio_chat.rooms.submission import Submission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_chat.rooms.subscribers import Subscription

CONNECTIONS = 3
OUTBOX_BYTES = 60
"""Full after a few messages."""


NUMBERS = Encoding(lambda event, prover: b"\x81\x05%05d" % event.seq)


@attrs.define
class Listener:
    """A connection that joins and leaves the room, and reads frames, whose texts are the sequence numbers."""

    room: Room
    outbox: Outbox
    tap: Tap
    peer: trio.abc.ReceiveStream
    subscription: Subscription | None = None
    ids: int = 0

    def join(self, back: int) -> None:
        """Join with a cursor so many events back, leaving first if necessary."""
        self.leave()
        after = max(0, self.room.head - back)
        self.outbox.reply(b"\x81\x05J%04d" % after)
        self.subscription = self.room.subscribe(self.outbox, NUMBERS, after=after)

    def leave(self) -> None:
        if self.subscription is not None:
            self.subscription.leave()
            self.outbox.reply(b"\x81\x05L0000")
            self.subscription = None

    async def heard(self) -> list[str]:
        """All frames so far."""
        data = b""
        with trio.move_on_after(1):
            while more := await self.peer.receive_some():
                data += more
        return list(_texts(data))


def _texts(data: bytes) -> Iterator[str]:
    while data:
        assert data[0] == 0x81
        yield data[2 : 2 + data[1]].decode()
        data = data[2 + data[1] :]


def check(heard: list[str], head: int, is_subscribed: bool) -> None:
    """Events between a join and the next leave follow on from the join's cursor without a gap, at last to the head."""
    last: int | None = None
    for text in heard:
        if text[0] == "J":
            last = int(text[1:])
        elif text[0] == "L":
            last = None
        else:
            assert last is not None, "an event without a subscription"
            assert int(text) == last + 1
            last += 1
    assert last == (head if is_subscribed else None)


async def play(moves: list[tuple[str, int, int]]) -> None:
    """Make these moves in a new room, let everything flow, and check what each connection heard."""
    async with open_memory_store() as store, trio.open_nursery() as nursery:
        room = Room(
            "lobby",
            await store.state("lobby"),
            store,
            proof_key=b"key",
            inbox_messages=1000,
            pause_max_s=0,
            now_ms=lambda: AT_MS,
            on_start=lambda room: nursery.start_soon(room.broadcast),
        )
        async with trio.open_nursery() as tasks:
            connections = [_connect(room, tasks) for _ in range(CONNECTIONS)]
            sender = _connect(room, tasks)
            sender.join(0)
            n_sent, texts = 0, list[str]()
            for move, index, number in moves:
                connection = connections[index]
                match move:
                    case "join":
                        connection.join(number)
                    case "leave":
                        connection.leave()
                    case "stall":
                        connection.tap.stall()
                    case "flow":
                        connection.tap.flow()
                    case "say":
                        for _ in range(number):
                            n_sent += 1
                            texts.append(f"{n_sent:05d}")
                            assert sender.subscription is not None
                            await room.inbox.submit(
                                Submission(draft_of("c", texts[-1]), Outcomes(sender.outbox))
                            )
                    case "write" if number:  # by another node
                        n_sent += number
                        drafts = [draft_of("elsewhere", "hi") for _ in range(number)]
                        nursery.start_soon(partial(store.append, "lobby", drafts, at_ms=AT_MS))
                    case "hint":
                        room.hint([None, room.head + number, number][index])
                    case "ring":  # with events, about where the room is
                        start = max(0, room.head + index - 1)
                        events = await store.read_after("lobby", start, limit=number + 1, max_bytes=10**9)
                        if events:
                            room.hint(events[-1].seq, events)
                    case "steps":
                        for _ in range(number):
                            await trio.lowlevel.checkpoint()
                    case "hold":
                        _toggle_commits(store)
            store.may_commit.set()
            await trio.testing.wait_all_tasks_blocked()
            room.hint()
            await room.inbox.flush()
            for connection in [*connections, sender]:
                connection.tap.flow()
                check(await connection.heard(), room.head, connection.subscription is not None)
                assert (
                    connection.outbox.statistics().pending_bytes
                    == connection.outbox.statistics().laggards
                    == 0
                )
            assert room.head == n_sent
            log = await store.read_after("lobby", 0, limit=10**6, max_bytes=10**9)
            assert [event.body for event in log if event.sender == "c"] == texts
            statistics = room.statistics()
            n_subscribed = sum(connection.subscription is not None for connection in connections) + 1
            assert statistics.live_subscriptions == statistics.subscriptions == n_subscribed
        room.inbox.close()


def draft_of(sender: str, text: str) -> Draft:
    """A message."""
    return Draft(kind="message", sender=sender, name=sender, client_id=None, body=text)


async def play_in_time(moves: list[tuple[str, int, int]]) -> None:
    """Play; a game that hangs has failed."""
    with trio.fail_after(60):
        await play(moves)


def _connect(room: Room, tasks: trio.Nursery) -> Listener:
    near, far = trio.testing.memory_stream_pair()
    outbox = Outbox(Wire(near), max_bytes=OUTBOX_BYTES, start_speaker=tasks.start_soon)
    return Listener(room, outbox, Tap(near), far)


def _toggle_commits(store: MemoryStore) -> None:
    if store.may_commit.is_set():
        store.may_commit = trio.Event()
    else:
        store.may_commit.set()


MOVES = ["join", "leave", "stall", "flow", "say", "say", "write", "hint", "ring", "steps", "steps", "hold"]


@settings(max_examples=share(200))
@given(
    moves=st.lists(
        st.tuples(
            st.sampled_from(MOVES),
            st.integers(0, CONNECTIONS - 1),
            st.integers(0, 9),
        ),
        max_size=40,
    ),
    recent_events=st.sampled_from([1, 5, 1000]),
    page_bytes=st.sampled_from([1, 30, 10_000]),
    step=st.sampled_from([1, 2, 1000]),
)
def test_everybody_hears_the_log_without_a_gap_whatever_happens(
    moves: list[tuple[str, int, int]], recent_events: int, page_bytes: int, step: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subscribers_module, "RECENT_EVENTS", recent_events)
        patch.setattr(subscribers_module, "PAGE_BYTES", page_bytes)
        patch.setattr(subscribers_module, "PAGE_EVENTS", 3)
        patch.setattr(follower_module, "PAGE_EVENTS", 2)
        patch.setattr(subscribers_module, "FAN_OUT_STEP", step)
        trio.run(play_in_time, moves, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize("move", ["leave", "join", "stall"])
def test_whatever_happens_during_a_fan_out_leaves_no_gap_and_no_repeat(
    move: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribers_module, "FAN_OUT_STEP", 1)
    for steps in range(20):  # from before the commit until the end of the fan-out
        for index in range(CONNECTIONS):
            moves = [("join", number, 0) for number in range(CONNECTIONS)] + [
                ("say", 0, 1),
                ("steps", 0, steps),
            ]
            moves += [(move, index, 1), ("say", 0, 2)]
            trio.run(play_in_time, moves, clock=trio.testing.MockClock(autojump_threshold=0))
