"""What a v1 client may say: one struct for each type of frame, and how a frame becomes one.

Pure. Whether a command may be carried out now is decided by `trio_chat.gateways.v1.session`, and by the room's rules
(`trio_chat.kinds.rules`) when it is written.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from trio_chat.errors import INVALID_DATA, POLICY_VIOLATION, Refused, RemoteProtocolError

Seq = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Number = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
"""The number of an event."""
ShortText = Annotated[str, msgspec.Meta(max_length=500)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Ids = Annotated[tuple[Annotated[str, msgspec.Meta(max_length=64)], ...], msgspec.Meta(max_length=200)]


class _Frame(msgspec.Struct, tag_field="type", gc=False, omit_defaults=True):
    """A JSON object with a ``type``."""


class Hello(_Frame, tag="hello"):
    """I am new here (perhaps under a name), I come back with a token, or I am another device, with a code."""

    name: str | None = None
    token: str | None = None
    link: str | None = None
    lists: bool = False
    """Whether the answer is to bring all rooms of mine, and what I keep for myself."""


# -- rooms: hearing them --


class Join(_Frame, tag="join"):
    """I want to hear a room, from after ``after`` of ``epoch``, or from its latest page on."""

    id: str
    room: str
    after: Seq | None = None
    epoch: str | None = None


class Cursor(msgspec.Struct, gc=False, omit_defaults=True):
    """Where I stand in a room."""

    room: str
    after: Seq | None = None
    epoch: str | None = None


class Follow(_Frame, tag="follow"):
    """I want to hear all these rooms, each from where I stand in it."""

    id: str
    rooms: Annotated[tuple[Cursor, ...], msgspec.Meta(max_length=500)]


class Leave(_Frame, tag="leave"):
    """I do not want to hear the room any more."""

    id: str
    room: str


# -- messages --


class Send(_Frame, tag="send"):
    """Write this to the room, once, however often I say so under this id."""

    id: str
    room: str
    text: str
    reply_to: Number | None = None
    mentions: Ids = ()
    forwarded: ShortText | None = None


class Edit(_Frame, tag="edit"):
    """My message ``seq`` shall say this."""

    id: str
    room: str
    seq: Number
    text: str
    mentions: Ids = ()


class Delete(_Frame, tag="delete"):
    """Message ``seq`` shall say nothing any more, to anybody."""

    id: str
    room: str
    seq: Number


class React(_Frame, tag="react"):
    """Put this emoji to message ``seq``, or take it away."""

    id: str
    room: str
    seq: Number
    emoji: str
    on: bool = True


class Pin(_Frame, tag="pin"):
    """Pin message ``seq``, or pin it no more."""

    id: str
    room: str
    seq: Number
    on: bool = True


# -- reading back --


class History(_Frame, tag="history"):
    """Give me a page of what came before ``before``, after ``after``, or around ``around``: one of them."""

    id: str
    room: str
    before: Number | None = None
    after: Seq | None = None
    around: Number | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50


class Fetch(_Frame, tag="fetch"):
    """Give me these events, wherever they stand."""

    id: str
    room: str
    seqs: Annotated[tuple[Number, ...], msgspec.Meta(max_length=100)]


class Versions(_Frame, tag="versions"):
    """Give me what message ``seq`` has said."""

    id: str
    room: str
    seq: Number


# -- rooms and their members --


class Create(_Frame, tag="create"):
    """Begin a room of mine: a public one under a name, or a private one."""

    id: str
    kind: str
    room: str | None = None
    title: ShortText = ""
    topic: ShortText = ""


class Direct(_Frame, tag="direct"):
    """Take me to the conversation with this person, which begins if there is none yet."""

    id: str
    person: str


class Settings(_Frame, tag="settings"):
    """The room's title or topic shall be this."""

    id: str
    room: str
    title: ShortText | None = None
    topic: ShortText | None = None


class Enter(_Frame, tag="enter"):
    """I want this public room in my list."""

    id: str
    room: str


class Part(_Frame, tag="part"):
    """I do not want to be a member of this room any more."""

    id: str
    room: str


