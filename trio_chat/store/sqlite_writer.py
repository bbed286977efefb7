"""The writing half of the SQLite store: synchronous, called by one thread at a time.

While the interpreter is busy elsewhere each call into SQLite may cost a turn of the interpreter's lock: 1000
rows inserted one by one took 400 ms beside a busy thread, and 19 ms in statements of many rows. So a group
makes as few calls as can be, whatever its size.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import apsw
import attrs

from trio_chat.errors import NameTaken
from trio_chat.store.base import Repeat, StoreStatistics
from trio_chat.store.plan import CommandId, Head, Known, Row, plan_append
from trio_chat.store.sqlite_file import UNAVAILABLE, unavailable

if TYPE_CHECKING:
    from trio_chat.events import Draft, Person
    from trio_chat.store.mark import Mark, MarkFile

LOGGER = logging.getLogger(__name__)

ROOMS_REMEMBERED = 10_000


@attrs.frozen
class Append:
    """Drafts to be written to a room."""

    room: str
    drafts: Sequence[Draft]
    at_ms: int


Write: TypeAlias = Append | Callable[[apsw.Connection], object]
"""What the writer does: appends, and functions that check before they write, and raise `NameTaken`."""


class _Room(NamedTuple):
    id: int | None
    """None: nobody wrote to it yet."""
    head: Head


class SqliteWriter:
    """The one connection that writes and checkpoints. `answer_all` is one transaction."""

    def __init__(self, connection: apsw.Connection, mark: Mark, mark_file: MarkFile) -> None:
        self._connection = connection
        self._mark = mark
        self._mark_file = mark_file
        self._rooms: dict[str, _Room] = {}
        self._is_in_doubt = False
        self.statistics = StoreStatistics()
        """Replaced as a whole after each group: may be read from any thread."""

    def answer_all(self, requests: Sequence[Write]) -> list[Any]:
        """Do all that is asked in one transaction; one answer for each, an exception for what failed.

        If the transaction fails nothing is written, and every answer is `StoreUnavailable`.
        """
        started = perf_counter()
        try:
            if self._is_in_doubt:
                self._settle()
            self._connection.execute("BEGIN IMMEDIATE")
            answers, rooms, n_events = self._write(self._connection, requests)
            self._connection.execute("COMMIT")
        except UNAVAILABLE as error:
            LOGGER.error("the log cannot be written: %s", error)
            self.statistics = self.statistics.after_failure()
            self._roll_back()
            self._is_in_doubt = True
            with suppress(*UNAVAILABLE):  # else before the next group
                self._settle()
            return [unavailable(error) for _ in requests]
        except Exception as error:
            # A bug, or a text that is none (a lone surrogate). Each on its own, it cannot harm the others.
            self._roll_back()
            if len(requests) == 1:
                return [error]
            return [answer for request in requests for answer in self.answer_all([request])]
        if n_events:
            self._mark = self._mark._replace(events=self._mark.events + n_events)
            self._mark_file.write(self._mark)
        if len(self._rooms) > ROOMS_REMEMBERED:
            self._rooms.clear()
        self._rooms.update(rooms)
        n_repeats = sum(
            isinstance(outcome, Repeat)
            for answer in answers
            if isinstance(answer, list)
            for outcome in answer
        )
        self.statistics = self.statistics.after_commit(
            perf_counter() - started, events=n_events, repeats=n_repeats
        )
        return answers

    def checkpoint(self) -> None:
        """Bring everything into the main file. Nothing is lost if that fails."""
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except UNAVAILABLE as error:
            LOGGER.warning("the last checkpoint failed, the next start will repeat it: %s", error)

    def _roll_back(self) -> None:
        self._rooms.clear()
        if self._connection.in_transaction:
            with suppress(apsw.Error):  # it is rolled back whatever it says
                self._connection.execute("ROLLBACK")

    def _settle(self) -> None:
        """Make sure that what was answered "not written" stays unwritten.

        A commit whose sync failed may stand whole in the write-ahead log: this connection does not count it, but
        the next start would. Any other write takes its place. A new connection is no remedy: it may be the one
        that finds it.
        """
        self._connection.pragma("user_version", self._connection.pragma("user_version"))
        self._is_in_doubt = False

    def _write(
        self, connection: apsw.Connection, requests: Sequence[Write]
    ) -> tuple[list[Any], dict[str, _Room], int]:
        known = _find_known(connection, requests)
        rooms: dict[str, _Room] = {}
        rows: list[tuple[Any, ...]] = []
        answers: list[Any] = []
        n_events = 0
        for request in requests:
            if isinstance(request, Append):
                name = request.room
                room = rooms.get(name) or self._rooms.get(name) or _find_room(connection, name)
                plan = plan_append(name, request.drafts, at_ms=request.at_ms, head=room.head, known=known)
                if plan.rows:
                    room_id = _make_room(connection, name) if room.id is None else room.id
                    rooms[name] = _Room(room_id, plan.head)
                    known.update(plan.known)
                    rows += [(room_id, *row) for row in plan.rows]
                    n_events += len(plan.rows)
                answers.append(plan.outcomes)
            else:
                _insert(connection, rows)  # it may look at them
                try:
                    answers.append(request(connection))
                except (NameTaken, KeyError) as error:
                    answers.append(error)
        _insert(connection, rows)
        return answers, rooms, n_events


def _insert(connection: apsw.Connection, rows: list[tuple[Any, ...]]) -> None:
    """Write the rows, and forget them."""
    for some in _portions(rows):
        connection.execute(
            _with_values("INSERT INTO events VALUES {}", len(some), 1 + len(Row._fields)),
            [value for row in some for value in row],
        )
    rows.clear()


def _find_known(connection: apsw.Connection, requests: Sequence[Write]) -> dict[CommandId, Known]:
    """What the log knows of the commands in the requests."""
    commands = [
        (draft.sender, draft.client_id)
        for request in requests
        if isinstance(request, Append)
        for draft in request.drafts
        if draft.client_id is not None
    ]
    return {
        (sender, client_id): Known(*known)
        for some in _portions(commands)
        for sender, client_id, *known in connection.execute(
            _with_values(
                """
                WITH wanted (sender, client_id) AS (VALUES {})
                SELECT sender, client_id, rooms.name, seq, events.kind, salt, body_digest
                FROM wanted CROSS JOIN events USING (sender, client_id) JOIN rooms ON rooms.id = room_id
                """,
                len(some),
                2,
            ),
            [value for command in some for value in command],
        )
    }


def _find_room(connection: apsw.Connection, name: str) -> _Room:
    found = connection.execute(
        """
        SELECT id, seq, digest FROM rooms LEFT JOIN events ON room_id = id
        WHERE rooms.name = ? ORDER BY seq DESC LIMIT 1
        """,
        (name,),
    ).fetchone()
    if found is None:
        return _Room(None, Head())
    room_id, seq, digest = found
    return _Room(room_id, Head() if seq is None else Head(seq, digest))


def _make_room(connection: apsw.Connection, name: str) -> int:
    room_id = connection.execute(
        "INSERT INTO rooms (name, epoch) SELECT ?, value FROM meta WHERE key = 'epoch' RETURNING id", (name,)
    ).get
    assert isinstance(room_id, int)
    return room_id


def _portions(things: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The things in portions of few different lengths, so that few different statements need preparing."""
    start = 0
    for length in (256, 64, 16, 4, 1):
        while len(things) - start >= length:
            yield things[start : start + length]
            start += length


