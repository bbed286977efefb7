"""Rings over PostgreSQL that bring the events themselves: what is told is what would have been read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import psycopg
import pytest
import trio

from trio_chat.model.events import MESSAGE, Draft, Event
from trio_chat.store.hints import EVERYTHING, Hint
from trio_chat.store.postgresql.open import open_postgresql_store
from trio_chat.store.postgresql.rings import (
    RING_BYTES,
    Ring,
    RungEvents,
    channel_of,
    heard_in,
    rings_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT_S = 240
"""A crowded machine is slow."""

FRESH_MS = "trio_chat.store.postgresql.hints.FRESH_MS"

SOON_ENOUGH_MS = 60_000
"""On a machine that has other work to do."""


def event(seq: int, body: str = "hi", *, room: str = "lobby", kind: str = MESSAGE) -> Event:
    """An event as it stands in a log."""
    return Event(room, seq, kind, "p-ada", "Ada", f"c{seq}", 1_700_000_000_000 + seq, body, bytes(range(32)))


def rung(
    events: Sequence[Event], noted: dict[str, int | None] | None = None, told: Sequence[bytes] = ()
) -> list[str]:
    """What is rung for these."""
    waiting = RungEvents()
    waiting.add(events)
    heads = {one.room: one.seq for one in events}
    return list(rings_of("node", noted or heads, told, waiting, at_ms=5, epochs=7))


def test_events_come_as_the_log_has_them() -> None:
    bodies = ["hi", 'zwölf \x00 \n \\ " 👍 𝄞', '{"text":"x","mentions":["p-1"]}']
    events = [event(number, body) for number, body in enumerate(bodies, 5)]
    (ring,) = rung([*events, event(1, room="käse")])
    assert len(ring.encode()) <= RING_BYTES
    hints, told = heard_in(ring.encode(), "another")
    assert hints == [Hint("lobby", 7, tuple(events)), Hint("käse", 1, (event(1, room="käse"),))]
    assert told == []


def test_what_does_not_fit_one_ring_is_read() -> None:
    """Whatever does not: events, rooms, or messages between nodes."""
    (ring,) = rung([event(number, "x" * 1000) for number in range(1, 7)])
    assert len(ring.encode()) <= RING_BYTES
    assert len(heard_in(ring.encode(), "another")[0][0].events) == 6
    (ring,) = rung([event(number, "x" * 1000) for number in range(1, 9)])
    assert heard_in(ring.encode(), "another")[0] == [Hint("lobby", 8)]
    rooms: dict[str, int | None] = {"room %d".ljust(1000, "x") % number: 1 for number in range(8)}
    rings = rung([event(1)], {"lobby": 1, **rooms})
    assert len(rings) == 2
    assert not any(hint.events for ring in rings for hint in heard_in(ring.encode(), "another")[0])
    (ring,) = rung([event(1, "x" * 400)], told=[b'"' + b"x" * 7_400 + b'"'])
    assert heard_in(ring.encode(), "another")[0] == [Hint("lobby", 1)]


def test_what_waits_to_be_rung_is_bounded_and_forgotten_with_the_ring() -> None:
    waiting = RungEvents()
    for number in range(1, 1000):
        waiting.add([event(number, "x" * 100)])
    assert sum(map(len, waiting._encoded)) < RING_BYTES + 1000
    assert waiting.take(RING_BYTES) == []
    waiting.add([event(1000)])
    assert len(waiting.take(RING_BYTES)) == 1


@pytest.mark.parametrize("kind", ["member", "created", "ban", "settings"])
def test_who_may_hear_a_room_is_only_read(kind: str) -> None:
    (ring,) = rung([event(1), event(2, kind=kind)])
    assert heard_in(ring.encode(), "another")[0] == [Hint("lobby", 2)]
    fields = msgspec.json.encode(msgspec.structs.astuple(event(2, kind=kind)))
    forged = Ring(
        "node",
        [("lobby", 2)],
        [],
        [msgspec.Raw(fields)],
    )
    assert heard_in(msgspec.json.encode(forged), "another")[0] == [Hint("lobby", 2)]


def test_events_that_are_late_or_unreadable_are_only_hints() -> None:
    (ring,) = rung([event(1)])
    asked: list[tuple[int, int]] = []

    def refuse(ring: Ring) -> bool:
        asked.append((ring.at_ms, ring.epochs))
        return False

    assert heard_in(ring.encode(), "another", is_believed=refuse)[0] == [Hint("lobby", 1)]
    assert asked == [(5, 7)]
    odd = ring.replace('"message"', "7")
    assert heard_in(odd.encode(), "another")[0] == [Hint("lobby", 1)]
    assert heard_in(ring.replace('"p-ada"', '["p-ada"').encode(), "another")[0] == [EVERYTHING]


def test_events_that_wait_are_as_old_as_the_first_that_was_accepted() -> None:
    waiting = RungEvents()
    assert waiting.since_ms is None
    waiting.add([event(5), event(6)])
    waiting.add([event(3, room="den")])
    assert waiting.since_ms == event(3).at_ms
    waiting.take(RING_BYTES)
    assert waiting.since_ms is None


def test_the_channel_is_known_to_nobody_who_cannot_read_the_tables() -> None:
    channels = {channel_of(key) for key in (b"a" * 64, b"b" * 64)}
    assert len(channels) == 2
    assert all(channel.isidentifier() and len(channel) < 63 for channel in channels)


async def test_nodes_hear_events_without_reading_and_only_fresh_ones(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def heard(seq: int) -> tuple[Event, ...]:
        draft = Draft(MESSAGE, "p-ada", "Ada", f"c{seq}", f"text {seq}")
        (written,) = await one.append("lobby", [draft], at_ms=one.now_ms())
        async for hint in hints:
            if hint.seq == seq:
                assert hint.events in ((), (written,))
                return hint.events
        raise AssertionError

    monkeypatch.setattr(FRESH_MS, SOON_ENOUGH_MS)
    with trio.fail_after(LIMIT_S):
        async with (
            open_postgresql_store(database) as one,
            open_postgresql_store(database) as two,
            two.hints() as hints,
        ):
            assert await heard(1)
            (read,) = await two.read_after("lobby", 0, limit=1, max_bytes=1000)
            assert await heard(2)
            with psycopg.connect(database, autocommit=True) as stranger:
                stranger.execute("LISTEN trio_chat")
                stranger.execute("SELECT pg_notify('trio_chat', '[\"x\",[[\"lobby\",9]]]')")
            monkeypatch.setattr(FRESH_MS, -1)
            assert await heard(3) == ()
            monkeypatch.setattr(FRESH_MS, SOON_ENOUGH_MS)
            assert await heard(4)
            assert read.body == "text 1"


async def test_events_of_another_epoch_of_everything_are_read_after_a_look_at_everything(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FRESH_MS, SOON_ENOUGH_MS)
    with trio.fail_after(LIMIT_S):
        async with (
            open_postgresql_store(database) as one,
            open_postgresql_store(database) as two,
            two.hints() as hints,
        ):
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute("UPDATE meta SET value = '99' WHERE key = 'epochs'")
            seen: list[Hint] = []
            for number in (1, 2):
                draft = Draft(MESSAGE, "p-ada", "Ada", f"c{number}", "x")
                await one.append("lobby", [draft], at_ms=one.now_ms())
                while not seen or seen[-1].seq != number:
                    seen.append(await hints.receive())
            places = [seen.index(hint) for hint in seen if hint.seq == 1]
            assert EVERYTHING in seen[: places[0]]
            assert not seen[places[0]].events
            assert seen[-1].events, "the next is of an epoch that is known"
