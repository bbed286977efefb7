"""What happened in a run, as records in one order: what clients did, what they saw, what was done to the server.

All clients live in one process and one thread, so the order of the list is the order of time, and no two clocks
need to be compared. A record of an action stands before its first byte was written, a record of an observation
after its last byte was read: whatever the records say was over before something else began, was.

On disk a history is JSON lines, so that a run can be judged again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from tests.torture.events import Line, Said

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Record(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="record", omit_defaults=True):
    """Something that happened, ``at`` nanoseconds of the monotonic clock (for people; the order is the list's)."""

    at: int = 0


class OfConnection(Record, frozen=True, gc=False, kw_only=True):
    """What a client did or saw on one of its connections, which are numbered through the whole run."""

    client: str
    connection: int


class Began(OfConnection, frozen=True, gc=False, kw_only=True):
    """A client is about to say hello on a new connection."""


class Greeted(OfConnection, frozen=True, gc=False, kw_only=True):
    """The server said whose connection it is."""

    person: str


class OfCommand(OfConnection, frozen=True, gc=False, kw_only=True):
    """What became of a command. What it asks for is `said`: of all messages of a run no two have the same text.

    ``person`` is the sender's id for the server, ``command`` the sender's own id; both None for a plain client. The
    room is empty where the server says with its answer which it is.
    """

    room: str
    text: str
    person: str | None = None
    command: str | None = None
    kind: str = "message"
    target: int = 0
    detail: str = ""
    invite: str = ""
    """The hash of the link by which one wants to become a member."""

    @property
    def said(self) -> Said:
        """What it asks for."""
        return Said(self.kind, self.target, self.text, self.detail)


class Submitted(OfCommand, frozen=True, gc=False, kw_only=True):
    """A command is about to be sent, perhaps not for the first time."""


class Acked(OfCommand, frozen=True, gc=False, kw_only=True):
    """The server said that the command stands in the log as ``seq``."""

    seq: int


class Refused(OfCommand, frozen=True, gc=False, kw_only=True):
    """The server said no."""

    code: str


class Joined(OfConnection, frozen=True, gc=False, kw_only=True):
    """The server said what it will tell of a room from here on: everything after ``after``."""

    room: str
    epoch: str
    head: int
    after: int
    reset: bool = False
    asked_after: int | None = None
    asked_epoch: str | None = None
    messages_only: bool = False
    """The client passes on nothing but messages."""


class JoinRefused(OfConnection, frozen=True, gc=False, kw_only=True):
    """The server said that it cannot tell of a room, or take anything for it, just now."""

    room: str
    code: str


class Delivered(OfConnection, frozen=True, gc=False, kw_only=True):
    """A client was told a message."""

    room: str
    line: Line


class Paged(OfConnection, frozen=True, gc=False, kw_only=True):
    """A client asked for a page of what was before ``before`` and got it."""

    room: str
    before: int
    lines: list[Line]
    more: bool
    changes: list[Line] = []
    """What counts, of all that was changed about messages of the page, at number ``upto``."""
    upto: int = 0


class Told(OfConnection, frozen=True, gc=False, kw_only=True):
    """A client was told what a room is, at number ``upto``."""

    room: str
    upto: int
    kind: str
    title: str
    topic: str
    owner: str | None
    members: list[str]
    pins: list[int]


class Marked(OfConnection, frozen=True, gc=False, kw_only=True):
    """A client is about to say how far its person has come."""

    room: str
    person: str
    delivered: int
    read: int


class MarksTold(OfConnection, frozen=True, gc=False, kw_only=True):
    """A client was told how far people have come: (person, delivered, read)."""

    room: str
    marks: list[tuple[str, int, int]]
    whole: bool = False
    """These are all there are, and not only those that moved."""


class Invited(OfConnection, frozen=True, gc=False, kw_only=True):
    """A client was given a link into a room, good for ``uses`` people (0: no limit). ``invite`` is its hash."""

    room: str
    invite: str
    uses: int


class Uninviting(OfConnection, frozen=True, gc=False, kw_only=True):
    """A client is about to ask that all links into a room are void; ``done``: they are."""

    room: str
    done: bool = False


class Heard(OfConnection, frozen=True, gc=False, kw_only=True):
    """A plain client was told a text of the lobby."""

    text: str


class Ended(OfConnection, frozen=True, gc=False, kw_only=True):
    """A connection was over."""

    why: str


class Forgotten(OfConnection, frozen=True, gc=False, kw_only=True):
    """The server did not know a person any more, who begins anew as somebody else."""

    person: str


class Fault(Record, frozen=True, gc=False, kw_only=True):
    """Something was done to the server or the network on purpose; ``proof`` says how one knows that it hit."""

    kind: str
    proof: str


class Trouble(Record, frozen=True, gc=False, kw_only=True):
    """Something happened that must never happen, whatever the faults."""

    what: str


class Held(Record, frozen=True, gc=False, kw_only=True):
    """What a client holds of a room at the end, after all its connections."""

    client: str
    room: str
    epoch: str
    lines: list[Line]


class Loaded(Record, frozen=True, gc=False, kw_only=True):
    """What somebody new is told of a room at the end, from its first event on, with the changes that count."""

    room: str
    epoch: str
    lines: list[Line]
    changes: list[Line] = []
    upto: int = 0
    told: Told | None = None


class Listed(Record, frozen=True, gc=False, kw_only=True):
    """What a person is told at the end of their rooms, and of what they keep for themselves."""

    person: str
    rooms: list[RoomListed]
    mine: list[Line]


class RoomListed(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A room in a list."""

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
    """The number of the newest message."""


class Log(Record, frozen=True, gc=False, kw_only=True):
    """What stands in the database at the end, read without the server."""

    room: str
    epoch: str
    lines: list[Line]
    invites: dict[int, str] = {}
    """The hashes of the invitations that were used, by the numbers of the events."""
    marks: list[tuple[str, int, int]] = []


class Remains(Record, frozen=True, gc=False, kw_only=True):
    """A text stands in a file of the data directory at the end."""

    file: str
    text: str


AnyRecord = (
    Began
    | Greeted
    | Submitted
    | Acked
    | Refused
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
    | Remains
)

DAMAGE = frozenset({"wal", "restore"})
"""Faults after which the log may hold less than was acknowledged, if the server says so by a new epoch."""

PASSING = frozenset({"rate_limited", "unavailable"})
"""Refusals that say: not now. The same command may be sent again."""


NOT_JOINED = "not_joined"
"""The refusal of what was sent to a room that could not be joined (`JoinRefused`): to be sent again after joining."""


class Recorder:
    """Collects the records of a run."""

    def __init__(self) -> None:
        self.records: list[AnyRecord] = []
        self._connections = 0

    def add(self, record: AnyRecord) -> None:
        """Add what just happened, or is about to."""
        msgspec.structs.force_setattr(record, "at", time.monotonic_ns())
        self.records.append(record)

    def new_connection(self) -> int:
        """A number for a connection."""
        self._connections += 1
        return self._connections


def write_history(path: Path, records: Iterable[AnyRecord]) -> None:
    """Write JSON lines."""
    encoder = msgspec.json.Encoder()
    with path.open("wb") as file:
        file.writelines(encoder.encode(record) + b"\n" for record in records)


def read_history(path: Path) -> list[AnyRecord]:
    """Read what `write_history` wrote."""
    decoder = msgspec.json.Decoder(AnyRecord)
    with path.open("rb") as file:
        return [decoder.decode(line) for line in file]
