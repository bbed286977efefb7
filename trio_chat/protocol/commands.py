"""The commands of v1 clients, and how a frame becomes a command.

Those that do nothing but write an event stand with the kind of event (`trio_chat.kinds`), all others here. Whether a
command may be carried out now is decided by `trio_chat.gateways.v1.session`, and whether an event may be written by
`trio_chat.kinds.rules`.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Union

import msgspec

from trio_chat.errors import INVALID_DATA, Refused, RemoteProtocolError
from trio_chat.kinds.files import MAX_FILES, Album, UploadId
from trio_chat.kinds.forms import Command, Ids, Moment, Number, Proof, RoomCommand, Seq, ShortText
from trio_chat.kinds.reports import State  # noqa: TC001  (msgspec reads it)
from trio_chat.kinds.roles import PersonId  # noqa: TC001  (msgspec reads it)
from trio_chat.model.file_names import MAX_RAW_FILE_NAME_CHARS
from trio_chat.model.texts import MAX_NAME_CHARS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Hello(Command, tag="hello"):
    """Log in: as somebody new (perhaps under a name), with a token, as another device with its code, or with the
    person's recovery code."""

    name: str | None = None
    token: str | None = None
    link: str | None = None
    recover: str | None = None
    server: str | None = None
    """Which server the token is of."""
    device: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    """What the client runs on, as the person knows it."""
    rotate: bool = False
    """Whether the client keeps a token that comes in place of its own."""
    lists: bool = False
    """Whether the answer is to bring all of the person's rooms, and what they keep for themselves."""
    since: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    """The stamp of the lists that the client has: only what changed of them is brought."""
    invite: str | None = None
    """The token of a link into a room, or of an owner link, by which somebody new comes."""


# -- subscriptions --


class Join(RoomCommand, tag="join"):
    """Subscribe to a room, from the cursor (``after`` of ``epoch``) or from its latest page on."""

    after: Seq | None = None
    epoch: str | None = None
    proof: Proof | None = None


class Cursor(msgspec.Struct, gc=False, omit_defaults=True):
    """A cursor: the number up to which the client has seen a room, the epoch that it is of, and the proof of both."""

    room: str
    after: Seq | None = None
    epoch: str | None = None
    proof: Proof | None = None


class Follow(Command, tag="follow"):
    """Subscribe to all these rooms, each from its cursor."""

    id: str
    rooms: Annotated[tuple[Cursor, ...], msgspec.Meta(max_length=500)]


class Leave(RoomCommand, tag="leave"):
    """End the subscription to the room."""


# -- history --


class History(RoomCommand, tag="history"):
    """Read a page of history before ``before``, after ``after``, or around ``around``: one of them.

    ``only`` asks for an album instead: messages that have this, before ``before`` or the newest.
    """

    before: Number | None = None
    after: Seq | None = None
    around: Number | None = None
    only: Album | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50


class Fetch(RoomCommand, tag="fetch"):
    """Read these events."""

    seqs: Annotated[tuple[Number, ...], msgspec.Meta(max_length=100)]


class AskReactions(RoomCommand, tag="reactions"):
    """Read who has reacted to message ``seq``, with whatever emoji or with this one: those after number ``after``."""

    seq: Number
    emoji: ShortText | None = None
    after: Seq = 0


class Versions(RoomCommand, tag="versions"):
    """Read the versions of message ``seq``: those after number ``after``."""

    seq: Number
    after: Seq = 0


class AskPreview(RoomCommand, tag="preview"):
    """Ask what there is to show of a link in message ``seq``, as it is written there."""

    seq: Number
    link: Annotated[str, msgspec.Meta(max_length=2_000)]


# -- rooms and their members --


class Create(Command, tag="create"):
    """Create a room: a public one under a name, or a private one."""

    id: str
    kind: str
    room: str | None = None
    title: ShortText = ""
    topic: ShortText = ""


class Direct(Command, tag="direct"):
    """Open the conversation with this person; it is created if there is none yet."""

    id: str
    person: str


class AskRequests(Command, tag="requests"):
    """Read which conversations others have begun that one has not answered; from the cursor on."""

    id: str
    cursor: ShortText | None = None


class AnswerRequest(Command, tag="answer_request"):
    """Accept such a conversation, or decline it."""

    id: str
    room: str
    accept: bool


class Enter(RoomCommand, tag="enter"):
    """Become a member of this public room: it is in one's list then."""


class Info(RoomCommand, tag="info"):
    """Read what the room is, and who is a member: the members from the cursor on."""

    cursor: ShortText | None = None


class AskListing(RoomCommand, tag="listing"):
    """Read what the list of rooms tells of the room, as it is now."""


