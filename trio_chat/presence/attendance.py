"""What is beside the log of one room: who has it on the screen, who is writing, and how far everybody has come.

Nothing of this is an event. Only what holds now matters, so what happens between two tellings is told as one.

Pure: the time is passed in, and a connection is whatever the caller takes for one.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

from trio_chat.model.records import ReadMarker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Connection = TypeVar("Connection")

MAX_TOLD = 200
"""How many people are named in one frame at most."""

MAX_NAMED = 50_000
"""How often people are named in one telling of one room at most, over all who are told: some 5 MB. A room of 250 is
told of `MAX_TOLD` changes at once, one of ten thousand of five; of more than that it is told the sum only."""

TYPING_PAUSE_S = 2.0
"""How often others are told that one person is writing in one room; they show it for three times as long."""


def may_name(changes: int, listeners: int) -> bool:
    """Whether so many changes can be told one by one to so many."""
    return changes <= MAX_TOLD and changes * listeners <= MAX_NAMED


class Attendance(Generic[Connection]):
    """Who has one room on the screen, on how many connections, and who came or went since that was last told."""

    def __init__(self) -> None:
        self._persons: dict[Connection, str] = {}
        self._connections: dict[str, dict[Connection, None]] = {}
        self._changed: dict[str, None] = {}

    def __contains__(self, connection: Connection) -> bool:
        return connection in self._persons

    def __iter__(self) -> Iterator[Connection]:
        """The connections."""
        return iter(list(self._persons))

    def __len__(self) -> int:
        """How many connections there are."""
        return len(self._persons)

    @property
    def count(self) -> int:
        """How many people there are."""
        return len(self._connections)

    def people(self, limit: int = MAX_TOLD) -> list[str]:
        """The first of the people who are here."""
        return list(islice(self._connections, limit))

    def connection_of(self, person: str) -> Connection:
        """One connection of a person who is here."""
        return next(iter(self._connections[person]))

    def come(self, connection: Connection, person: str) -> None:
        """The person has the room on one screen (more)."""
        self._persons[connection] = person
        connections = self._connections.setdefault(person, {})
        if not connections:
            self._changed[person] = None
        connections[connection] = None

    def go(self, connection: Connection) -> None:
        """The room is not on this screen any more. Idempotent."""
        person = self._persons.pop(connection, None)
        if person is None:
            return
        connections = self._connections[person]
        del connections[connection]
        if not connections:
            del self._connections[person]
            self._changed[person] = None

    def take_changes(self) -> tuple[list[str], list[str]]:
        """Who came and who went since this was last asked: as it is now.

        Who went and is here again is told as here again: who came meanwhile may not know it.
        """
        came = [person for person in self._changed if person in self._connections]
        went = [person for person in self._changed if person not in self._connections]
        self._changed.clear()
        return came, went


class Typists:
    """Who was told to be writing in one room a moment ago."""

    def __init__(self) -> None:
        self._told_at: dict[str, float] = {}  # the first is the oldest

    def may_tell(self, person: str, now: float) -> bool:
        """Whether to tell (again) that the person is writing; if so, this counts as told."""
        while self._told_at:
            oldest = next(iter(self._told_at))
            if now - self._told_at[oldest] < TYPING_PAUSE_S:
                break
            del self._told_at[oldest]
        if person in self._told_at:
            return False
        self._told_at[person] = now
        return True


class Marks:
    """How far everybody has come in one room, and who moved since that was last asked. Marks never go back: what is
    told is what was saved, as far as it is known (`learn`, `note_saved`)."""

    def __init__(self, room: str) -> None:
        self._room = room
        self._saved: dict[str, ReadMarker] = {}  # the last one saved last
        self._ahead: dict[str, ReadMarker] = {}  # further, and not saved yet
        self._moved: dict[str, None] = {}

    def learn(self, saved: Iterable[ReadMarker]) -> None:
        """Take in what was saved; what is known already may be newer."""
        marks = {mark.person: mark for mark in sorted(saved, key=lambda mark: mark.read)}
        for mark in self._saved.values():
            marks[mark.person] = _further(marks.pop(mark.person, mark), mark.delivered, mark.read)
        self._saved = marks

    def move(self, person: str, *, delivered: int, read: int) -> bool:
        """The person has received and read everything up to these numbers; False if that is nothing new."""
        before = self._ahead.get(person) or self._saved.get(person) or ReadMarker(self._room, person, 0, 0)
        mark = _further(before, delivered, read)
        if mark == before:
            return False
        self._ahead[person] = mark
        self._moved[person] = None
        return True

    @property
    def has_moved(self) -> bool:
        """Whether somebody moved since `take_moved`."""
        return bool(self._moved)

    def take_moved(self) -> list[ReadMarker]:
        """The marks that moved since this was last asked, as they are now: to be saved."""
        moved = [self._ahead[person] for person in self._moved]
        self._moved.clear()
        return moved

    def note_saved(self, moved: Iterable[ReadMarker]) -> None:
        """These were taken, and saved."""
        for mark in moved:
            before = self._saved.pop(mark.person, mark)
            self._saved[mark.person] = _further(before, mark.delivered, mark.read)
            if self._ahead.get(mark.person) == mark:
                del self._ahead[mark.person]

    def put_back(self, moved: Iterable[ReadMarker]) -> None:
        """These were taken in vain."""
        for mark in moved:
            if self.move(mark.person, delivered=mark.delivered, read=mark.read) or mark.person in self._ahead:
                self._moved[mark.person] = None

    def latest(self, limit: int = MAX_TOLD) -> list[ReadMarker]:
        """The marks that were saved last, the last one first."""
        return list(islice(reversed(self._saved.values()), limit))


def _further(mark: ReadMarker, delivered: int, read: int) -> ReadMarker:
    read = max(mark.read, read)
    return ReadMarker(mark.room, mark.person, max(mark.delivered, delivered, read), read)
