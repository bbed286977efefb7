"""Presence and typing of one room: who has it on a screen, and who is writing.

Only the present state matters, so all changes between two broadcasts are broadcast as one.

Pure: the time is passed in, and a connection is any hashable object.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

Connection = TypeVar("Connection")

MAX_NAMES = 200
"""Max people named in one frame."""

MAX_NAMES_SENT = 50_000
"""Max names in one broadcast to one room, summed over its listeners: some 5 MB. A room with 250 listeners gets up to
`MAX_NAMES` changes by name, one with ten thousand up to five; beyond that only the count is broadcast."""

TYPING_PAUSE_S = 2.0
"""The shortest time between two notices that one person is typing in one room. Clients show it for three times as
long."""


def may_name(changes: int, listeners: int) -> bool:
    """Whether so many changes may be broadcast by name to so many listeners."""
    return changes <= MAX_NAMES and changes * listeners <= MAX_NAMES_SENT


class Attendance(Generic[Connection]):
    """Presence in one room: who has it on a screen, on which connections, and the changes since the last broadcast."""

    def __init__(self) -> None:
        self._persons: dict[Connection, str] = {}
        self._connections: dict[str, dict[Connection, None]] = {}
        self._changed: dict[str, None] = {}

    def __contains__(self, connection: Connection) -> bool:
        return connection in self._persons

    def __iter__(self) -> Iterator[Connection]:
        """The connections that show the room."""
        return iter(list(self._persons))

    def __len__(self) -> int:
        """The number of connections."""
        return len(self._persons)

    @property
    def count(self) -> int:
        """The number of people."""
        return len(self._connections)

    def people(self, limit: int = MAX_NAMES) -> list[str]:
        """The people who are present, at most ``limit``, in the order in which they came."""
        return list(islice(self._connections, limit))

    def connection_of(self, person: str) -> Connection:
        """A connection of a person who is present."""
        return next(iter(self._connections[person]))

    def shows(self, connection: Connection) -> bool:
        """Whether others may know that this connection shows the room."""
        return connection in self._connections.get(self._persons.get(connection, ""), ())

    def has(self, person: str) -> bool:
        """Whether the person is present, so that others may know."""
        return person in self._connections

    def add(self, connection: Connection, person: str, *, is_shown: bool = True) -> None:
        """Note that a connection of the person shows the room; only the connections know unless it ``is_shown``."""
        self._persons[connection] = person
        if not is_shown:
            return
        connections = self._connections.setdefault(person, {})
        if not connections:
            self._changed[person] = None
        connections[connection] = None

    def discard(self, connection: Connection) -> None:
        """Note that the connection no longer shows the room. Idempotent."""
        person = self._persons.pop(connection, None)
        connections = None if person is None else self._connections.get(person)
        if person is None or connections is None or connection not in connections:
            return
        del connections[connection]
        if not connections:
            del self._connections[person]
            self._changed[person] = None

    def take_changes(self) -> tuple[list[str], list[str]]:
        """The people who came and those who went since the last call, as of now.

        A person who went and came back counts as come: those who came meanwhile may not have their name yet.
        """
        came, went = self.peek_changes()
        self._changed.clear()
        return came, went

    def peek_changes(self) -> tuple[list[str], list[str]]:
        """The same, without counting as a call."""
        came = [person for person in self._changed if person in self._connections]
        went = [person for person in self._changed if person not in self._connections]
        return came, went


class Typists:
    """The people of whom a typing notice was sent in one room a moment ago."""

    def __init__(self) -> None:
        self._notified_at: dict[str, float] = {}  # oldest first

    def may_notify(self, person: str, now: float) -> bool:
        """Whether to send a notice that the person is typing; if so, it counts as sent."""
        while self._notified_at:
            oldest = next(iter(self._notified_at))
            if now - self._notified_at[oldest] < TYPING_PAUSE_S:
                break
            del self._notified_at[oldest]
        if person in self._notified_at:
            return False
        self._notified_at[person] = now
        return True
