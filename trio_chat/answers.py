"""What the server says to v1 clients: one struct for each type of frame, and how an event of the log is told.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003  (tests decode what is encoded here)
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from trio_chat import bodies
from trio_chat.events import DAMAGED, MESSAGE, Event, Person

if TYPE_CHECKING:
    from trio_chat.commands import Join
    from trio_chat.errors import Refused
    from trio_chat.events import Position


class _Frame(msgspec.Struct, tag_field="type", gc=False, omit_defaults=True):
    """A JSON object with a ``type``; what stands at its default is left out."""


def timestamp(at_ms: int) -> str:
    """A moment as it is told: UTC, to the millisecond."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


# -- events --


class Message(_Frame, tag="message", kw_only=True, rename={"sender": "from"}):
    """Somebody said something, and it stands in the log."""

    room: str
    seq: int
    id: str | None = None
    sender: str
    name: str
    text: str
    at: str
    reply_to: int | None = None
    mentions: tuple[str, ...] = ()
    forwarded: str | None = None
    deleted: bool = False


class Damaged(_Frame, tag="damaged"):
    """Event ``seq`` is not what was written, and told to nobody."""

    room: str
    seq: int


class _Change(_Frame, kw_only=True, rename={"sender": "from"}):
    """What all other events have in common."""

    room: str
    seq: int
    id: str | None = None
    sender: str
    name: str
    at: str


class Edit(_Change, tag="edit", kw_only=True):
    """Message ``target`` says this now."""

    target: int
    text: str
    mentions: tuple[str, ...] = ()
    deleted: bool = False


class Delete(_Change, tag="delete", kw_only=True):
    """Message ``target`` was deleted."""

    target: int


class Reaction(_Change, tag="reaction", kw_only=True):
    """An emoji was put to message ``target``, or taken away."""

    target: int
    emoji: str
    on: bool


class Pin(_Change, tag="pin", kw_only=True):
    """Message ``target`` was pinned, or is no more."""

    target: int
    on: bool


class Created(_Change, tag="created", kw_only=True):
    """The room began."""

    kind: str
    title: str = ""
    topic: str = ""
    members: tuple[bodies.Who, ...] = ()


class Settings(_Change, tag="settings", kw_only=True):
    """The room's title or topic is this now."""

    title: str | None = None
    topic: str | None = None


class Membership(_Change, tag="member", kw_only=True):
    """The person is a member from here on, or no more."""

    person: bodies.Who
    on: bool


class Star(_Change, tag="star", kw_only=True):
    """Personal: message ``target`` of the room ``of`` is starred, or no more."""

    of: str
    target: int
    on: bool


class Hide(_Change, tag="hide", kw_only=True):
    """Personal: message ``target`` of the room ``of`` is not to be shown, or is again."""

    of: str
    target: int
    on: bool


class Level(_Change, tag="level", kw_only=True):
    """Personal: what of the room ``of`` one wants to be told."""

    of: str
    level: str
    until: str | None = None


class Unread(_Change, tag="unread", kw_only=True):
    """Personal: the room ``of`` was marked as unread from a message on, or (null) no more."""

    of: str
    from_seq: int | None


Change = Edit | Delete | Reaction | Pin | Created | Settings | Membership | Star | Hide | Level | Unread
Told = Message | Damaged | Change
"""What a v1 client is told of an event of the log."""


def told(event: Event) -> Told:
    """What a v1 client is told of this event."""
    if event.kind == MESSAGE and event.body is not None:
        return Message(
            room=event.room,
            seq=event.seq,
            id=event.client_id,
            sender=event.sender,
            name=event.name,
            text=event.body,
            at=timestamp(event.at_ms),
        )
    if event.kind == DAMAGED:
        return Damaged(room=event.room, seq=event.seq)
    return _told(event)


def _told(event: Event) -> Told:
    common: dict[str, Any] = {
        "room": event.room,
        "seq": event.seq,
        "id": event.client_id,
        "sender": event.sender,
        "name": event.name,
        "at": timestamp(event.at_ms),
    }
    if event.body is None:
        if event.kind == bodies.EDIT:
            return Edit(**common, target=0, text="", deleted=True)
        return Message(**common, text="", deleted=True)
    body = bodies.read_body(event.kind, event.body)
    match body:
        case bodies.Post():
            return Message(
                **common,
                text=body.text,
                reply_to=body.reply_to,
                mentions=body.mentions,
                forwarded=body.forwarded,
            )
        case bodies.Edit():
            return Edit(**common, target=body.target, text=body.text, mentions=body.mentions)
        case bodies.Delete():
            return Delete(**common, target=body.target)
        case bodies.Reaction():
            return Reaction(**common, target=body.target, emoji=body.emoji, on=body.on)
        case bodies.Pin():
            return Pin(**common, target=body.target, on=body.on)
        case bodies.Created():
            return Created(**common, kind=body.kind, title=body.title, topic=body.topic, members=body.members)
        case bodies.Settings():
            return Settings(**common, title=body.title, topic=body.topic)
        case bodies.Membership():
            return Membership(**common, person=body.person, on=body.on)
        case bodies.Star():
            personal: type[Star | Hide] = Star if event.kind == bodies.STAR else Hide
            return personal(**common, of=body.room, target=body.target, on=body.on)
        case bodies.Level():
            until = None if body.until_ms is None else timestamp(body.until_ms)
            return Level(**common, of=body.room, level=body.level, until=until)
        case bodies.Unread():
            return Unread(**common, of=body.room, from_seq=body.seq)


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
    last: Told | None = None
    """The newest message."""
    last_edit: Told | None = None
    """Its newest edit."""