class Admit(RoomCommand, tag="admit"):
    """Let in a person who waits, or who was banned; or (``on`` false) send away who waits."""

    person: PersonId
    on: bool = True


class ReportCommand(Command, tag="report"):
    """Report a message of the room, or a person, to those who run the server."""

    is_in_room: ClassVar[bool] = True

    id: str
    room: str | None = None
    seq: Number | None = None
    person: PersonId | None = None
    why: ShortText = ""


class Reports(RoomCommand, tag="reports"):
    """List the reports in the server room that are not done."""


class ResolveCommand(Command, tag="resolve"):
    """Take a report, leave it to others again, or be done with it."""

    id: str
    report: Number
    state: State
    how: ShortText = ""


class WipeCommand(RoomCommand, tag="wipe"):
    """Delete a person's messages in the room, or from the server room in all public ones; those written since then."""

    person: PersonId
    since: Moment | None = None


class BecomeOwner(Command, tag="become_owner"):
    """Become an owner of the server, by the token of an owner link."""

    id: str
    token: ShortText


class AskBranch(Command, tag="branch"):
    """Read whom this person brought in, and whom those did."""

    id: str
    person: PersonId


class Directory(Command, tag="directory"):
    """List public rooms, from the cursor on."""

    id: str
    query: ShortText = ""
    cursor: ShortText | None = None


# -- invitations --


class Invite(RoomCommand, tag="invite"):
    """Make a link that lets people into the room. 0: no end, no limit."""

    expires_s: Annotated[int, msgspec.Meta(ge=0, le=30 * 86_400)] = 7 * 86_400
    uses: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0


class Invites(RoomCommand, tag="invites"):
    """List the room's links."""


class Uninvite(RoomCommand, tag="uninvite"):
    """Void all of the room's links."""


class Peek(Command, tag="peek"):
    """Read where a link leads."""

    id: str
    token: str


class Accept(Command, tag="accept"):
    """Become a member by a link."""

    id: str
    token: str


# -- people --


class AskOwn(Command, tag="own"):
    """Read what the person keeps for themselves, by events before number ``before``."""

    id: str
    before: Number


class Rename(Command, tag="rename"):
    """Change one's name."""

    id: str
    name: str


class SetProfile(Command, tag="profile"):
    """Change one's profile; what is left out stays."""

    id: str
    name: str | None = None
    colour: Annotated[int, msgspec.Meta(ge=0, le=11)] | None = None
    picture: str | None = None
    """A picture that was uploaded, or a small one in Base64; empty: none."""
    show_seen: bool | None = None
    show_receipts: bool | None = None
    show_typing: bool | None = None


class AskPeople(Command, tag="people"):
    """Read profiles."""

    id: str
    ids: Ids


class Mentionable(RoomCommand, tag="mentionable"):
    """Find those whom one may mention in the room, by the beginning of their name."""

    query: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME_CHARS)]


class Link(Command, tag="link"):
    """Make a code by which another device logs in as the same person."""

    id: str


class PeekLink(Command, tag="peek_link"):
    """Ask whom a device code, or a recovery code, stands for. Allowed before hello."""

    id: str
    link: str | None = None
    recover: str | None = None


class MakeRecoveryCode(Command, tag="recovery"):
    """Make a recovery code, in place of an earlier one."""

    id: str


class AskDevices(Command, tag="devices"):
    """List one's devices."""

    id: str


class LogOut(Command, tag="log_out"):
    """Log out one of one's devices, or ``all`` others."""

    id: str
    device: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    all: bool = False


# -- files --


class VoiceNote(msgspec.Struct, frozen=True, gc=False):
    """The length of a voice note in milliseconds, and its loudness: 64 bytes in Base64."""

    ms: Annotated[int, msgspec.Meta(ge=1, le=3_600_000)]
    peaks: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9+/]{86}==$")]


class FilePlace(msgspec.Struct, frozen=True, gc=False):
    """File ``n``, from 0, of message ``seq`` of a room."""

    room: str
    seq: Number
    n: Annotated[int, msgspec.Meta(ge=0, lt=MAX_FILES)]


class UploadCommand(RoomCommand, tag="upload"):
    """Begin to upload a file of this name and size for a message in the room, or make one of a file of a message."""

    name: Annotated[str, msgspec.Meta(max_length=MAX_RAW_FILE_NAME_CHARS)] = ""
    bytes: Seq | None = None
    media_type: ShortText = ""
    """What the client takes it for. (Its bytes say what it is.)"""
    as_file: bool = False
    voice: VoiceNote | None = None
    of: FilePlace | None = None


class UploadPicture(Command, tag="upload_picture"):
    """Begin to upload a picture of this size: of the room, or without one of oneself."""

    is_in_room: ClassVar[bool] = True

    id: str
    bytes: Seq
    room: str | None = None


