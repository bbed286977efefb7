"""Hints between nodes over one PostgreSQL: what one commits is heard by the other, whatever becomes of the line."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import psycopg
import trio

from trio_chat.config.config import Config
from trio_chat.model.events import MESSAGE, Draft
from trio_chat.rooms.encoding import Encoding
from trio_chat.rooms.registry import open_rooms
from trio_chat.store.hints import EVERYTHING, Hint
from trio_chat.store.postgresql import hints as hints_module
from trio_chat.store.postgresql.open import open_postgresql_store
from trio_chat.store.postgresql.rings import RING_BYTES, RINGS_AT_ONCE, heard_in, rings_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from trio_chat.errors import Close
    from trio_chat.net.outbox import Outbox
    from trio_chat.rooms.room import Room

LIMIT_S = 240
"""A crowded machine is slow."""


def draft(text: str) -> Draft:
    """A message of somebody without a name."""
    return Draft(MESSAGE, "p-ada", "Ada", None, text)


class Member:
    """A connection in the lobby of a node, whose outbox takes everything."""

    def __init__(self, lobby: Room) -> None:
        self.lobby = lobby
        self.heard = b""
        self._post, self._posted = trio.open_memory_channel[bytes](1000)

    def post(self, frames: bytes) -> bool:
        """See `Outbox`."""
        self._post.send_nowait(frames)
        return True

    def end(self, close: Close) -> None:
        """See `Outbox`."""
        self.post(str(close.code).encode())

    def discard_laggard(self, _laggard: object) -> None:
        """See `Outbox`. It always has space."""

    async def hear(self, frame: bytes) -> None:
        """Wait until this was posted."""
        while frame not in self.heard:
            self.heard += await self._posted.receive()


TEXTS = Encoding(lambda event, prover: f"<{event.seq} {event.body}>".encode(), has_cursors=True)


async def next_of(hints: trio.MemoryReceiveChannel[Hint], wanted: Hint) -> None:
    """Wait for a hint, whatever events it brings, leaving out others."""
    async for hint in hints:
        if (hint.room, hint.seq) == (wanted.room, wanted.seq):
            return


def listeners(url: str) -> list[int]:
    """The processes of the server that listen."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
        return [pid for (pid,) in found]


async def test_what_one_node_commits_is_rung_at_the_other_and_not_at_itself(database: str) -> None:
    with trio.fail_after(LIMIT_S):
        async with (
            open_postgresql_store(database) as one,
            open_postgresql_store(database) as two,
            two.hints() as hints,
            one.hints() as own,
        ):
            await one.append("lobby", [draft("a"), draft("b")], at_ms=1)
            await next_of(hints, Hint("lobby", 2))
            await one.begin_epoch("lobby")
            await next_of(hints, Hint("lobby"))
            await next_of(own, EVERYTHING)  # which comes by itself
            while own.statistics().current_buffer_used:
                assert await own.receive() == EVERYTHING


async def test_a_line_that_was_lost_is_replaced_and_everything_is_looked_at(database: str) -> None:
    with trio.fail_after(LIMIT_S):
        async with (
            open_postgresql_store(database) as one,
            open_postgresql_store(database) as two,
            two.hints() as hints,
        ):
            old = listeners(database)
            assert len(old) == 2
            with psycopg.connect(database, autocommit=True) as connection:
                for pid in old:
                    connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
            await next_of(hints, EVERYTHING)
            seq, is_heard = 0, False
            while not is_heard:  # over a new line
                seq += 1
                await one.append("lobby", [draft("a")], at_ms=1)
                with trio.move_on_after(0.5):
                    await next_of(hints, Hint("lobby", seq))
                    is_heard = True
            assert not set(old) & set(listeners(database))


async def test_a_line_that_is_silent_is_replaced(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints_module, "BEAT_S", LIMIT_S)
    monkeypatch.setattr(hints_module, "LOOK_EACH_S", LIMIT_S)
    monkeypatch.setattr(hints_module, "SILENT_S", 0.2)
    with trio.fail_after(LIMIT_S):
        async with open_postgresql_store(database) as store, store.hints() as hints:
            for _ in range(3):
                assert await hints.receive() == EVERYTHING


@asynccontextmanager
async def member_of(database: str) -> AsyncIterator[Member]:
    """A node with the lobby open, and a member there."""
    async with (
        open_postgresql_store(database) as store,
        open_rooms(store, Config(), now_ms=lambda: 1) as rooms,
    ):
        member = Member(await rooms.get("lobby"))
        member.lobby.subscribe(cast("Outbox", member), TEXTS, person="p-ada")
        yield member


async def test_rooms_of_two_nodes_hear_each_other_and_each_others_epochs(database: str) -> None:
    with trio.fail_after(LIMIT_S):
        async with member_of(database) as one, member_of(database) as two:
            for number in range(1, 6):
                here, there = (one, two) if number % 2 else (two, one)
                await here.lobby.inbox.write(draft(f"text {number}"))
                await there.hear(f"<{number} text {number}>".encode())
            await one.hear(b"<5 text 5>")
            everything = b"".join(f"<{n} text {n}>".encode() for n in range(1, 6))
            assert one.heard == two.heard == everything
            await one.lobby.begin_epoch(seen=9)
            await two.hear(b"4002")
            assert two.lobby.position == one.lobby.position


def test_rings_fit_what_postgresql_takes() -> None:
    rooms: dict[str, int | None] = {f"räume {n}".ljust(100, "x"): n for n in range(500)}
    rings = list(rings_of("node", rooms))
    assert 1 < len(rings) <= RINGS_AT_ONCE
    assert all(len(ring.encode()) <= RING_BYTES for ring in rings)
    hints = [hint for ring in rings for hint in heard_in(ring.encode(), "another")[0]]
    assert hints == [Hint(room, seq) for room, seq in rooms.items()]
    assert all(heard_in(ring.encode(), "node") == ([], []) for ring in rings)


def test_what_does_not_fit_or_cannot_be_read_is_about_everything() -> None:
    (ring,) = rings_of("node", {f"{n}".ljust(100, "x"): n for n in range(5000)})
    assert heard_in(ring.encode(), "another") == ([EVERYTHING], [])
    assert heard_in(b"2 {}", "node") == ([EVERYTHING], [])
    (beat,) = rings_of("node", {})
    assert heard_in(beat.encode(), "another") == ([], [])