class Info(_Frame, tag="info"):
    """What is this room, and who is a member?"""

    id: str
    room: str


class Directory(_Frame, tag="directory"):
    """Which public rooms are there?"""

    id: str
    query: ShortText = ""


# -- invitations --


class Invite(_Frame, tag="invite"):
    """Give me a link that lets people into the room. 0: no end, no limit."""

    id: str
    room: str
    expires_s: Annotated[int, msgspec.Meta(ge=0, le=30 * 86_400)] = 7 * 86_400
    uses: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0


class Invites(_Frame, tag="invites"):
    """Which links are out?"""

    id: str
    room: str


class Uninvite(_Frame, tag="uninvite"):
    """No link that is out shall let anybody in any more."""

    id: str
    room: str


class Peek(_Frame, tag="peek"):
    """Where does this link lead?"""

    id: str
    token: str


class Accept(_Frame, tag="accept"):
    """Let me in by this link."""

    id: str
    token: str


# -- people --


class Rename(_Frame, tag="rename"):
    """Call me this from now on."""

    id: str
    name: str


class SetProfile(_Frame, tag="profile"):
    """Show me like this; what is left out stays."""

    id: str
    name: str | None = None
    colour: Annotated[int, msgspec.Meta(ge=0, le=11)] | None = None
    picture: str | None = None
    """A picture in Base64; empty: none."""
    show_seen: bool | None = None


class AskPeople(_Frame, tag="people"):
    """Who are these?"""

    id: str
    ids: Ids


class Link(_Frame, tag="link"):
    """Give me a code by which another device becomes mine."""

    id: str


class Mine(_Frame, tag="mine"):
    """Personal: star or hide a message, be told of less, mark a room as unread."""

    id: str
    what: Literal["star", "hide", "level", "unread"]
    room: str
    target: Number | None = None
    on: bool = True
    level: Literal["all", "mentions", "none"] | None = None
    until: Moment | None = None
    """When the level ends. A moment and not a duration, as a repeat must say the same."""
    seq: Number | None = None


# -- beside the log --


class Watch(_Frame, tag="watch"):
    """This room is open on my screen (none: no room is)."""

    id: str
    room: str | None = None


class Typing(_Frame, tag="typing"):
    """I am writing something. No answer."""

    room: str
    id: str | None = None


class Mark(_Frame, tag="mark"):
    """I have received, or read, everything up to here. No answer."""

    room: str
    delivered: Seq | None = None
    read: Seq | None = None
    id: str | None = None


class Receipts(_Frame, tag="receipts"):
    """Who has received and who has read message ``seq``?"""

    id: str
    room: str
    seq: Number


class Search(_Frame, tag="search"):
    """Find messages in my rooms, or in this one."""

    id: str
    query: str
    room: str | None = None
    cursor: ShortText | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=50)] = 20


class Pinging(_Frame, tag="ping"):
    """Are you there?"""

    id: str


InRoom = (
    Join
    | Leave
    | Send
    | Edit
    | Delete
    | React
    | Pin
    | History
    | Fetch
    | Versions
    | Settings
    | Enter
    | Part
    | Info
    | Invite
    | Invites
    | Uninvite
    | Typing
    | Mark
    | Receipts
)
"""Commands about one room, which they name."""

Command = (
    Hello
    | InRoom
    | Follow
    | Create
    | Direct
    | Directory
    | Peek
    | Accept
    | Rename
    | SetProfile
    | AskPeople
    | Link
    | Mine
    | Watch
    | Search
    | Pinging
)

_COMMANDS: Final[msgspec.json.Decoder[Command]] = msgspec.json.Decoder(Command)
TYPES: Final = frozenset(struct.__struct_config__.tag for struct in Command.__args__)


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
    if str(said.get("type")) not in TYPES:
        return RemoteProtocolError(POLICY_VIOLATION.because("unknown type of frame"))
    command_id = said.get("id")
    refused = Refused("bad_field", f"The {said['type']} frame is not right: {complaint}.")
    refused.command_id = command_id if isinstance(command_id, str) else None
    return refused
