"""Records: rooms, people, markers, invitations and search results, as a store takes and returns them. Immutable, pure.

Times are milliseconds since 1970 UTC. Persons and rooms are given by their ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import attrs

from trio_chat.model.events import Person

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trio_chat.model.events import Event, Position


@attrs.frozen
class RoomState:
    """State of a room at a position in its log: all that follows from the events up to there, except messages."""

    position: Position
    kind: str
    title: str
    topic: str
    owner: str | None
    members: Mapping[str, str]
    """Person id to role (`trio_chat.kinds.standing`). (Everybody is in the lobby; nobody is listed there.)"""
    pins: tuple[int, ...]
    """Sequence numbers of the pinned messages, the one pinned last at the end."""
    policy: Mapping[str, int | str] = attrs.field(factory=dict)
    """What of how it is run is not at its default, by the name of the setting."""
    restrictions: Mapping[tuple[str, str], int] = attrs.field(factory=dict)
    """When each ban and mute ends, by its kind and the person."""
    knocking: tuple[str, ...] = ()
    """Those who wait to be let in, in the order in which they came."""
    pair: frozenset[str] = frozenset()
    """The two people of a direct room, in it or not."""
    picture: int | None = None
    """Number of the event whose file 0 is its picture."""


@attrs.frozen
class Listing:
    """Entry of a room in one person's list of rooms."""

    room: str
    position: Position
    kind: str
    title: str
    topic: str
    owner: str | None
    n_members: int
    """In the lobby: the number of all registered people."""
    is_member: bool
    other: str | None
    """Direct rooms only: the id of the other person."""
    read: int
    """Read marker. If the person never read anything: the number of the event that made them a member."""
    delivered: int
    unread: int
    """Messages by others after ``read`` that were not deleted. Counting ends at `MAX_UNREAD_COUNTED`."""
    mentions: int
    """How many of those, not too old, mention the person, or everybody."""
    last: Event | None
    """Newest message; None if there is none among the newest events."""
    last_edit: Event | None
    """Newest edit of that message."""
    newest_ms: int = 0
    """When its newest event was written; 0 if there is none."""
    role: str | None = None
    """The person's role; None: not a member."""
    policy: Mapping[str, int | str] = attrs.field(factory=dict)
    """As in `RoomState`."""
    was_opened: bool = False
    """Whether the person ever read something in it."""
    muted_ms: int | None = None
    """Until then, which may be over, the person is muted in it."""
    picture: int | None = None
    """As in `RoomState`."""


class DirectoryPlace(NamedTuple):
    """Place of a room in the directory, which is ordered by the newest event, the newest first, and by name."""

    newest_ms: int
    room: str


class EventPlace(NamedTuple):
    """Place of an event among those of all rooms, which are ordered by when they were written."""

    at_ms: int
    room: str
    seq: int


class RoomRetention(NamedTuple):
    """How long a room keeps its messages, by its own policy."""

    room: str
    kind: str
    days: int
    """0: it does not say."""


MAX_UNREAD_COUNTED = 100
"""Unread messages are counted up to this number; it means "so many, or more"."""


@attrs.frozen
class Profile:
    """Profile of a person."""

    id: str
    name: str
    colour: int | None = None
    picture: str | None = None
    """Name of their picture."""
    seen_ms: int | None = None
    """When they were last connected; None: never, or not known."""
    shows_seen: bool = True
    """Whether others may see ``seen_ms``, and whether they are here."""
    shows_receipts: bool = True
    """Whether others may see what they have received and read."""
    shows_typing: bool = True
    """Whether others may see that they are typing."""

    @property
    def person(self) -> Person:
        """Whose it is."""
        return Person(self.id, self.name, self.colour, self.picture)


@attrs.frozen
class NameRelease:
    """Name that the operator has set free: a person was called so, and is called ``now``; None: they were called so
    until lately."""

    id: str
    person: str
    freed: str
    now: str | None


@attrs.frozen
class Picture:
    """Picture of a person: a small one, stored under the hash of its bytes, or one that is a blob."""

    hash: str
    """Its name, under which others fetch it."""
    media_type: str
    data: bytes
    blob: str | None = None
    """Where its content is, if that is not ``data``."""


@attrs.frozen
class ServerIdentity:
    """Who a server is to its clients."""

    id: str
    """Tells its log from all others."""
    token_key: bytes = attrs.field(repr=False)
    """Secret from which the tokens are derived that replace older ones."""


@attrs.frozen
class Device:
    """Device that a person is logged in on: a browser, a program."""

    id: str
    name: str
    """What it says it is; may be empty."""
    created_ms: int
    """When it was logged in; 0: not known."""
    used_ms: int
    """When it was last in use, to the hour; 0: not known."""


