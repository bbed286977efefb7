"""Places: how many rooms of one sort may be open, and which of them could be closed for another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trio_chat.rooms.room import Room


class Places:
    """A bound on open rooms of one sort; 0: no bound. Whatever it does takes the same time however many there are."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rooms: dict[str, Room] = {}
        self._maybe_idle: dict[str, None] = {}
        """Those that lost their last subscription, or never had one, the first one first; some may be in use again."""

    def __contains__(self, room: Room) -> bool:
        return self._rooms.get(room.name) is room

    def __len__(self) -> int:
        return len(self._rooms)

    @property
    def are_taken(self) -> bool:
        """Whether there is no place for one more."""
        return bool(self._limit) and len(self._rooms) >= self._limit

    def add(self, room: Room) -> None:
        """Count a room. It may be one too many."""
        self._rooms[room.name] = room
        self.note_idle(room)

    def discard(self, room: Room) -> None:
        """Count a room no longer. Idempotent."""
        if room in self:
            del self._rooms[room.name]
            self._maybe_idle.pop(room.name, None)

    def note_idle(self, room: Room) -> None:
        """Note that a room has no subscription (any more), if it is one of these."""
        if room in self:
            self._maybe_idle[room.name] = None

    def find_idle(self, *, but: Room) -> Room | None:
        """A room that may be closed, the one that is idle for longest, and not this one; None if all are in use."""
        busy = []
        found = None
        while self._maybe_idle and found is None:
            name = next(iter(self._maybe_idle))
            del self._maybe_idle[name]
            room = self._rooms[name]
            if room is not but and room.is_idle:
                found = room
            elif not len(room.subscribers):  # its last messages are being written
                busy.append(room)
        for room in busy:
            self.note_idle(room)
        return found
