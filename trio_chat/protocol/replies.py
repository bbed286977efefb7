"""What the server says to v1 clients: one struct for each type of frame. (Events of the log: `event_frames`.)

Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence  # noqa: TC003  (tests decode what is encoded here)
from typing import TYPE_CHECKING

import msgspec

from trio_chat.kinds.forms import Frame, Who
from trio_chat.protocol.event_frames import EventFrame

if TYPE_CHECKING:
    from trio_chat.errors import Refused
    from trio_chat.model.events import Person


# -- people and rooms, as parts of frames --


class User(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Somebody, as others see them."""

    id: str
    name: str
    colour: int | None = None
    picture: str | None = None
    seen: str | None = None
    """When they were here last, if they show it."""
    here: bool = False
    role: str | None = None


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
    """The other one of a conversation of two."""
    unread: int = 0
    mentions: int = 0
    read: int = 0
    delivered: int = 0
    members: int = 0
    joined: bool = False
    last: EventFrame | None = None
    """The newest message."""
    last_edit: EventFrame | None = None
    """Its newest edit."""


class Own(msgspec.Struct, frozen=True, gc=False):
    """A person's own room: the events that hold now, and where its log ends."""

    room: str
    head: int
    epoch: str
    events: Sequence[EventFrame]


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """Since when somebody has a message, or has read it."""

    person: User
    at: str


class MarkOf(msgspec.Struct, frozen=True, gc=False):
    """How far somebody has received and read a room."""

    person: str
    delivered: int
    read: int


class Hit(msgspec.Struct, frozen=True, gc=False):
    """A message that was found, as it is now, and where in its text (code points) is what was searched for."""

    event: EventFrame
    marks: Sequence[tuple[int, int]]


