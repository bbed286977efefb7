"""Ephemeral state of one room: presence, typing and read markers, and which connections they come from.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from trio_chat.presence.attendance import Attendance, Typists
from trio_chat.presence.read_markers import ReadMarkers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.model.events import Person
    from trio_chat.model.records import ReadMarker
    from trio_chat.presence.connected import UserConnection


@attrs.frozen
class RoomPresence:
    """Presence and read markers of a room, as they are now."""

    room: str
    people: Sequence[Person]
    """People who have the room on a screen, at most `MAX_NAMES`."""
    count: int
    """The number of all people who have it on a screen."""
    markers: Sequence[ReadMarker]
    """The read markers that moved last, at most `MAX_NAMES`, newest first."""


class RoomState:
    """Ephemeral state of a room, kept while the room is on a screen or a marker of it is to be saved."""

    def __init__(self, room: str) -> None:
        self.room = room
        self.markers = ReadMarkers(room)
        self.attendance: Attendance[UserConnection] = Attendance()
        self.typists = Typists()
        self.knows_markers = False
        """Whether the saved markers were read from the store, so that all are here."""
        self.moved_by: dict[str, UserConnection] = {}
        """The connection that moved a person's marker last, by person: it needs no notice of it."""

    @property
    def is_idle(self) -> bool:
        """Whether no screen shows the room, and no marker is to be saved."""
        return not len(self.attendance) and not self.markers.has_moved

    def people(self, ids: Sequence[str]) -> list[Person]:
        """People who are present, by id, with their present names and looks."""
        return [self.attendance.connection_of(person).person for person in ids]

    def view(self) -> RoomPresence:
        """Presence and read markers, as they are now."""
        people = self.people(self.attendance.people())
        return RoomPresence(self.room, people, self.attendance.count, self.markers.latest())
