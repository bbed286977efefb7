"""Presence in one room: who has it on the screen, and who is typing.

Only what holds now matters, so what happens between two broadcasts is told as one.

Pure: the time is passed in, and a connection is whatever the caller takes for one.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

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
