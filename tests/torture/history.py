"""History of a run: what clients did and received, and which faults were injected, as records in one order.

All clients live in one process and one thread, so the order of the list is the order of time, and no two clocks
are compared. An action is recorded before its first byte is written, an observation after its last byte is read: if the
records say that one thing ended before another began, it did.

On disk a history is JSON lines, so that it can be checked again; the names of records and fields there must stay.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from tests.torture.events import Content, Counted, Event

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Record(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="record", omit_defaults=True):
    """Something that happened, ``at`` nanoseconds of the monotonic clock (for people: the order is the list's)."""

    at: int = 0


class ConnectionRecord(Record, frozen=True, gc=False, kw_only=True):
    """Something that a client did or received on a connection; connections are numbered through the whole run."""

    client: str
    connection: int


class Began(ConnectionRecord, frozen=True, gc=False, kw_only=True):
    """A new connection is about to say hello."""


class Greeted(ConnectionRecord, frozen=True, gc=False, kw_only=True):
    """The server answered a hello: the connection is this person's."""

    person: str


class CommandRecord(ConnectionRecord, frozen=True, gc=False, kw_only=True):
    """Something about a command. No two messages of a run have the same text.

    ``key`` is the idempotency key; it and ``person`` are None for a plain client. ``room`` is empty where only the
    answer names the room.
    """

    room: str
    text: str
    person: str | None = None
    key: str | None = msgspec.field(default=None, name="command")
    kind: str = "message"
    target: int = 0
    detail: str = ""
    invite: str = ""
    """Hash of the invitation that is accepted."""

    @property
    def content(self) -> Content:
        """The content that its event must have."""
        return Content(self.kind, self.target, self.text, self.detail)


class Submitted(CommandRecord, frozen=True, gc=False, kw_only=True):
    """A command is about to be sent, for the first time or as a repeat."""


class Acked(CommandRecord, frozen=True, gc=False, kw_only=True):
    """The server acknowledged a command as event ``seq``."""

    seq: int


class Refused(CommandRecord, frozen=True, gc=False, kw_only=True):
    """The server answered a command with an error."""

    code: str


class Joining(ConnectionRecord, frozen=True, gc=False, kw_only=True):
    """A client is about to join a room."""

    room: str


class Joined(ConnectionRecord, frozen=True, gc=False, kw_only=True):
    """The server answered a join: it will deliver everything after ``after``."""

    room: str
    epoch: str
    head: int
    after: int
    reset: bool = False
    asked_after: int | None = None
    asked_epoch: str | None = None
    messages_only: bool = False
    """The client records messages only."""


class JoinRefused(ConnectionRecord, frozen=True, gc=False, kw_only=True):
    """The server answered a join with an error."""

    room: str
    code: str


class Delivered(ConnectionRecord, frozen=True, gc=False, kw_only=True):
    """An event was delivered to a client."""

    room: str
    event: Event = msgspec.field(name="line")


class Paged(ConnectionRecord, frozen=True, gc=False, kw_only=True):
    """The server answered a request for the page of history before number ``before``."""

    room: str
    before: int
    events: list[Event] = msgspec.field(name="lines")
    more: bool
    changes: list[Event] = []
    """The newest change of each change key of the page's messages, at number ``upto``."""
    upto: int = 0
    reactions: list[Counted] = []
    """The reactions to the page's messages, likewise."""


class Told(ConnectionRecord, frozen=True, gc=False, kw_only=True):
    """The server answered a request for a room's info, as of number ``upto``."""

    room: str
    upto: int
    kind: str
    title: str
    topic: str
    owner: str | None
    members: list[str]
    pins: list[int]


class Marked(ConnectionRecord, frozen=True, gc=False, kw_only=True):
    """A client is about to move its person's read marker."""

    room: str
    person: str
    delivered: int
    read: int


class MarksTold(ConnectionRecord, frozen=True, gc=False, kw_only=True):
    """A client was told read markers: (person, delivered, read)."""

    room: str
    marks: list[tuple[str, int, int]]
    whole: bool = False
    """These are all markers of the room, and not only those that moved."""


class Invited(ConnectionRecord, frozen=True, gc=False, kw_only=True):
    """A client was given an invitation for ``uses`` people (0: no limit). ``invite`` is its hash."""

    room: str
    invite: str
    uses: int


class Uninviting(ConnectionRecord, frozen=True, gc=False, kw_only=True):
    """A client is about to void all invitations to a room; with ``done``, the server has."""

    room: str
    done: bool = False


class Heard(ConnectionRecord, frozen=True, gc=False, kw_only=True):
    """A plain client received a text of the lobby."""

    text: str


class Ended(ConnectionRecord, frozen=True, gc=False, kw_only=True):
    """A connection ended."""

    why: str


class Forgotten(ConnectionRecord, frozen=True, gc=False, kw_only=True):
    """The server did not know a person's token any more; the client becomes a new person."""

    person: str


class Fault(Record, frozen=True, gc=False, kw_only=True):
    """A fault was injected into the server or the network; ``proof`` says how one knows that it hit."""

    kind: str
    proof: str


class Trouble(Record, frozen=True, gc=False, kw_only=True):
    """Something happened that must never happen, whatever the faults."""

    what: str


class Held(Record, frozen=True, gc=False, kw_only=True):
    """The timeline that a client holds of a room at the end."""

    client: str
    room: str
    epoch: str
    events: list[Event] = msgspec.field(name="lines")


class Loaded(Record, frozen=True, gc=False, kw_only=True):
    """What a fresh client loads of a room at the end: all events, with the newest change of each change key."""

    room: str
    epoch: str
    events: list[Event] = msgspec.field(name="lines")
    changes: list[Event] = []
    upto: int = 0
    told: Told | None = None
    reactions: list[Counted] = []


class Listed(Record, frozen=True, gc=False, kw_only=True):
    """A person's room list at the end, and the events of their own room."""

    person: str
    rooms: list[RoomListed]
    mine: list[Event]


class RoomListed(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A room in a room list."""

    room: str
    kind: str
    title: str
    topic: str
    head: int
    members: int
    read: int
    delivered: int
    unread: int
    last: int
    """Number of the newest message."""


class Log(Record, frozen=True, gc=False, kw_only=True):
    """A room's log in the database at the end, read without the server."""

    room: str
    epoch: str
    events: list[Event] = msgspec.field(name="lines")
    invites: dict[int, str] = {}
    """Hashes of the invitations that were used, by the number of the event."""
    marks: list[tuple[str, int, int]] = []


class FileSent(Record, frozen=True, gc=False, kw_only=True):
    """A client is about to send a file, as number ``n`` of the message of this command."""

    person: str
    key: str
    n: int
    sha256: str
    """Hash of its content."""
    canary: str
    """What its content and its name begin with, and no other file's; that of a file that is forwarded is the same."""


class Fetched(Record, frozen=True, gc=False, kw_only=True):
    """A client has fetched file ``n`` of the message that this command wrote."""

    client: str
    room: str
    sender: str
    key: str
    n: int
    sha256: str


class FilesKept(Record, frozen=True, gc=False, kw_only=True):
    """The files in the database and on the disk at the end, after one more start of the server."""

    files: list[tuple[str, int, int, str]]
    """Of messages: room, number, number of the file, blob."""
    unsent: list[str]
    """Blobs of uploads that were finished and not sent."""
    coming: list[str] = []
    """Blobs of uploads that were not finished, which may be on the disk or not."""
    blobs: dict[str, str]
    """Blobs on the disk, by their names, with the hashes of their contents."""
    unknown_parts: list[str] = []
    """Parts on the disk of uploads that are not in the database."""
    canaries: dict[str, str] = {}
    """Canaries in the data directory, each with a file that has it."""


class Remains(Record, frozen=True, gc=False, kw_only=True):
    """A deleted text was found in a file of the data directory at the end."""

    file: str
    text: str


AnyRecord = (
    Began
    | Greeted
    | Submitted
    | Acked
    | Refused
    | Joining
    | Joined
    | JoinRefused
    | Delivered
    | Paged
    | Told
    | Marked
    | MarksTold
    | Invited
    | Uninviting
    | Heard
    | Ended
    | Forgotten
    | Fault
    | Trouble
    | Held
    | Loaded
    | Listed
    | Log
    | FileSent
    | Fetched
    | FilesKept
    | Remains
)

DAMAGING_FAULTS = frozenset({"wal", "restore", "promote-late", "nodes: promote-late"})
"""Faults after which acknowledged events may be missing, if the server says so by a new epoch."""

RETRYABLE = frozenset({"rate_limited", "unavailable"})
"""Refusals that pass: the same command may be sent again."""

NOT_JOINED = "not_joined"
"""Refusal of a command to a room whose join was refused: to be sent again after joining."""


class Recorder:
    """Collects the records of a run, and numbers its connections."""

    def __init__(self) -> None:
        self.records: list[AnyRecord] = []
        self._connections = 0

    def add(self, record: AnyRecord) -> None:
        """Add a record, with the time."""
        msgspec.structs.force_setattr(record, "at", time.monotonic_ns())
        self.records.append(record)

    def new_connection(self) -> int:
        """Number a new connection."""
        self._connections += 1
        return self._connections


def write_history(path: Path, records: Iterable[AnyRecord]) -> None:
    """Write a history as JSON lines."""
    encoder = msgspec.json.Encoder()
    with path.open("wb") as file:
        file.writelines(encoder.encode(record) + b"\n" for record in records)


def read_history(path: Path) -> list[AnyRecord]:
    """Read a history that `write_history` wrote."""
    decoder = msgspec.json.Decoder(AnyRecord)
    with path.open("rb") as file:
        return [decoder.decode(event) for event in file]