class Own(msgspec.Struct, frozen=True, gc=False):
    """A person's own room: the events that hold now, and where its log ends."""

    room: str
    head: int
    epoch: str
    events: Sequence[Told]


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

    event: Told
    marks: Sequence[tuple[int, int]]


class InviteItem(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A link that is out."""

    by: User
    at: str
    expires_at: str | None = None
    uses_left: int | None = None


# -- answers --


class Welcome(_Frame, tag="welcome", kw_only=True):
    """You are ``user``; ``token`` makes you the same again, and comes only when it is new."""

    user: User
    token: str | None = None
    rooms: Sequence[RoomItem]
    mine: Own | None = None


class Joined(_Frame, tag="joined"):
    """The events after ``after`` follow; ``reset`` says that what you hold is of no use."""

    id: str
    room: str
    head: int
    epoch: str
    after: int
    reset: bool

    @classmethod
    def at(cls, command: Join, position: Position, *, after: int, reset: bool) -> Joined:
        """The answer to ``command`` in a room whose log ends at ``position``."""
        return cls(
            id=command.id,
            room=command.room,
            head=position.seq,
            epoch=position.epoch,
            after=after,
            reset=reset,
        )


class Left(_Frame, tag="left"):
    """Nothing more comes from the room."""

    id: str
    room: str


class Ack(_Frame, tag="ack"):
    """Your command stands in the log as number ``seq``."""

    id: str
    room: str
    seq: int


class HistoryPage(_Frame, tag="history"):
    """The page you asked for, oldest first, what holds of its messages at ``upto``, and whether there is more."""

    id: str
    room: str
    events: Sequence[Told]
    more: bool
    """There are older ones."""
    changes: Sequence[Told] = ()
    upto: int = 0
    newer: bool = False


class Fetched(_Frame, tag="fetched"):
    """The events you asked for, and what holds of them at ``upto``."""

    id: str
    room: str
    events: Sequence[Told]
    changes: Sequence[Told]
    upto: int


class VersionsOf(_Frame, tag="versions"):
    """What message ``seq`` has said, oldest first."""

    id: str
    room: str
    seq: int
    events: Sequence[Told]


class RoomInfo(_Frame, tag="info", kw_only=True):
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


class RoomAdded(_Frame, tag="room_added"):
    """A room is in your list now, or looks like this now."""

    item: RoomItem


class RoomRemoved(_Frame, tag="room_removed"):
    """A room is in your list no more."""

    room: str


class DirectoryPage(_Frame, tag="directory"):
    """Public rooms."""

    id: str
    rooms: Sequence[RoomItem]


class Invited(_Frame, tag="invited"):
    """The link you asked for."""

    id: str
    room: str
    token: str
    expires_at: str | None = None
    uses: int | None = None


class InvitesOf(_Frame, tag="invites"):
    """The links that are out."""

    id: str
    room: str
    invites: Sequence[InviteItem]


class Done(_Frame, tag="done"):
    """It is done."""

    id: str


class Peeked(_Frame, tag="peek", kw_only=True):
    """Where a link leads; ``room`` only if you are a member of it."""

    id: str
    room: str | None = None
    kind: str
    title: str = ""
    topic: str = ""
    members: int
    by: User


class Renamed(_Frame, tag="renamed"):
    """You are called this now."""

    id: str
    user: User


class Profiled(_Frame, tag="profiled"):
    """You are shown like this now."""

    id: str
    user: User
    show_seen: bool = True


class PeopleFound(_Frame, tag="people"):
    """Who they are, as far as they are known."""

    id: str
    people: Sequence[User]


class PersonChanged(_Frame, tag="person"):
    """Somebody is shown like this now."""

    person: User


class LinkCode(_Frame, tag="link"):
    """The code for your other device, and for how long."""

    id: str
    code: str
    expires_s: int


class Watching(_Frame, tag="watching"):
    """Who is in the room you watch, and how far everybody is."""

    id: str
    room: str | None
    here: Sequence[User] = ()
    count: int = 0
    marks: Sequence[MarkOf] = ()


class Presence(_Frame, tag="presence"):
    """Who came into the room you watch, who went, and how many are here."""

    room: str
    count: int
    came: Sequence[User] = ()
    went: Sequence[str] = ()


class TypingIn(_Frame, tag="typing"):
    """Somebody is writing something."""

    room: str
    person: bodies.Who


class Marks(_Frame, tag="marks"):
    """How far some people are now."""

    room: str
    marks: Sequence[MarkOf]


class ReceiptsOf(_Frame, tag="receipts"):
    """Who has received and who has read a message, and since when."""

    id: str
    room: str
    seq: int
    read: Sequence[Receipt]
    delivered: Sequence[Receipt]


class Found(_Frame, tag="found"):
    """What was found, newest first; ``cursor`` to go on."""

    id: str
    query: str
    hits: Sequence[Hit]
    cursor: str | None = None


class Pong(_Frame, tag="pong"):
    """I am here."""

    id: str


class Failure(_Frame, tag="error", kw_only=True):
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
    | Told
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
