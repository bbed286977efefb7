"""The logs at the end of a run, by what one looks for in them: the truth that everything is compared with."""

from __future__ import annotations

from collections import defaultdict
from math import inf
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import msgspec

from tests.torture.events import Line, Said
from tests.torture.history import DAMAGE, Fault, Log, Submitted
from tests.torture.model import CHANGES, is_public

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.torture.history import AnyRecord, Joined, OfCommand

T = TypeVar("T")

CommandKey: TypeAlias = tuple[str | None, str | None, Said]
"""(person, command, what it asks for)."""


def key_of(record: OfCommand) -> CommandKey:
    """What a record is about."""
    return record.person, record.command, record.said


def of_kind(records: Sequence[AnyRecord], kind: type[T]) -> Iterator[T]:
    """The records of a kind."""
    return (record for record in records if isinstance(record, kind))


class Final:
    """A room's log at the end."""

    def __init__(
        self, room: str, log: Log | None, first: dict[tuple[str | None, str | None], Submitted]
    ) -> None:
        self.room = room
        self.epoch = log.epoch if log else None
        self.lines: Sequence[Line] = log.lines if log else ()
        self.whole = [_restored(line, room, first) if line.deleted else line for line in self.lines]
        """With the texts that were deleted."""
        self.by_seq = {line.seq: line for line in self.lines}
        self.whole_by_seq = {line.seq: line for line in self.whole}
        self.by_command: dict[tuple[str | None, str | None], Line] = {
            (line.sender, line.command): line for line in self.whole if line.command is not None
        }
        self.by_text = {line.text: line for line in self.whole if line.kind == "message"}
        self.changes: defaultdict[int, list[Line]] = defaultdict(list)
        """By the message that they change."""
        self.deletions: dict[int, Line] = {}
        """By the number of the message, or of an edit of it."""
        self.terms: defaultdict[str, list[tuple[Line, float]]] = defaultdict(list)
        """When each person was a member: the event that made them one, and the number of that which ended it."""
        self._learn()

    def _learn(self) -> None:
        for line in self.whole:
            if line.kind in CHANGES:
                self.changes[line.target].append(line)
            if line.kind == "delete":
                self.deletions.setdefault(line.target, line)
            elif line.kind == "created":
                for person in line.details["members"]:
                    self.terms[person].append((line, inf))
            elif line.kind == "member" and line.details["on"]:
                self.terms[line.details["person"]].append((line, inf))
            elif line.kind == "member" and self.terms[line.details["person"]]:
                came, _ = self.terms[line.details["person"]][-1]
                self.terms[line.details["person"]][-1] = came, line.seq
        for edit in [line for line in self.whole if line.kind == "edit" and line.target in self.deletions]:
            self.deletions[edit.seq] = self.deletions[edit.target]

    def find(self, key: CommandKey) -> Line | None:
        """The event of a command, if it says what the key says."""
        person, command, said = key
        line = self.by_text.get(said.text) if command is None else self.by_command.get((person, command))
        if line is None or line.command != command or line.said != said:
            return None
        return line

    def fits(self, told: Line) -> bool:
        """Whether this is what stands in the log under its number, or stood there before it was deleted."""
        logged = self.by_seq.get(told.seq)
        return told == logged or (
            logged is not None and logged.deleted and told == self.whole_by_seq[told.seq]
        )

    def as_at_the_end(self, lines: Sequence[Line]) -> list[Line]:
        """These events without the texts that were deleted."""
        gone = self.deletions
        return [
            line.blanked() if line.seq in gone and line.kind in {"message", "edit"} else line
            for line in lines
        ]

    def was_in(self, person: str | None, seq: int) -> bool:
        """Whether a person was a member when event ``seq`` was the last one."""
        return any(came.seq <= seq < gone for came, gone in self.terms.get(person or "", ()))

    def was_out(self, person: str | None, since: int) -> bool:
        """Whether there was a moment, with event ``since`` or a later one as the last, when a person was no member."""
        return not any(came.seq <= since and gone == inf for came, gone in self.terms.get(person or "", ()))

    def was_once_in(self, person: str | None, since: int) -> bool:
        """Whether there was a moment, with event ``since`` or a later one as the last, when a person was a member."""
        return any(gone > since for _, gone in self.terms.get(person or "", ()))


def _restored(line: Line, room: str, first: dict[tuple[str | None, str | None], Submitted]) -> Line:
    said = first.get((line.sender, line.command))
    if said is None or said.kind != line.kind or said.room not in (room, ""):
        return line
    return msgspec.structs.replace(
        line, text=said.text, target=said.target, detail=said.detail, deleted=False
    )


class Truth:
    """All logs at the end."""

    def __init__(self, records: Sequence[AnyRecord]) -> None:
        self.first: dict[tuple[str | None, str | None], Submitted] = {}
        """What each command asked for when it was sent first: any other is no repeat of it."""
        self.first_at: dict[CommandKey, int] = {}
        """The place in the history where it was sent first."""
        for place, record in enumerate(records):
            if isinstance(record, Submitted):
                self.first.setdefault((record.person, record.command), record)
                self.first_at.setdefault(key_of(record), place)
        self.is_damaged = any(fault.kind in DAMAGE for fault in of_kind(records, Fault))
        """Whether something may be gone that was acknowledged, if a new epoch says so."""
        self.logs = list(of_kind(records, Log))
        self.epochs = {log.epoch for log in self.logs}
        self._rooms = {log.room: Final(log.room, log, self.first) for log in self.logs}

    def __getitem__(self, room: str) -> Final:
        found = self._rooms.get(room)
        if found is None:
            found = self._rooms[room] = Final(room, None, self.first)
        return found

    def rooms(self) -> list[Final]:
        """All that there are."""
        return [final for final in self._rooms.values() if final.epoch is not None]

    def find(self, key: CommandKey, room: str) -> Line | None:
        """The event of a command, in this room, or, where that is empty, in any."""
        if room:
            return self[room].find(key)
        return next((line for final in self.rooms() if (line := final.find(key)) is not None), None)

    def begun_at(self, line: Line) -> int:
        """The place in the history where the command of an event was sent first; -1 if that is not known."""
        return self.first_at.get((line.sender, line.command, line.said), -1)


class Epochs:
    """Which epoch each connection was told that it is in, while one goes through the records."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._current: dict[tuple[int, str], str] = {}

    def follow(self, joined: Joined) -> None:
        """Take notice."""
        self._current[joined.connection, joined.room] = joined.epoch

    def is_final(self, connection: int, room: str) -> bool:
        """Whether what is said there counts for the log: where nobody spoke of epochs, if there is only one."""
        epoch, final = self._current.get((connection, room)), self._truth[room].epoch
        if final is None:  # a room that is gone with its epoch, or has no log yet
            return not self._truth.is_damaged or epoch in self._truth.epochs
        return not self._truth.is_damaged if epoch is None else epoch == final


def may_be_told(final: Final, person: str | None, place: int, truth: Truth) -> float:
    """Up to which number a person may be told of a room at this place of the history; 0: nothing."""
    if is_public(final.room):
        return inf
    if final.room.startswith("~p-"):
        return inf if final.room == f"~{person}" else 0
    begun = [gone for came, gone in final.terms.get(person or "", ()) if truth.begun_at(came) < place]
    return max(begun, default=0)