class CancelUpload(Command, tag="cancel_upload"):
    """Forget an upload that was not sent."""

    id: str
    upload: UploadId


# -- presence, typing, receipts --


class Watch(Command, tag="watch"):
    """Subscribe to the presence in this room, which is open on the screen; None: in no room."""

    is_in_room: ClassVar[bool] = True

    id: str
    room: str | None = None


class Typing(Command, tag="typing"):
    """Tell others that the person is typing, or recording a voice note. No answer."""

    is_in_room: ClassVar[bool] = True

    room: str
    id: str | None = None
    what: Literal["text", "voice"] = "text"


class Mark(Command, tag="mark"):
    """Move the person's read markers: everything up to here was delivered, or read. No answer."""

    is_in_room: ClassVar[bool] = True

    room: str
    delivered: Seq | None = None
    read: Seq | None = None
    id: str | None = None


class Receipts(RoomCommand, tag="receipts"):
    """Read the receipts of message ``seq``: who has received it, and who has read it; from the cursor on."""

    seq: Number
    cursor: ShortText | None = None


# -- search --


class Search(Command, tag="search"):
    """Search the person's rooms, or this one."""

    is_in_room: ClassVar[bool] = True

    id: str
    query: str
    room: str | None = None
    cursor: ShortText | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=50)] = 20


# -- the connection --


class Pinging(Command, tag="ping"):
    """Ask for a sign of life."""

    id: str


class CommandDecoder:
    """Reads the commands of these types."""

    def __init__(self, types: Iterable[type[Command]]) -> None:
        self.by_type = {struct.__struct_config__.tag: struct for struct in types}
        """Which command is meant by which ``type``."""
        self.types = sorted(map(str, self.by_type))
        """Their names on the wire."""
        self._decoder: msgspec.json.Decoder[Command] = msgspec.json.Decoder(
            Union[tuple(self.by_type.values())]  # noqa: UP007
        )

    def decode(self, text: str) -> Command:
        """What a v1 client said.

        Raises `RemoteProtocolError` for what is no JSON object, `Refused` for a command that this server does not know
        (``unknown_type``: of a newer client, or a slip), whose id is none (``bad_id``) or whose fields are wrong
        (``bad_field``). It has the command's id; where there is none, its type.
        """
        try:
            return self._decoder.decode(text)
        except msgspec.ValidationError as error:
            raise self._reason_for(text, str(error)) from None
        except (msgspec.DecodeError, RecursionError):
            raise RemoteProtocolError(INVALID_DATA.because("not JSON, or nested too deep")) from None

    def _reason_for(self, text: str, complaint: str) -> RemoteProtocolError | Refused:
        """Tell the cases apart that msgspec reports alike; only for frames that are wrong, so it may be slow."""
        try:
            said: Any = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            return RemoteProtocolError(INVALID_DATA.because("not JSON, or nested too deep"))
        if not isinstance(said, dict):
            return RemoteProtocolError(INVALID_DATA.because("each message must be one JSON object"))
        command, command_id = said.get("type"), said.get("id")
        struct = self.by_type.get(command) if isinstance(command, str) else None
        if struct is None:
            refused = Refused("unknown_type", _unknown_type(command))
        elif not _has_id(said, struct):
            refused = Refused("bad_id", _bad_id(str(command), said))
        else:
            refused = Refused("bad_field", f"The {command} frame is not right: {complaint}.")
        refused.command_id = command_id if isinstance(command_id, str) else None
        refused.command = command[:MAX_ECHO_CHARS] if isinstance(command, str) else None
        return refused


MAX_ECHO_CHARS = 64
"""So much is repeated of a type that is not known."""


def _has_id(said: Mapping[str, object], struct: type[Command]) -> bool:
    """Whether a command has an id that is a text, or may go without."""
    if said.get("id") is None:
        return not any(field.name == "id" and field.required for field in msgspec.structs.fields(struct))
    return isinstance(said["id"], str) or "id" not in struct.__struct_fields__


def _unknown_type(command: object) -> str:
    if not isinstance(command, str):
        return 'A frame says by its "type", a text, which command it is.'
    return (
        f"This server knows no command “{command[:MAX_ECHO_CHARS]}”."
        " Those that it knows stand in the welcome, under about.commands."
    )


def _bad_id(command: str, said: Mapping[str, object]) -> str:
    if "id" not in said:
        return f'The {command} command needs an "id": a text, such as "c1", by which it is answered.'
    number = said["id"]
    is_short = type(number) is int and abs(number) < 10**9
    example = f', such as "{number}"' if is_short else ""
    return f'The "id" of the {command} command must be a text{example}.'
