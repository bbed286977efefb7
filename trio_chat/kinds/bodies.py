"""What stands in the bodies of events that are more than a text: one struct for each kind, written as JSON.

The same struct is always written as the same bytes (fields in order, defaults left out), since a repeat is known by its
body (`trio_chat.store.plan`). So a field is never renamed, moved or given another default; new ones come last.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trio_chat.model.events import MESSAGE

if TYPE_CHECKING:
    from trio_chat.model.events import Event

EVERYBODY: Final = "all"
"""What a mention of everybody in the room says in the place of a person's id."""


class _Body(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The body of an event, as a JSON object."""


class Who(msgspec.Struct, frozen=True, gc=False):
    """A person as they were called then."""

    id: str
    name: str


class Post(_Body, frozen=True):
    """A message with more than a text."""

    text: str
    reply_to: int | None = None
    mentions: tuple[str, ...] = ()
    """Ids of people, or `EVERYBODY`."""
    forwarded: str | None = None
    """The name of who said it elsewhere."""


class Edit(_Body, frozen=True):
    """Message ``target`` says this now."""

    target: int
    text: str
    mentions: tuple[str, ...] = ()


class Delete(_Body, frozen=True):
    """Message ``target`` says nothing any more, to anybody."""

    target: int


class Reaction(_Body, frozen=True):
    """The sender puts an emoji to message ``target``, or takes it away."""

    target: int
    emoji: str
    on: bool


class Pin(_Body, frozen=True):
    """Message ``target`` is pinned, or no more."""

    target: int
    on: bool


class Created(_Body, frozen=True):
    """The room begins, with these members; who created it is its owner, unless it is direct."""

    kind: str
    """``public``, ``private`` or ``direct``."""
    title: str = ""
    topic: str = ""
    members: tuple[Who, ...] = ()


class Settings(_Body, frozen=True):
    """The room's title or topic is this now; None: as it was."""

    title: str | None = None
    topic: str | None = None


class Membership(_Body, frozen=True):
    """The person is a member from here on, or no more."""

    person: Who
    on: bool
    invite: str | None = None
    """The hash of the invitation that let them in, in hexadecimal."""


class Star(_Body, frozen=True):
    """Personal: message ``target`` of a room is starred (or hidden: the same fields), or no more."""

    room: str
    target: int
    on: bool


class Level(_Body, frozen=True):
    """Personal: of which messages of a room one wants to be told."""

    room: str
    level: str
    """``all``, ``mentions`` or ``none``."""
    until_ms: int | None = None
    """When it ends and ``all`` holds again: milliseconds since 1970 UTC."""


class Unread(_Body, frozen=True):
    """Personal: the room was marked as unread from message ``seq`` on; None: no more."""

    room: str
    seq: int | None = None


Body = Post | Edit | Delete | Reaction | Pin | Created | Settings | Membership | Star | Level | Unread

POST: Final = "post"
EDIT: Final = "edit"
DELETE: Final = "delete"
REACTION: Final = "reaction"
PIN: Final = "pin"
CREATED: Final = "created"
SETTINGS: Final = "settings"
MEMBER: Final = "member"
STAR: Final = "star"
HIDE: Final = "hide"
LEVEL: Final = "level"
UNREAD: Final = "unread"

MESSAGES: Final = frozenset({MESSAGE, POST})
"""The kinds that people read as messages."""

PERSONAL: Final = frozenset({STAR, HIDE, LEVEL, UNREAD})
"""The kinds of a person's own room."""

NAMING: Final = frozenset({CREATED, MEMBER})
"""The kinds whose bodies say what people were called."""

_TYPES: Final[dict[str, type[Body]]] = {
    POST: Post,
    EDIT: Edit,
    DELETE: Delete,
    REACTION: Reaction,
    PIN: Pin,
    CREATED: Created,
    SETTINGS: Settings,
    MEMBER: Membership,
    STAR: Star,
    HIDE: Star,
    LEVEL: Level,
    UNREAD: Unread,
}

_JSON: Final = msgspec.json.Encoder()
_DECODERS: Final = {kind: msgspec.json.Decoder(struct) for kind, struct in _TYPES.items()}


def write_body(body: Body) -> str:
    """The body as it stands in the log."""
    return _JSON.encode(body).decode()


def read_body(kind: str, body: str) -> Body:
    """The body of an event of any kind but `MESSAGE`. Raises `KeyError` for a kind that this program does not know."""
    return _DECODERS[kind].decode(body)


def change_key(kind: str, sender: str, body: Body) -> tuple[int, str] | None:
    """What of which message this event is the newest word on: (target, key); None if it is about no message.

    Of all events with one key only the newest matters. Personal events are about target 0 of the person's own room.
    """
    match body:
        case Edit() | Delete() | Pin():
            return body.target, kind
        case Reaction():
            return body.target, f"react:{sender}:{body.emoji}"
        case Star():
            return 0, f"{kind}:{body.room}:{body.target}"
        case Level() | Unread():
            return 0, f"{kind}:{body.room}"
    return None


def renamed(kind: str, body: str, person: str, name: str) -> str:
    """The body (of one of the kinds `NAMING`) as it would be if this person were called so."""
    said = read_body(kind, body)
    match said:
        case Created():
            members = tuple(Who(who.id, name) if who.id == person else who for who in said.members)
            said = msgspec.structs.replace(said, members=members)
        case Membership(person=Who(id=who)) if who == person:
            said = msgspec.structs.replace(said, person=Who(person, name))
    return write_body(said)


def text_of(event: Event) -> str:
    """What a message says, as it was first written; empty if it was deleted."""
    if event.body is None:
        return ""
    if event.kind == MESSAGE:
        return event.body
    body = read_body(event.kind, event.body)
    assert isinstance(body, Post | Edit)
    return body.text
