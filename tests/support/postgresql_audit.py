"""What must be true of a log that several nodes have written, whatever happened to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.kinds.table import MESSAGES
from trio_chat.model.events import DAMAGED, Event
from trio_chat.model.outcomes import Repeat

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from trio_chat.model.outcomes import Outcome
    from trio_chat.store.base import Store

BIG = 10**9


async def audit(
    store: Store, rooms: Iterable[str], told: Collection[tuple[str, Outcome]]
) -> dict[str, list[Event]]:
    """Check that each room is dense and whole (its digests prove it), that all that was told (the bodies, which of
    messages are all different, and what became of them) is so, and nothing stands twice. Returns the logs."""
    logs = {room: await store.read_after(room, 0, limit=BIG, max_bytes=BIG) for room in rooms}
    for room, log in logs.items():
        assert [event.seq for event in log] == list(range(1, len(log) + 1)), room
        assert not [event.seq for event in log if event.kind == DAMAGED], room
        assert (await store.position(room)).seq == len(log), room
    bodies = [event.body for log in logs.values() for event in log if event.kind in MESSAGES]
    assert len(bodies) == len(set(bodies))
    for body, outcome in told:
        assert isinstance(outcome, Event | Repeat), outcome
        event = logs[outcome.room][outcome.seq - 1]
        assert event.body == body
        if isinstance(outcome, Event):
            assert outcome == event
    return logs
