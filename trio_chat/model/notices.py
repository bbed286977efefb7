"""Notices: what connected people are told that stands in no room's log, as facts. Gateways put them into words.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.model.events import Person
    from trio_chat.model.records import Listing, Profile, ReadMarker


@attrs.frozen
class PresenceChanged:
    """Presence in a room: who came, who went, and how many people have it on a screen."""

    room: str
    count: int
    came: Sequence[Person]
    went: Sequence[str]


@attrs.frozen
class Typing:
    """Somebody is typing in a room, or recording a voice note."""

    room: str
    person: Person
    what: str


@attrs.frozen
class ReadMarkersMoved:
    """Read markers of a room that moved, as they are now, saved."""

    room: str
    markers: Sequence[ReadMarker]


@attrs.frozen
class PersonChanged:
    """A person has another name or other looks."""

    person: Person


@attrs.frozen
class RoomListed:
    """A room is in the person's list of rooms, and looks like this now."""

    listing: Listing
    other: Profile | None
    """Of a direct room: the other person."""


@attrs.frozen
class Requested:
    """The person is asked into a direct room, which looks like this now."""

    listing: Listing
    other: Profile | None
    """Who asks."""


@attrs.frozen
class RoomUnlisted:
    """A room is no longer in the person's list of rooms."""

    room: str


Notice: TypeAlias = (
    PresenceChanged | Typing | ReadMarkersMoved | PersonChanged | RoomListed | RoomUnlisted | Requested
)
