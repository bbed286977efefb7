"""The frames of ``trio-chat.v1`` on the client's side: commands are encoded, replies and events decoded.

The commands are the server's own (`trio_chat.protocol.commands`, `trio_chat.kinds`), but for `SetRoom`, and
for `React` and `History`, which say on the wire even what is at its default. The replies are declared here, with the
fields the client reads: the server's (`trio_chat.protocol.replies`) are strict about the events in them, require fields
that the client can do without, and bring all kinds of events with their rules along, which makes the import of this
package markedly slower.

Decoding is lenient where docs/protocol.md asks for it: unknown keys are ignored, and a frame of an unknown type is
`Unknown`, which is no error. It may still be an event of the log, so its number counts: else the next one would look
like a gap.

Pure.
"""

# No `from __future__ import annotations` here: the fields' types are used at run time.
from typing import Final, get_args

import msgspec

from trio_chat.client import events
from trio_chat.client.events import Change, GivenReaction, Message, OtherEvent, Reactions
from trio_chat.errors import INVALID_DATA, RemoteProtocolError
from trio_chat.kinds.forms import Frame, RoomCommand
from trio_chat.kinds.messages import DeleteCommand, EditCommand, Send
from trio_chat.model.events import Person
from trio_chat.protocol.commands import (
    AskReactions,
    Hello,
    Join,
    Leave,
    Pinging,
    Rename,
    SetProfile,
    UploadCommand,
    UploadPicture,
)

SUBPROTOCOL: Final = "trio-chat.v1"


# -- commands: each but `Hello` has an ``id``, which its reply repeats --


class React(RoomCommand, tag="react"):
    """Put an emoji to message ``seq``, or (``on`` false) take it away."""

    seq: int
    emoji: str
    on: bool


class SetRoom(RoomCommand, tag="settings"):
    """Give the room this picture, an upload; empty: none."""

    picture: str


class History(RoomCommand, tag="history"):
    """Read the page of history before ``before``."""

    before: int
    limit: int


Command = (
    Join
    | Leave
    | Send
    | EditCommand
    | DeleteCommand
    | React
    | History
    | AskReactions
    | Rename
    | SetProfile
    | SetRoom
    | UploadCommand
    | UploadPicture
    | Pinging
)


# -- replies --


class Limits(msgspec.Struct, frozen=True):
    """What a client may say at most; 0: no limit."""

    message_bytes: int = 0


class About(msgspec.Struct, frozen=True):
    """What the server is and can."""

    limits: Limits = Limits()


class Welcome(Frame, tag="welcome"):
    """Login succeeded: the client is ``user``'s. ``token`` comes only when it is new; ``server`` tells the server from
    others."""

    user: Person
    token: str | None = None
    server: str = ""
    about: About = About()


class Joined(Frame, tag="joined"):
    """Subscribed: the events after ``after`` follow; ``reset`` says that what the client holds is of no use."""

    id: str
    room: str
    head: int
    epoch: str
    after: int
    reset: bool
    proof: str | None = None


class Left(Frame, tag="left"):
    """Unsubscribed: nothing more comes from the room."""

    id: str
    room: str


class Ack(Frame, tag="ack"):
    """Acknowledgement: the command is in the log, as number ``seq``."""

    id: str
    room: str
    seq: int


class HistoryPage(Frame, tag="history"):
    """A page of history, oldest first; its events are decoded one by one, since there may be unknown ones."""

    id: str
    room: str
    events: list[msgspec.Raw]
    more: bool
    changes: tuple[msgspec.Raw, ...] = ()
    reactions: tuple[Reactions, ...] = ()
    upto: int = 0


class ReactionsPage(Frame, tag="reactions"):
    """Reactions to message ``seq``, the first given first; ``more`` says that there are more behind them."""

    id: str
    room: str
    seq: int
    reactions: tuple[GivenReaction, ...]
    more: bool = False


class Renamed(Frame, tag="renamed"):
    """The person's new name."""

    id: str
    user: Person


class Profiled(Frame, tag="profiled"):
    """The person's profile."""

    id: str
    user: Person


class Uploading(Frame, tag="upload"):
    """An upload: the server has ``offset`` bytes of it, and it is best sent in pieces of ``chunk``; or it is
    ``complete``, and can be sent, or was."""

    id: str
    upload: str
    offset: int
    chunk: int
    complete: bool = False


class Pong(Frame, tag="pong"):
    """A sign of life."""

    id: str | None = None


class Failure(Frame, tag="error", kw_only=True):
    """A command was refused, and why; ``retry_after`` in seconds where waiting helps."""

    id: str | None = None
    code: str
    message: str
    retry_after: float | None = None


class Unknown(msgspec.Struct, frozen=True, gc=False):
    """A frame of a type that this client does not know, and no whole event (`OtherEvent`).

    One with ``room`` and ``seq`` counts all the same."""

    type: str
    room: str | None = None
    seq: int | None = None
    proof: str | None = None


Answer = Joined | Left | Ack | HistoryPage | ReactionsPage | Renamed | Profiled | Uploading | Failure
Known = (
    Message
    | Change
    | Welcome
    | Joined
    | Left
    | Ack
    | HistoryPage
    | ReactionsPage
    | Renamed
    | Profiled
    | Uploading
    | Pong
    | Failure
)
ServerFrame = Known | OtherEvent | Unknown

_KNOWN: Final = msgspec.json.Decoder(Known)
_UNKNOWN: Final = msgspec.json.Decoder(Unknown)
_OTHER: Final = msgspec.json.Decoder(OtherEvent)
_FIELDS: Final = msgspec.json.Decoder(dict[str, object])
_TYPES: Final = frozenset(struct.__struct_config__.tag for struct in get_args(Known))
_JSON: Final = msgspec.json.Encoder()


def encode(command: Hello | Command) -> str:
    """A command as a frame to the server."""
    return _JSON.encode(command).decode()


def decode(frame: str | bytes) -> ServerFrame:
    """A frame of the server. Raises `RemoteProtocolError` for what is not of this protocol."""
    try:
        try:
            known: Known = _KNOWN.decode(frame)
            return known
        except msgspec.ValidationError:
            unknown = _UNKNOWN.decode(frame)
            if unknown.type in _TYPES:
                raise
            return _event_of(frame) or unknown
    except msgspec.MsgspecError as error:
        raise RemoteProtocolError(INVALID_DATA.because(f"the server sent no frame of v1: {error}")) from error


def _event_of(frame: str | bytes) -> OtherEvent | None:
    """An event of a kind that this client does not know; None for what is none."""
    try:
        event = _OTHER.decode(frame)
    except msgspec.ValidationError:
        return None
    return msgspec.structs.replace(event, fields=_FIELDS.decode(frame))


def history_of(page: HistoryPage) -> events.History:
    """The page of history for the application, without events of unknown types.

    Raises `RemoteProtocolError` like `decode`.
    """
    messages = map(decode, map(bytes, page.events))
    changes = map(decode, map(bytes, page.changes))
    return events.History(
        [event for event in messages if isinstance(event, Message)],
        page.more,
        [change for change in changes if isinstance(change, Change)],
        list(page.reactions),
        page.upto,
    )
