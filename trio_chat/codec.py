"""The two wire formats: what clients may say, and how what stands in the log is put into frames.

This is the only place that encodes. Server frames are not masked, so one bytes object, several frames end to end,
serves all members of a format.

Pure. Frames are made by wsproto, without extensions, so making one has no memory of the one before.
"""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Ping, TextMessage

from trio_chat.errors import INVALID_DATA, POLICY_VIOLATION, Refused, RemoteProtocolError
from trio_chat.events import DAMAGED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.errors import Close
    from trio_chat.events import Event, Person, Position

V1: Final = "trio-chat.v1"
"""The name of the JSON subprotocol."""


class Format(enum.Enum):
    """How a connection is spoken to."""

    PLAIN = enum.auto()
    V1 = enum.auto()

    # Members of an Enum hash by name, in Python; these are dictionary keys on the hot path.
    __hash__ = object.__hash__


# -- what a v1 client says --

Seq = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class _Frame(msgspec.Struct, tag_field="type", gc=False, omit_defaults=True):
    """A JSON object with a ``type``; what stands at its default is left out."""


class Hello(_Frame, tag="hello"):
    """I am new here (perhaps under a name), or I come back with a token."""

    name: str | None = None
    token: str | None = None


class Join(_Frame, tag="join"):
    """I want to hear a room, from after ``after`` of ``epoch``, or from its latest page on."""

    id: str
    room: str
    after: Seq | None = None
    epoch: str | None = None


class Leave(_Frame, tag="leave"):
    """I do not want to hear the room any more."""

    id: str
    room: str


class Send(_Frame, tag="send"):
    """Write this to the room, once, however often I say so under this id."""

    id: str
    room: str
    text: str


class History(_Frame, tag="history"):
    """Give me a page of what came before ``before``."""

    id: str
    room: str
    before: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50


class Rename(_Frame, tag="rename"):
    """Call me this from now on."""

    id: str
    name: str


class Pinging(_Frame, tag="ping"):
    """Are you there?"""

    id: str


Command = Hello | Join | Leave | Send | History | Rename | Pinging

_COMMANDS: Final[msgspec.json.Decoder[Command]] = msgspec.json.Decoder(Command)
_TYPES: Final = frozenset({"hello", "join", "leave", "send", "history", "rename", "ping"})


def decode_command(text: str) -> Command:
    """What a v1 client said.

    Raises `RemoteProtocolError` for what is no frame of this protocol, `Refused` (``bad_field``, with the command's id
    where there is one) for a known frame whose fields are wrong.
    """
    try:
        return _COMMANDS.decode(text)
    except msgspec.ValidationError as error:
        raise _reason_for(text, str(error)) from None
    except (msgspec.DecodeError, RecursionError):
        raise RemoteProtocolError(INVALID_DATA.because("not JSON, or nested too deep")) from None


def _reason_for(text: str, complaint: str) -> RemoteProtocolError | Refused:
    """Tell the cases apart that msgspec reports alike; only for frames that are wrong, so it may be slow."""
    try:
        said: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return RemoteProtocolError(INVALID_DATA.because("not JSON, or nested too deep"))
    if not isinstance(said, dict):
        return RemoteProtocolError(INVALID_DATA.because("each message must be one JSON object"))
    if str(said.get("type")) not in _TYPES:
        return RemoteProtocolError(POLICY_VIOLATION.because("unknown type of frame"))
    command_id = said.get("id")
    refused = Refused("bad_field", f"The {said['type']} frame is not right: {complaint}.")
    refused.command_id = command_id if isinstance(command_id, str) else None
    return refused


# -- what the server says --


class RoomHead(msgspec.Struct, frozen=True, gc=False):
    """A room to offer, and where its log ends."""

    room: str
    head: int
    epoch: str


class Welcome(_Frame, tag="welcome", kw_only=True):
    """You are ``user``; ``token`` makes you the same again, and comes only when it is new."""

    user: Any
    token: str | None = None
    rooms: Sequence[RoomHead]


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


class Message(_Frame, tag="message", kw_only=True, rename={"sender": "from"}):
    """Somebody said something, and it stands in the log."""

    room: str
    seq: int
    id: str | None = None
    sender: str
    name: str
    text: str
    at: str

    @classmethod
    def of(cls, event: Event) -> Message:
        """The frame for an event of the log."""
        return cls(
            room=event.room,
            seq=event.seq,
            id=event.client_id,
            sender=event.sender,
            name=event.name,
            text=event.body or "",
            at=datetime.fromtimestamp(event.at_ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        )


class Damaged(_Frame, tag="damaged"):
    """Event ``seq`` is not what was written, and told to nobody."""

    room: str
    seq: int


class Ack(_Frame, tag="ack"):
    """Your command stands in the log as number ``seq``."""

    id: str
    room: str
    seq: int


Told = Message | Damaged
"""What a v1 client is told of an event of the log."""


def told(event: Event) -> Told:
    """What a v1 client is told of this event."""
    if event.kind == DAMAGED or event.body is None:
        return Damaged(room=event.room, seq=event.seq)
    return Message.of(event)


class HistoryPage(_Frame, tag="history"):
    """The page you asked for, oldest first, and whether there are older ones."""

    id: str
    room: str
    events: Sequence[Told]
    more: bool


class Renamed(_Frame, tag="renamed"):
    """You are called this now."""

    id: str
    user: Person


class Pong(_Frame, tag="pong"):
    """I am here."""

    id: str


class Failure(_Frame, tag="error", kw_only=True):
    """Your command was refused, and why; ``retry_after`` in seconds where waiting helps."""

    id: str | None = None
    code: str
    message: str
    retry_after: float | None = None

    @classmethod
    def of(cls, refused: Refused, command_id: str | None) -> Failure:
        """The frame that tells a client that its command was refused."""
        return cls(
            id=command_id, code=refused.code, message=refused.message, retry_after=refused.retry_after_s
        )


Answer = Welcome | Joined | Left | Told | Ack | HistoryPage | Renamed | Pong | Failure

# -- frames --

_JSON: Final = msgspec.json.Encoder()
_WEBSOCKET: Final = Connection(ConnectionType.SERVER)


def encode_answer(answer: Answer) -> bytes:
    """One v1 frame."""
    return _WEBSOCKET.send(TextMessage(data=_JSON.encode(answer).decode()))


def encode_event(event: Event, form: Format) -> bytes:
    """One event as a frame of the format: for plain members the text and nothing else, or nothing at all."""
    if form is Format.V1:
        return encode_answer(told(event))
    if event.kind == DAMAGED or event.body is None:
        return b""
    return _WEBSOCKET.send(TextMessage(data=event.body))


def encode_ping() -> bytes:
    """A ping frame; nothing is done with the pong but to hear it."""
    return _WEBSOCKET.send(Ping(payload=b""))


def encode_close(close: Close) -> bytes:
    """A close frame."""
    return Connection(ConnectionType.SERVER).send(CloseConnection(code=close.code, reason=close.reason))
