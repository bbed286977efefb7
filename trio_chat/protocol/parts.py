"""Parts of replies: people, rooms, read markers, search hits.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003  (tests decode what is encoded here)
from typing import TYPE_CHECKING

import msgspec

from trio_chat.kinds.forms import Who  # noqa: TC001
from trio_chat.protocol.event_frames import EventFrame  # noqa: TC001

if TYPE_CHECKING:
    from trio_chat.model.events import Person


class User(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A person, as others see them."""

    id: str
    name: str
    colour: int | None = None
    picture: str | None = None
    seen: str | None = None
    """When they were here last, if they show it."""
    here: bool = False
    role: str | None = None


class Limits(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a client may do at most; 0: no limit."""

    text_chars: int
    """Of a message, in code points."""
    message_bytes: int
    """Of a WebSocket message, in UTF-8."""
    rooms: int
    """Joined over one connection."""
    commands_per_second: float
    """For long, of a person; more for a while: `commands_at_once`."""
    commands_at_once: int
    events_behind: int
    """A cursor that is further behind gets a reset."""
    file_bytes: int
    """Of one file."""
    files: int
    """Of one message."""
    files_left: int | None = None
    """So many bytes of files the person, or all the server, can take; None: no limit."""


class About(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The server: its version, its limits, and which commands it knows. ``page``: the version of its web page."""

    version: str
    limits: Limits
    commands: Sequence[str]
    page: str = ""
    previews: bool = False
    """Whether it shows previews of links."""


class MarkOf(msgspec.Struct, frozen=True, gc=False):
    """A read marker."""

    person: str
    delivered: int
    read: int


class RoomItem(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """A room in a list."""

    room: str
    head: int
    epoch: str
    kind: str = ""
    title: str = ""
    topic: str = ""
    owner: str | None = None
    with_: User | None = msgspec.field(default=None, name="with")
    """The other person of a direct room."""
    unread: int = 0
    mentions: int = 0
    read: int = 0
    delivered: int = 0
    members: int = 0
    joined: bool = False
    role: str | None = None
    """The person's own role, if they are more than a member."""
    policy: Mapping[str, int | str] = msgspec.field(default_factory=dict)
    """What of how it is run is not at its default, by the name of the setting."""
    muted_until: str | None = None
    """Until then, which may be over, the person is muted in it."""
    last: EventFrame | None = None
    """The newest message."""
    last_edit: EventFrame | None = None
    """Its newest edit."""
    active: str | None = None
    """When its newest event was written; None if there is none."""
    picture: int | None = None
    """The number of the event whose file 0 is its picture."""
    marks: Sequence[MarkOf] = ()
    """In a small room that is not public: whose read markers have reached the newest message, if it is the person's."""


class Own(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A person's own room: of each change key the newest event, and where its log ends."""

    room: str
    head: int
    epoch: str
    events: Sequence[EventFrame]
    more: bool = False
    """There are earlier ones."""


class Reactions(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """All reactions to message ``target`` with one emoji, and who gave the first of them that hold.

    ``since``: the number of the event by which the emoji came to the message."""

    target: int
    emoji: str
    count: int
    since: int
    mine: bool = False
    people: Sequence[Who] = ()


class Given(msgspec.Struct, frozen=True, gc=False):
    """One reaction, by the number of its event."""

    seq: int
    emoji: str
    person: Who


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """A receipt: when somebody received, or read, a message."""

    person: User
    at: str


class Hit(msgspec.Struct, frozen=True, gc=False):
    """A message that was found, with its text of now, and the highlights in that (code points)."""

    event: EventFrame
    marks: Sequence[tuple[int, int]]


class DeviceItem(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A device of the person who asks. ``created`` and ``used`` are left out where they are not known."""

    id: str
    name: str = ""
    created: str | None = None
    used: str | None = None
    here: bool = False
    """It is connected."""
    this: bool = False


class InviteItem(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An invitation."""

    by: User
    at: str
    expires_at: str | None = None
    uses_left: int | None = None


class ReportItem(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An open report: its event, and who looks after it."""

    event: EventFrame
    taken_by: str | None = None


class BranchItem(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Somebody who was brought in by somebody (their id), and when they came."""

    person: User
    by: str
    at: str


class RestrictionItem(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A ban or a mute, and until when; without end if that is missing."""

    person: User
    what: str
    until: str | None = None


def user_of(person: Person) -> User:
    """A person, as others see them."""
    return User(person.id, person.name, person.colour, person.picture)
