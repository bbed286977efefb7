"""The words of ``trio-chat.v1`` as a client says and hears them (docs/protocol.md).

Lenient where the protocol asks for it: unknown keys are ignored, and a frame of an unknown type is `Unknown`, which is
no error. It may still be an event of the log, so it keeps its number: or else the next one would look like a gap.

Pure.
"""

# No `from __future__ import annotations` here: the fields' types are used at run time.
from datetime import datetime
from typing import Final, get_args

import msgspec

from trio_chat.errors import INVALID_DATA, RemoteProtocolError
from trio_chat.model.events import Person, Position

SUBPROTOCOL: Final = "trio-chat.v1"


class _Frame(msgspec.Struct, tag_field="type", gc=False, omit_defaults=True):
    """A JSON object with a ``type``; what stands at its default is left out."""


# -- what a client says: each `Command` has an ``id`` by which its answer is known --


class Hello(_Frame, tag="hello"):
    """I am new here, or I come back with a token."""

    name: str | None = None
    token: str | None = None


class Join(_Frame, tag="join"):
    """I want to hear this room; if I am in it already: from this cursor on."""

    id: str
    room: str
    after: int | None = None
    epoch: str | None = None


class Leave(_Frame, tag="leave"):
    """I do not want to hear this room any more."""

    id: str
    room: str


class Send(_Frame, tag="send"):
    """Write this to the room."""

    id: str
    room: str
    text: str
    reply_to: int | None = None
    mentions: tuple[str, ...] = ()


class Edit(_Frame, tag="edit"):
    """Our message shall say this."""

    id: str
    room: str
    seq: int
    text: str
    mentions: tuple[str, ...] = ()


class Delete(_Frame, tag="delete"):
    """This message shall say nothing any more."""

    id: str
    room: str
    seq: int


class React(_Frame, tag="react"):
    """Put this emoji to a message, or take it away."""

    id: str
    room: str
    seq: int
    emoji: str
    on: bool


class AskHistory(_Frame, tag="history"):
    """Give me a page of what was before."""

    id: str
    room: str
    before: int
    limit: int


class Rename(_Frame, tag="rename"):
    """Call me this from now on."""

    id: str
    name: str


class Ping(_Frame, tag="ping"):
    """Are you there?"""

    id: str


Command = Join | Leave | Send | Edit | Delete | React | AskHistory | Rename | Ping


# -- what it hears --


class _LogEvent(
    msgspec.Struct, tag_field="type", frozen=True, gc=False, kw_only=True, rename={"sender": "from"}
):
    """Event number ``seq`` of the log of ``room``.

    ``id`` is the sender's own name for it (None from the plain side), ``sender`` the sender's id, ``name`` the
    sender's name at that moment, ``at`` the server's time, which is for people: the order is that of ``seq``.
    """

    room: str
    seq: int
    id: str | None = None
    sender: str
    name: str
    at: datetime


class Message(_LogEvent, tag="message", frozen=True, kw_only=True):
    """Somebody said ``text``.

    It may answer message ``reply_to``, mention people (their ids, or ``all``), and be somebody else's word (the name in
    ``forwarded``). One that is ``deleted`` by now says nothing.
    """

    text: str
    reply_to: int | None = None
    mentions: tuple[str, ...] = ()
    forwarded: str | None = None
    deleted: bool = False


class Edited(_LogEvent, tag="edit", frozen=True, kw_only=True):
    """Message ``target`` says ``text`` now."""

    target: int
    text: str
    mentions: tuple[str, ...] = ()
    deleted: bool = False
    """Its message was deleted since, and it is of no use."""


class Deleted(_LogEvent, tag="delete", frozen=True, kw_only=True):
    """Message ``target`` says nothing any more."""

    target: int


class Reacted(_LogEvent, tag="reaction", frozen=True, kw_only=True):
    """The sender put an emoji to message ``target``, or (``on`` is false) took it away."""

    target: int
    emoji: str
    on: bool


Change = Edited | Deleted | Reacted
"""What changes a message."""


class Welcome(_Frame, tag="welcome"):
    """You are ``user``; ``token`` comes only when it is new."""

    user: Person
    token: str | None = None


class Joined(_Frame, tag="joined"):
    """The room's events after number ``after`` follow."""

    id: str
    room: str
    head: int
    epoch: str
    after: int
    reset: bool


class Left(_Frame, tag="left"):
    """Nothing more comes from the room."""

    id: str
    room: str


class Ack(_Frame, tag="ack"):
    """Your message is number ``seq`` of the log, on disk."""

    id: str
    room: str
    seq: int


class HistoryPage(_Frame, tag="history"):
    """A page of what was before, oldest first."""

    id: str
    room: str
    events: list[msgspec.Raw]
    more: bool
    changes: list[msgspec.Raw] = []


class Renamed(_Frame, tag="renamed"):
    """You are called this now."""

    id: str
    user: Person


class Pong(_Frame, tag="pong"):
    """I am here."""

    id: str | None = None


class Failure(_Frame, tag="error", kw_only=True):
    """A command was refused."""

    id: str | None = None
    code: str
    message: str
    retry_after: float | None = None


class Unknown(msgspec.Struct, frozen=True, gc=False):
    """A frame of a newer server."""

    type: str
    room: str | None = None
    seq: int | None = None


Answer = Joined | Left | Ack | HistoryPage | Renamed | Failure
Known = Message | Change | Welcome | Joined | Left | Ack | HistoryPage | Renamed | Pong | Failure
ServerFrame = Known | Unknown

_KNOWN: Final = msgspec.json.Decoder(Known)
_UNKNOWN: Final = msgspec.json.Decoder(Unknown)
_TYPES: Final = frozenset(struct.__struct_config__.tag for struct in get_args(Known))
_JSON: Final = msgspec.json.Encoder()


def encode(command: Hello | Command) -> str:
    """One frame to the server."""
    return _JSON.encode(command).decode()


def decode(frame: str | bytes) -> ServerFrame:
    """One frame of the server. Raises `RemoteProtocolError` for what is not of this protocol."""
    try:
        try:
            known: Known = _KNOWN.decode(frame)
            return known
        except msgspec.ValidationError:
            unknown = _UNKNOWN.decode(frame)
            if unknown.type in _TYPES:
                raise
            return unknown
    except msgspec.MsgspecError as error:
        raise RemoteProtocolError(INVALID_DATA.because(f"the server sent no frame of v1: {error}")) from error


# -- what the application gets --


class Reset(msgspec.Struct, frozen=True):
    """What you hold of ``room`` is of no use: throw it away. What follows begins after ``position``.

    The log was replaced (another epoch), or you were away for more events than the server sends again.
    """

    room: str
    position: Position


class History(msgspec.Struct, frozen=True):
    """A page of old messages as they were said, oldest first, and whether there are ``more`` before them.

    ``changes`` are what holds of them now, in order: the newest edit, the newest word on each person's reactions; of a
    deleted one, only that.
    """

    messages: list[Message]
    more: bool
    changes: list[Change]


Event = Message | Change | Reset
"""What iterating over a chat gives. More kinds may be added."""


def history_of(page: HistoryPage) -> History:
    """The page without the events that this client does not know."""
    events = map(decode, map(bytes, page.events))
    changes = map(decode, map(bytes, page.changes))
    return History(
        [event for event in events if isinstance(event, Message)],
        page.more,
        [change for change in changes if isinstance(change, Change)],
    )
