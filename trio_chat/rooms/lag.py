"""How far rooms are behind the log: what was written to it elsewhere, and is not fanned out here yet.

Under load there is always something on its way. So what counts is how long a room has not reached a number at which the
log was seen: that is measured where all rooms are compared with the log, every few seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from trio_chat.model.events import Position
    from trio_chat.rooms.room import Room


@attrs.frozen
class Lag:
    """How far the rooms are behind; nothing, if both are 0."""

    events: int = 0
    seconds: float = 0.0
    """How long the room that has waited for longest has not reached what was in the log then."""


@attrs.frozen
class _Mark:
    room: Room
    position: Position
    since_s: float

    @property
    def is_reached(self) -> bool:
        room = self.room
        return room.epoch == self.position.epoch and room.head >= self.position.seq


class LagWatch:
    """Keeps which rooms were behind the log when they were compared with it. All of it is sync; times are Trio's."""

    def __init__(self, now_s: float) -> None:
        self._marks: dict[str, _Mark] = {}
        self.looked_at_s = now_s
        """When all rooms were last compared with the log, or this was made."""

    def compare(self, room: Room, position: Position, now_s: float) -> None:
        """Note that the log of the room is there."""
        before = self._marks.get(room.name)
        if before is not None and before.room is room and not before.is_reached:
            return
        mark = _Mark(room, position, now_s)
        if not mark.is_reached:
            self._marks[room.name] = mark
        elif before is not None:
            del self._marks[room.name]

    def forget(self, name: str) -> None:
        """The room of this name is closed."""
        self._marks.pop(name, None)

    def lag(self, now_s: float) -> Lag:
        """The lag at this moment."""
        behind = [mark for mark in self._marks.values() if not mark.is_reached]
        return Lag(
            # Of another epoch at least one event, which began it.
            sum(max(1, mark.position.seq - mark.room.head) for mark in behind),
            max((now_s - mark.since_s for mark in behind), default=0.0),
        )
