"""Ephemeral state of one room: presence, typing and read markers, and which connections they come from.

Pure.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING

import attrs

from trio_chat.model.notices import PresenceChanged, ReadMarkersMoved
from trio_chat.presence.attendance import MAX_NAMES, Attendance, Typists
from trio_chat.presence.elsewhere import RoomElsewhere
from trio_chat.presence.read_markers import ReadMarkers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

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
        """Who has it on a screen here."""
        self.elsewhere = RoomElsewhere()
        """Who has it on a screen at other nodes."""
        self.told_nodes_s: float | None = None
        """When other nodes were told who is here, on Trio's clock; None: not since the room is on a screen here."""
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

    def has(self, person: str) -> bool:
        """Whether the person is present, here or at another node, so that others may know."""
        return self.attendance.has(person) or self.elsewhere.has(person)

    @property
    def count(self) -> int:
        """The number of people at all nodes. Of those whose names are not known some may be counted twice."""
        named = sum(not self.attendance.has(person) for person in self.elsewhere)
        return self.attendance.count + named + self.elsewhere.unnamed

    def present(self) -> list[str]:
        """The people who are present, at most `MAX_NAMES`, those who are here first."""
        here = self.attendance.people()
        there = (person for person in self.elsewhere if not self.attendance.has(person))
        return [*here, *islice(there, MAX_NAMES - len(here))]

    def people(self, ids: Iterable[str]) -> list[Person]:
        """People who are present, by id, with their present names and looks."""
        attendance, elsewhere = self.attendance, self.elsewhere
        return [
            attendance.connection_of(one).person if attendance.has(one) else elsewhere.person(one)
            for one in ids
        ]

    def take_changes(self) -> tuple[list[str], list[str], bool]:
        """The people who came and those who went since the last call, as of now, at all nodes; and whether the number
        may be another one. Who is told as come may have been here before."""
        changed, is_recounted = self.elsewhere.take_changed()
        people = dict.fromkeys(
            [*(person for part in self.attendance.take_changes() for person in part), *changed]
        )
        came = [person for person in people if self.has(person)]
        return came, [person for person in people if not self.has(person)], is_recounted

    def hidden_from(self, viewer: str, privacy: Privacy) -> set[str]:
        """Those who are present and whom the viewer is not shown."""
        return {person for person in privacy.apart_from(viewer) if self.has(person)}

    def view(self, connection: UserConnection, privacy: Privacy) -> RoomPresence:
        """Presence and read markers, as they are now and as this connection, which watches the room, is shown them."""
        viewer = connection.person.id
        people, count = self.present(), self.count
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
    is_recounted: bool
    """Whether the count may be another one, whoever came and went."""
    markers: Sequence[ReadMarker]
    """The read markers that moved, of people who show them."""

    def notices(self, sees_presence: bool, sees_receipts: bool, *, apart: AbstractSet[str]) -> list[Notice]:
        """What somebody is told of it who sees so much, and nothing of the people from whom they are ``apart``."""
        notices: list[Notice] = []
        came = [person for person in self.came if person not in apart and self.state.has(person)]
        went = [person for person in self.went if person not in apart]
        if sees_presence and (came or went or self.is_recounted):
            count = self.state.count - sum(map(self.state.has, apart))
            people = self.state.people(came) if self.is_named else []
            notices.append(PresenceChanged(self.state.room, count, people, went if self.is_named else []))
        markers = [marker for marker in self.markers if marker.person not in apart]
        if sees_receipts and markers:
            notices.append(ReadMarkersMoved(self.state.room, markers))
        return notices
