"""Places: how many rooms may be open that nobody is a member of, and which of them could be closed for another one.

Rooms with members, and those that are always open, have a place in any case."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from trio_chat.errors import Refused
from trio_chat.kinds.facts import LOBBY, PUBLIC, SERVER_ROOM
from trio_chat.kinds.rooms import check_name_of_new

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_chat.rooms.room import Room

ALWAYS_OPEN: Final = (LOBBY, SERVER_ROOM)
"""What is decided in the server room is heeded on every node, whether anybody there hears it or not."""


class Places:
    """The open rooms that need a place: at most ``limit`` (0: no bound) to which nobody ever wrote, and as many public
    ones that were written to and have no members. ``on_close`` is called with an idle room, to close it."""

    def __init__(self, limit: int, *, on_close: Callable[[Room], object]) -> None:
        self._limit = limit
        self._on_close = on_close
        self._empty = PlacesOfOneSort(limit)
        self._memberless = PlacesOfOneSort(limit)

    def open(self, room: Room) -> None:
        """Count a room that is opened. Raises `Refused` if there is no place for it."""
        places = self._of(room)
        if places is self._memberless:
            self._make_place(room)
        elif places is self._empty:
            self._close_idle_one(self._empty, but=room)
        self.sort(room)

    def wake(self, room: Room) -> None:
        """Admit the first submission to a room. Raises `Refused` if too many rooms are in use, or its name is not one
        to begin a room with."""
        if room in self._empty:
            if room.kind == PUBLIC:  # others get a member with their first event, or need none
                check_name_of_new(room.name)
                self._make_place(room)
                self._memberless.add(room)
            self._empty.discard(room)

    def sort(self, room: Room) -> None:
        """Count a room where it belongs (now)."""
        now = self._of(room)
        for places in (self._empty, self._memberless):
            if places is not now:
                places.discard(room)
        if now is not None and room not in now:
            now.add(room)

    def check(self, room: Room) -> None:
        """Raise `Refused` if too many empty rooms have subscriptions, and this would be one more."""
        if room in self._empty and len(self._empty) > (self._limit or math.inf):
            self._close_idle_one(self._empty, but=room)
            if len(self._empty) > self._limit and room.is_idle:
                self._on_close(room)
                raise Refused("too_many_rooms", "Too many empty rooms are in use on this server. Try later.")

    def note_idle(self, room: Room) -> None:
        """Note that a room has no subscription (any more)."""
        self._empty.note_idle(room)
        self._memberless.note_idle(room)

    def discard(self, room: Room) -> None:
        """Count a room no longer. Idempotent."""
        self._empty.discard(room)
        self._memberless.discard(room)

    def _of(self, room: Room) -> PlacesOfOneSort | None:
        """Where a room is counted; None for one that always has a place."""
        if room.name in ALWAYS_OPEN:
            return None
        if room.is_empty:
            return self._empty
        return self._memberless if room.kind == PUBLIC and not room.access.n_members else None

    def _make_place(self, room: Room) -> None:
        if not self._close_idle_one(self._memberless, but=room):
            raise Refused("too_many_rooms", "Too many rooms are in use on this server. Try again later.")

    def _close_idle_one(self, places: PlacesOfOneSort, *, but: Room) -> bool:
        """Close an idle room if all places are taken; False if one more would still be too many."""
        if places.are_taken:
            idle = places.find_idle(but=but)
            if idle is not None:
                self._on_close(idle)
        return not places.are_taken


class PlacesOfOneSort:
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
