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

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Line(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One message, with everything that a client is told of it."""

    seq: int
    command: str | None
    sender: str
    name: str
    text: str
    when: str


class Record(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="record", omit_defaults=True):
    """Something that happened, ``at`` nanoseconds of the monotonic clock (for people; the order is the list's)."""

    at: int = 0


class OfConnection(Record, frozen=True, gc=False, kw_only=True):
    """What a client did or saw on one of its connections, which are numbered through the whole run."""

    client: str
    connection: int


class OfCommand(OfConnection, frozen=True, gc=False, kw_only=True):
    """What became of a command. Every text of a run is used for one command only, so it tells which is meant.

    ``person`` is the sender's id for the server, ``command`` the sender's own id; both None for a plain client.
    """

    room: str
    text: str
    person: str | None = None
    command: str | None = None


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
    """What somebody new is told of a room at the end, from its first message on."""

    room: str
    epoch: str
    lines: list[Line]


class Log(Record, frozen=True, gc=False, kw_only=True):
    """What stands in the database at the end, read without the server."""

    room: str
    epoch: str
    lines: list[Line]


AnyRecord = (
    Submitted
    | Acked
    | Refused
    | Joined
    | JoinRefused
    | Delivered
    | Paged
    | Heard
    | Ended
    | Forgotten
    | Fault
    | Trouble
    | Held
    | Loaded
    | Log
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