@attrs.frozen
class Login:
    """What a token stands for."""

    person: Person
    device: Device
    issued_ms: int
    """When the token was issued; 0: not known."""
    replaces_another: bool
    """Whether there still is the token that this one replaces."""
    has_recovery: bool
    """Whether the person has a recovery code."""
    known_ms: int
    """Since when the person is known (`trio_chat.kinds.newcomers`)."""


@attrs.frozen
class ReadMarker:
    """Read marker of a person in a room: the newest event delivered to them, and the newest they read."""

    room: str
    person: str
    delivered: int
    """Never less than ``read``: what was read was delivered too."""
    read: int


@attrs.frozen
class MessageReceipt:
    """Receipt of a message by a person: when it was delivered and when read. None: not yet, or not known any more."""

    person: str
    delivered_ms: int | None
    read_ms: int | None


@attrs.frozen
class ReactionCount:
    """All reactions to message ``target`` with one emoji, as somebody is told them."""

    target: int
    emoji: str
    count: int
    since: int
    """Number of the event by which it came to the message, from nobody's to somebody's: emoji stand in this order."""
    is_mine: bool
    """Whether one of them is the reader's."""
    people: Sequence[Person]
    """Who gave the first of them that hold, in order, under their names of now: at most `FIRST_NAMES`."""


FIRST_NAMES = 5
"""Of so many people who reacted it is told with a message who they are."""


@attrs.frozen
class GivenReaction:
    """One reaction that holds, by the number of its event."""

    seq: int
    emoji: str
    person: Person


@attrs.frozen
class MessageChanges:
    """What holds of some messages at number ``upto``: the newest event of each change key, in order, and the reactions.

    ``n_messages`` of the messages that were asked for are in it, from the first on.
    """

    upto: int
    events: Sequence[Event]
    reactions: Sequence[ReactionCount]
    n_messages: int


@attrs.frozen
class Invitation:
    """Invitation into a room: whoever has its token may join."""

    hash: bytes
    """Hash of the token. The token itself is not stored."""
    room: str
    person: str
    """Who invites."""
    at_ms: int
    expires_ms: int | None
    """None: never."""
    uses_left: int | None
    """None: no limit."""


@attrs.frozen
class ListedRooms:
    """Rooms of one person's list, and what it tells of others."""

    rooms: list[Listing]
    others: list[Profile]
    """The other people of direct rooms."""
    markers: list[ReadMarker]
    """Those that have come to the newest message of a small room, where that is the person's own."""


@attrs.frozen
class ArrivalLists:
    """What somebody who has logged in has lists of."""

    stamp: str
    """What the list is called by whoever asks later what changed of it."""
    listed: ListedRooms
    requests: list[Listing]
    """See `trio_chat.store.contract.rooms.RoomTable.requests`."""
    own: tuple[Position, list[Event]] | None
    """See `trio_chat.store.contract.event_log.EventLog.personal`; None: nothing of it changed since then."""
    is_whole: bool
    """Whether all rooms are listed, and not only the lobby and those of which something changed since then."""


@attrs.frozen
class Arrival:
    """What somebody needs first who has logged in, all of one moment."""

    blocks: list[tuple[str, str]]
    """See `trio_chat.store.contract.people.PeopleTable.blocks`."""
    files_left: int | None
    """See `trio_chat.store.contract.files.FileTable.files_left`."""
    lists: ArrivalLists | None
    """None unless they were asked for."""


@attrs.frozen
class BroughtIn:
    """Somebody who came by an invitation."""

    id: str
    by: str
    """Who invited them."""
    at_ms: int
    """When they came."""


@attrs.frozen
class SearchHit:
    """Message found by a search."""

    event: Event
    """Its event; or `trio_chat.model.events.damaged`, if that or its newest edit is not what was written."""
    text: str
    """Its text now, after edits. Empty if damaged."""
    highlights: list[tuple[int, int]]
    """Where the search terms are in ``text``: (start, end) in code points, ascending and disjoint."""


@attrs.frozen
class SearchResults:
    """Some of the messages found, newest first. May be few, or none at all, although there is a ``cursor``."""

    hits: list[SearchHit]
    cursor: str | None
    """What to search on with; None: that is all."""


@attrs.frozen
class AlbumPage:
    """Some messages of an album, in order. May be few, or none at all, although there are more."""

    events: list[Event]
    """Their events; or `trio_chat.model.events.damaged`."""
    before: int | None
    """Before which number there are more; None: that is all."""
