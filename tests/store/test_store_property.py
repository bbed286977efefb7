"""Whatever is appended at the same time, cancelled, refused, and over restarts: the log is what the answers say."""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

import attrs
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.memory_store import MemoryDisk, MemoryStore, open_memory_store
from tests.support.thorough import share
from trio_chat.errors import StoreUnavailable
from trio_chat.model.events import Draft, Event
from trio_chat.model.outcomes import Outcome, Repeat

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOMS = ("one", "two")
BIG = 10**9

Move: TypeAlias = tuple[str, int, int, int]


@attrs.define(eq=False)
class Attempt:
    """An append, and what became of it: its outcomes, "refused", or None if nobody heard."""

    room: str
    drafts: Sequence[Draft]
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    outcomes: list[Outcome] | str | None = None

    async def run(self, store: MemoryStore) -> None:
        with self.scope:
            try:
                self.outcomes = await store.append(self.room, self.drafts, at_ms=1)
            except StoreUnavailable:
                self.outcomes = "refused"


async def play(moves: list[Move]) -> None:
    """Make these moves, and hold the log against everything that was answered."""
    disk = MemoryDisk()
    attempts: list[Attempt] = []
    epochs: defaultdict[str, list[str]] = defaultdict(list)
    with trio.fail_after(60):
        lives = [
            list(life) for is_end, life in groupby(moves, lambda move: move[0] == "restart") if not is_end
        ]
        for life in lives:
            async with open_memory_store(disk) as store, trio.open_nursery() as nursery:
                for move in life:
                    await _make(move, store, nursery, attempts, epochs)
                store.may_commit.set()
        async with open_memory_store(disk) as store:
            logs = {room: await store.read_after(room, 0, limit=BIG, max_bytes=BIG) for room in ROOMS}
            for room, begun in epochs.items():
                assert (await store.position(room)).epoch == begun[-1]
                assert len(set(begun)) == len(begun)
    for room, log in logs.items():
        assert [event.seq for event in log] == list(range(1, len(log) + 1))
        _check_answers([attempt for attempt in attempts if attempt.room == room], log)
    commands = [(event.sender, event.client_id) for log in logs.values() for event in log if event.client_id]
    assert len(commands) == len(set(commands)), "exactly once, in all rooms together"


async def _make(
    move: Move,
    store: MemoryStore,
    nursery: trio.Nursery,
    attempts: list[Attempt],
    epochs: defaultdict[str, list[str]],
) -> None:
    kind, which, command, size = move
    room = ROOMS[which % 2]
    match kind:
        case "append":
            drafts = [_draft(len(attempts), command + n, which) for n in range(size)]
            attempts.append(Attempt(room, drafts))
            nursery.start_soon(attempts[-1].run, store)
        case "cancel" if attempts:
            attempts[which % len(attempts)].scope.cancel()
        case "hold" if store.may_commit.is_set():  # else what waits for this event would wait for ever
            store.may_commit = trio.Event()
        case "go on":
            store.may_commit.set()
        case "trouble":
            with store.unavailable():
                store.may_commit.set()
                await trio.testing.wait_all_tasks_blocked()
        case "epoch":
            store.may_commit.set()
            epochs[room].append((await store.begin_epoch(room)).epoch)
        case "steps":
            for _ in range(size):
                await trio.lowlevel.checkpoint()


def _draft(number: int, command: int, variant: int) -> Draft:
    """Few commands, so that they meet; the text tells which attempt it was, but for some that say the same again."""
    body = f"the same {command}" if variant < 4 else f"{number} {command}"
    return Draft("message", f"p-{command % 2}", "Ada", f"c{command}" if command else None, body)


def _check_answers(attempts: list[Attempt], log: list[Event]) -> None:
    bodies = {(event.sender, event.client_id, event.body) for event in log}
    excused: set[tuple[str, str | None, str]] = set()  # what is there although an attempt at it was refused
    for attempt in attempts:
        if isinstance(attempt.outcomes, list):
            assert len(attempt.outcomes) == len(attempt.drafts)
            for draft, outcome in zip(attempt.drafts, attempt.outcomes, strict=True):
                if isinstance(outcome, Event):
                    assert log[outcome.seq - 1] == outcome
                    assert (outcome.client_id, outcome.body) == (draft.client_id, draft.body)
                elif isinstance(outcome, Repeat) and outcome.room == attempt.room:
                    first = log[outcome.seq - 1]
                    assert (first.sender, first.client_id, first.body) == _of(draft)
        if attempt.outcomes != "refused":
            excused.update(map(_of, attempt.drafts))
    for attempt in attempts:
        if attempt.outcomes == "refused":
            assert all(_of(draft) in excused or _of(draft) not in bodies for draft in attempt.drafts)


def _of(draft: Draft) -> tuple[str, str | None, str]:
    return draft.sender, draft.client_id, draft.body


@settings(max_examples=share(600))
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["append"] * 4 + ["cancel", "hold", "go on", "trouble", "epoch", "restart", "steps", "steps"]
            ),
            st.integers(0, 7),
            st.integers(0, 4),
            st.integers(0, 3),
        ),
        max_size=30,
    )
)
def test_the_log_matches_the_answers_whatever_happens(moves: list[Move]) -> None:
    trio.run(play, moves, clock=trio.testing.MockClock(autojump_threshold=0))
