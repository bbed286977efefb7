"""Oracle: the logs read from the database at the end of a run, indexed. The checker compares everything with them."""

from __future__ import annotations

from collections import defaultdict
from math import inf
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import msgspec

from tests.torture.events import Content, Event
from tests.torture.history import DAMAGING_FAULTS, Fault, Log, Submitted
from tests.torture.model import CHANGES, is_public

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.torture.history import AnyRecord, CommandRecord, Joined

T = TypeVar("T")

CommandIdentity: TypeAlias = tuple[str | None, str | None, Content]
"""(person, idempotency key, content)."""


def identity_of(record: CommandRecord) -> CommandIdentity:
    """Which command a record is about: repeats of a command have one identity."""
    return record.person, record.key, record.content


def records_of(records: Sequence[AnyRecord], kind: type[T]) -> Iterator[T]:
    """The records of one kind, in order."""
    return (record for record in records if isinstance(record, kind))


class FinalLog:
    """The log of one room at the end of the run."""

    def __init__(
        self, room: str, log: Log | None, first_submissions: dict[tuple[str | None, str | None], Submitted]
    ) -> None:
        self.room = room
        self.epoch = log.epoch if log else None
        self.events: Sequence[Event] = log.events if log else ()
        self.restored = [
            _restored(event, room, first_submissions) if event.deleted else event for event in self.events
        ]
        """The events with the texts that deletions took, as their commands said them."""
        self.by_seq = {event.seq: event for event in self.events}
        self.restored_by_seq = {event.seq: event for event in self.restored}
        self.by_key: dict[tuple[str | None, str | None], Event] = {
            (event.sender, event.key): event for event in self.restored if event.key is not None
        }
        self.by_text = {event.text: event for event in self.restored if event.kind == "message"}
        self.changes: defaultdict[int, list[Event]] = defaultdict(list)
        """Changes by the number of their message."""
        self.deletions: dict[int, Event] = {}
        """Deletions by the number of the deleted message, and of each edit of it."""
        self.memberships: defaultdict[str, list[tuple[Event, float]]] = defaultdict(list)
        """Memberships of each person: the event that began one, and the number of the event that ended it."""
        self.bans: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        """Bans of each person: the numbers of the events that began and ended one."""
        self._index()

    def _index(self) -> None:
        for event in self.restored:
            if event.kind in CHANGES:
                self.changes[event.target].append(event)
            if event.kind == "delete":
                self.deletions.setdefault(event.target, event)
            elif event.kind == "created":
                for person in event.details["members"]:
                    self._begin_membership(person, event)
            elif event.kind == "member" and event.details["on"]:
                self._begin_membership(event.details["person"], event)
            elif event.kind == "member":
                self._end_membership(event)
            elif event.kind == "ban" and event.details["on"]:
                self._end_membership(event)
                self.bans[event.details["person"]].append((event.seq, inf))
            elif event.kind == "ban" and self.bans[event.details["person"]]:
                began, ended = self.bans[event.details["person"]][-1]
                self.bans[event.details["person"]][-1] = began, min(event.seq, ended)
        for edit in [
            event for event in self.restored if event.kind == "edit" and event.target in self.deletions
        ]:
            self.deletions[edit.seq] = self.deletions[edit.target]

    def _begin_membership(self, person: str, event: Event) -> None:
        memberships = self.memberships[person]
        if not memberships or memberships[-1][1] != inf:  # else a member accepts a request: one membership
            memberships.append((event, inf))

    def _end_membership(self, event: Event) -> None:
        memberships = self.memberships[event.details["person"]]
        if memberships and memberships[-1][1] == inf:
            memberships[-1] = memberships[-1][0], event.seq

    def find(self, identity: CommandIdentity) -> Event | None:
        """The event of a command, if it has the content of that command."""
        person, key, content = identity
        event = self.by_text.get(content.text) if key is None else self.by_key.get((person, key))
        if event is None or event.key != key or event.content != content:
            return None
        return event

    def matches(self, told: Event) -> bool:
        """Whether a delivered event equals the logged one of its number, before or after its deletion."""
        logged = self.by_seq.get(told.seq)
        return told == logged or (
            logged is not None and logged.deleted and told == self.restored_by_seq[told.seq]
        )

    def without_deleted(self, events: Sequence[Event]) -> list[Event]:
        """These events as they are read after all deletions of the run."""
        gone = self.deletions
        return [
            event.as_deleted() if event.seq in gone and event.kind in {"message", "edit"} else event
            for event in events
        ]

    def was_member(self, person: str | None, seq: int) -> bool:
        """Whether a person was a member when event ``seq`` was the last."""
        return any(came.seq <= seq < gone for came, gone in self.memberships.get(person or "", ()))

    def was_banned_since(self, person: str | None, since: int) -> bool:
        """Whether a person was banned at some moment when event ``since`` or a later one was the last."""
        return any(ended > since for _, ended in self.bans.get(person or "", ()))

    def was_outsider_since(self, person: str | None, since: int) -> bool:
        """Whether a person was no member at some moment when event ``since`` or a later one was the last."""
        return not any(
            came.seq <= since and gone == inf for came, gone in self.memberships.get(person or "", ())
        )

    def was_member_since(self, person: str | None, since: int) -> bool:
        """Whether a person was a member at some moment when event ``since`` or a later one was the last."""
        return any(gone > since for _, gone in self.memberships.get(person or "", ()))