@lru_cache(maxsize=16)
def _with_values(statement: str, n_rows: int, n_columns: int) -> str:
    row = "(" + ",".join("?" * n_columns) + ")"
    return statement.format(",".join([row] * n_rows))


def add_person(
    connection: apsw.Connection, person: Person, name_key: str, token_hash: bytes, at_ms: int
) -> None:
    """See `Store.add_person`."""
    if connection.execute("SELECT 1 FROM people WHERE name_key = ?", (name_key,)).get is not None:
        raise NameTaken(f"The name {person.name!r} is taken.")
    connection.execute("INSERT INTO people VALUES (?, ?, ?, ?)", (person.id, person.name, name_key, at_ms))
    connection.execute("INSERT INTO tokens VALUES (?, ?)", (token_hash, person.id))


def rename_person(connection: apsw.Connection, person_id: str, name: str, name_key: str) -> None:
    """See `Store.rename_person`."""
    owner = connection.execute("SELECT id FROM people WHERE name_key = ?", (name_key,)).get
    if owner not in (None, person_id):
        raise NameTaken(f"The name {name!r} is taken.")
    changed = connection.execute(
        "UPDATE people SET name = ?, name_key = ? WHERE id = ? RETURNING 1", (name, name_key, person_id)
    ).get
    if changed is None:
        raise KeyError(person_id)
