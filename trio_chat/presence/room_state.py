"""Ephemeral state of one room: presence, typing and read markers, and which connections they come from.

Pure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

from trio_chat.model.notices import PresenceChanged, ReadMarkersMoved
from trio_chat.presence.attendance import Attendance, Typists
from trio_chat.presence.read_markers import ReadMarkers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.model.events import Person
    from trio_chat.model.notices import Notice
    from trio_chat.model.records import ReadMarker
    from trio_chat.presence.connected import UserConnection
    from trio_chat.presence.privacy import Privacy


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
        self.markers_read_s = -math.inf
        """When the saved markers were read from the store, on Trio's clock: all are here that were saved by then."""
        self.moved_by: dict[str, UserConnection] = {}
        """The connection that moved a person's marker last, by person: it needs no notice of it."""
        self.few: frozenset[str] = frozenset()
        """The members, where all of them are told of moved markers, watching or not (`FEW`); else nobody."""

    @property
    def is_idle(self) -> bool:
        """Whether no screen shows the room, and no marker is to be saved."""
        return not len(self.attendance) and not self.markers.has_moved

    def people(self, ids: Sequence[str]) -> list[Person]:
        """People who are present, by id, with their present names and looks."""
        return [self.attendance.connection_of(person).person for person in ids]

    def hidden_from(self, viewer: str, privacy: Privacy) -> set[str]:
        """Those who are present and whom the viewer is not shown."""
        return {person for person in privacy.apart_from(viewer) if self.attendance.has(person)}

    def view(self, connection: UserConnection, privacy: Privacy) -> RoomPresence:
        """Presence and read markers, as they are now and as this connection, which watches the room, is shown them."""
        viewer = connection.person.id
        people, count = self.attendance.people(), self.attendance.count
        if self.attendance.shows(connection):
            hidden = self.hidden_from(viewer, privacy)
            people, count = [person for person in people if person not in hidden], count - len(hidden)
        else:
            people, count = [], 0
        return RoomPresence(
            self.room,
            self.people(people),
            count,
            [one for one in self.markers.latest() if privacy.sees(viewer, one.person, "receipts")],
        )


@attrs.frozen
class RoomChange:
    """What changed in a room since the last broadcast."""

    state: RoomState
    came: Sequence[str]
    went: Sequence[str]
    is_named: bool
    """Whether those who came and went are named; else only the count is told."""
    markers: Sequence[ReadMarker]
    """The read markers that moved, of people who show them."""

    def notices(self, sees_presence: bool, sees_receipts: bool, *, apart: set[str]) -> list[Notice]:
        """What somebody is told of it who sees so much, and nothing of the people from whom they are ``apart``."""
        notices: list[Notice] = []
        came = [person for person in self.came if person not in apart and self.state.attendance.has(person)]
        went = [person for person in self.went if person not in apart]
        if sees_presence and (came or went):
            count = self.state.attendance.count - sum(map(self.state.attendance.has, apart))
            people = self.state.people(came) if self.is_named else []
            notices.append(PresenceChanged(self.state.room, count, people, went if self.is_named else []))
        markers = [marker for marker in self.markers if marker.person not in apart]
        if sees_receipts and markers:
            notices.append(ReadMarkersMoved(self.state.room, markers))
        return notices