def _restored(
    event: Event, room: str, first_submissions: dict[tuple[str | None, str | None], Submitted]
) -> Event:
    said = first_submissions.get((event.sender, event.key))
    if said is None or said.kind != event.kind or said.room not in (room, ""):
        return event
    return msgspec.structs.replace(
        event, text=said.text, target=said.target, detail=said.detail, deleted=False
    )


class Oracle:
    """All logs at the end of a run, and which command each event came from."""

    def __init__(self, records: Sequence[AnyRecord]) -> None:
        self.first_submissions: dict[tuple[str | None, str | None], Submitted] = {}
        """The first submission under each (person, key): only the same content is a repeat of it."""
        self.first_places: dict[CommandIdentity, int] = {}
        """Index in the history of each command's first submission."""
        for place, record in enumerate(records):
            if isinstance(record, Submitted):
                self.first_submissions.setdefault((record.person, record.key), record)
                self.first_places.setdefault(identity_of(record), place)
        self.is_damaged = any(fault.kind in DAMAGING_FAULTS for fault in records_of(records, Fault))
        """Whether a fault damaged the database: acknowledged events may be gone, under a new epoch."""
        self.logs = list(records_of(records, Log))
        self.epochs = {log.epoch for log in self.logs}
        self._rooms = {log.room: FinalLog(log.room, log, self.first_submissions) for log in self.logs}

    def __getitem__(self, room: str) -> FinalLog:
        found = self._rooms.get(room)
        if found is None:
            found = self._rooms[room] = FinalLog(room, None, self.first_submissions)
        return found

    def rooms(self) -> list[FinalLog]:
        """The logs of all rooms that have one."""
        return [final for final in self._rooms.values() if final.epoch is not None]

    def find(self, identity: CommandIdentity, room: str) -> Event | None:
        """The event of a command in a room; in any room if the name is empty."""
        if room:
            return self[room].find(identity)
        return next((event for final in self.rooms() if (event := final.find(identity)) is not None), None)

    def first_sent_at(self, event: Event) -> int:
        """Index in the history of the first submission of an event's command; -1 if there is none."""
        return self.first_places.get((event.sender, event.key, event.content), -1)


class ConnectionEpochs:
    """The epoch that each connection was told for each room, up to the record that is being looked at."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._current: dict[tuple[int, str], str] = {}

    def follow(self, joined: Joined) -> None:
        """Take in a join."""
        self._current[joined.connection, joined.room] = joined.epoch

    def is_final(self, connection: int, room: str) -> bool:
        """Whether a connection is told of the final log: of its epoch, or, without a join, if no fault made another."""
        epoch, final = self._current.get((connection, room)), self._oracle[room].epoch
        if final is None:  # a room that was lost with its epoch, or has no log yet
            return not self._oracle.is_damaged or epoch in self._oracle.epochs
        return not self._oracle.is_damaged if epoch is None else epoch == final


def readable_up_to(final: FinalLog, person: str | None, place: int, oracle: Oracle) -> float:
    """Number up to which a person may read a room at this index of the history; 0: nothing."""
    if is_public(final.room):
        return inf
    if final.room.startswith("~p-"):
        return inf if final.room == f"~{person}" else 0
    ends = [
        gone for came, gone in final.memberships.get(person or "", ()) if oracle.first_sent_at(came) < place
    ]
    return max(ends, default=0)