class InviteItem(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A link that is out."""

    by: User
    at: str
    expires_at: str | None = None
    uses_left: int | None = None


# -- answers --


class Welcome(Frame, tag="welcome", kw_only=True):
    """You are ``user``; ``token`` makes you the same again, and comes only when it is new."""

    user: User
    token: str | None = None
    rooms: Sequence[RoomItem]
    mine: Own | None = None

    def without(self, rooms: Collection[str]) -> Welcome:
        """See `Frame`."""
        return msgspec.structs.replace(self, rooms=[item for item in self.rooms if item.room not in rooms])


class Joined(Frame, tag="joined"):
    """The events after ``after`` follow; ``reset`` says that what you hold is of no use."""

    id: str
    room: str
    head: int
    epoch: str
    after: int
    reset: bool


class Left(Frame, tag="left"):
    """Nothing more comes from the room."""

    id: str
    room: str


class Ack(Frame, tag="ack"):
    """Your command stands in the log as number ``seq``."""

    id: str
    room: str
    seq: int


class HistoryPage(Frame, tag="history"):
    """The page you asked for, oldest first, what holds of its messages at ``upto``, and whether there is more."""

    id: str
    room: str
    events: Sequence[EventFrame]
    more: bool
    """There are older ones."""
    changes: Sequence[EventFrame] = ()
    upto: int = 0
    newer: bool = False


class Fetched(Frame, tag="fetched"):
    """The events you asked for, and what holds of them at ``upto``."""

    id: str
    room: str
    events: Sequence[EventFrame]
    changes: Sequence[EventFrame]
    upto: int


class VersionsOf(Frame, tag="versions"):
    """What message ``seq`` has said, oldest first."""

    id: str
    room: str
    seq: int
    events: Sequence[EventFrame]


class RoomInfo(Frame, tag="info", kw_only=True):
    """What a room is, at ``upto``."""

    id: str
    room: str
    kind: str
    title: str = ""
    topic: str = ""
    owner: str | None = None
    members: Sequence[User] = ()
    count: int = 0
    pins: Sequence[int] = ()
    upto: int


class RoomAdded(Frame, tag="room_added"):
    """A room is in your list now, or looks like this now."""

    item: RoomItem

    def without(self, rooms: Collection[str]) -> RoomAdded | None:
        """See `Frame`."""
        return None if self.item.room in rooms else self


class RoomRemoved(Frame, tag="room_removed"):
    """A room is in your list no more."""

    room: str


class DirectoryPage(Frame, tag="directory"):
    """Public rooms."""

    id: str
    rooms: Sequence[RoomItem]

    def without(self, rooms: Collection[str]) -> DirectoryPage:
        """See `Frame`. Public rooms may be heard by all, so they stay."""
        items = [
            msgspec.structs.replace(item, joined=item.joined and item.room not in rooms)
            for item in self.rooms
        ]
        return msgspec.structs.replace(self, rooms=items)


class Invited(Frame, tag="invited"):
    """The link you asked for."""

    id: str
    room: str
    token: str
    expires_at: str | None = None
    uses: int | None = None


class InvitesOf(Frame, tag="invites"):
    """The links that are out."""

    id: str
    room: str
    invites: Sequence[InviteItem]


class Done(Frame, tag="done"):
    """It is done."""

    id: str


class Peeked(Frame, tag="peek", kw_only=True):
    """Where a link leads; ``room`` only if you are a member of it."""

    id: str
    room: str | None = None
    kind: str
    title: str = ""
    topic: str = ""
    members: int
    by: User

    def without(self, rooms: Collection[str]) -> Peeked:
        """See `Frame`."""
        return msgspec.structs.replace(self, room=None) if self.room in rooms else self


class Renamed(Frame, tag="renamed"):
    """You are called this now."""

    id: str
    user: User


class Profiled(Frame, tag="profiled"):
    """You are shown like this now."""

    id: str
    user: User
    show_seen: bool = True


class PeopleFound(Frame, tag="people"):
    """Who they are, as far as they are known."""

    id: str
    people: Sequence[User]


class PersonChanged(Frame, tag="person"):
    """Somebody is shown like this now."""

    person: User


class LinkCode(Frame, tag="link"):
    """The code for your other device, and for how long."""

    id: str
    code: str
    expires_s: int


class Watching(Frame, tag="watching"):
    """Who is in the room you watch, and how far everybody is."""

    id: str
    room: str | None
    here: Sequence[User] = ()
    count: int = 0
    marks: Sequence[MarkOf] = ()


class Presence(Frame, tag="presence"):
    """Who came into the room you watch, who went, and how many are here."""

    room: str
    count: int
    came: Sequence[User] = ()
    went: Sequence[str] = ()


class TypingIn(Frame, tag="typing"):
    """Somebody is writing something."""

    room: str
    person: Who


class Marks(Frame, tag="marks"):
    """How far some people are now."""

    room: str
    marks: Sequence[MarkOf]


class ReceiptsOf(Frame, tag="receipts"):
    """Who has received and who has read a message, and since when."""

    id: str
    room: str
    seq: int
    read: Sequence[Receipt]
    delivered: Sequence[Receipt]


class Found(Frame, tag="found"):
    """What was found, newest first; ``cursor`` to go on."""

    id: str
    query: str
    hits: Sequence[Hit]
    cursor: str | None = None

    def without(self, rooms: Collection[str]) -> Found:
        """See `Frame`."""
        return msgspec.structs.replace(self, hits=[hit for hit in self.hits if hit.event.room not in rooms])


class Pong(Frame, tag="pong"):
    """I am here."""

    id: str


class Failure(Frame, tag="error", kw_only=True):
    """Your command was refused, and why; ``retry_after`` in seconds where waiting helps."""

    id: str | None = None
    room: str | None = None
    code: str
    message: str
    retry_after: float | None = None

    @classmethod
    def of(cls, refused: Refused, command_id: str | None, *, room: str | None = None) -> Failure:
        """The frame that tells a client that its command was refused."""
        return cls(
            id=command_id,
            room=room,
            code=refused.code,
            message=refused.message,
            retry_after=refused.retry_after_s,
        )


Answer = (
    Welcome
    | Joined
    | Left
    | EventFrame
    | Ack
    | HistoryPage
    | Fetched
    | VersionsOf
    | RoomInfo
    | RoomAdded
    | RoomRemoved
    | DirectoryPage
    | Invited
    | InvitesOf
    | Done
    | Peeked
    | Renamed
    | Profiled
    | PeopleFound
    | PersonChanged
    | LinkCode
    | Watching
    | Presence
    | TypingIn
    | Marks
    | ReceiptsOf
    | Found
    | Pong
    | Failure
)


def user_of(person: Person) -> User:
    """A person as others see them."""
    return User(person.id, person.name, person.colour, person.picture)
