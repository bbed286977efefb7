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

LOGGER = logging.getLogger(__name__)

ROOMS_REMEMBERED = 10_000


@attrs.frozen
class Append:
    """Drafts to be written to a room."""

    room: str
    drafts: Sequence[Draft]
    at_ms: int


Write: TypeAlias = Append | Callable[[apsw.Connection], None]
"""What the writer does: appends, and functions that check before they write, and raise `NameTaken`."""


class _Room(NamedTuple):
    id: int | None
    """None: nobody wrote to it yet."""
    head: Head


class SqliteWriter:
    """The one connection that writes and checkpoints. `answer_all` is one transaction."""

    def __init__(self, connect: Callable[[], apsw.Connection]) -> None:
        self._connect = connect
        self._connection: apsw.Connection | None = connect()
        self._rooms: dict[str, _Room] = {}
        self.statistics = StoreStatistics()
        """Replaced as a whole after each group: may be read from any thread."""

    def answer_all(self, requests: Sequence[Write]) -> list[Any]:
        """Do all that is asked in one transaction; one answer for each, an exception for what failed.

        If the transaction fails nothing is written, and every answer is `StoreUnavailable`.
        """
        started = perf_counter()
        try:
            connection = self._connected()
            connection.execute("BEGIN IMMEDIATE")
            answers, rooms, n_events = self._write(connection, requests)
            connection.execute("COMMIT")
        except UNAVAILABLE as error:
            LOGGER.error("the log cannot be written: %s", error)
            self.statistics = self.statistics.after_failure()
            self._recover(reconnect=not isinstance(error, apsw.FullError))
            return [unavailable(error) for _ in requests]
        except Exception as error:
            # A bug, or a text that is none (a lone surrogate). Each on its own, it cannot harm the others.
            self._recover(reconnect=False)
            if len(requests) == 1:
                return [error]
            return [answer for request in requests for answer in self.answer_all([request])]
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

    def close(self) -> None:
        """Bring everything into the main file, and let go of it. Nothing is lost if that fails."""
        if self._connection is not None:
            try:
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except UNAVAILABLE as error:
                LOGGER.warning("the last checkpoint failed, the next start will repeat it: %s", error)
            self._connection.close(True)

    def _connected(self) -> apsw.Connection:
        if self._connection is None:
            connection = self._connect()
            # A commit whose sync failed may stand whole in the write-ahead log, invisible now but found after
            # a crash. Any write takes its place, so that what we answered "not written" stays unwritten.
            connection.pragma("user_version", connection.pragma("user_version"))
            self._connection = connection
        return self._connection

    def _recover(self, *, reconnect: bool) -> None:
        self._rooms.clear()
        if self._connection is None:
            return
        with suppress(apsw.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        if reconnect or self._connection.in_transaction:
            # After a failed sync nothing that this connection believes to be on the disk can be relied on.
            with suppress(apsw.Error):
                self._connection.close(True)
            self._connection = None
            with suppress(*UNAVAILABLE):  # else the next group tries
                self._connected()

    def _write(
        self, connection: apsw.Connection, requests: Sequence[Write]
    ) -> tuple[list[Any], dict[str, _Room], int]:
        known = _find_known(connection, requests)
        rooms: dict[str, _Room] = {}
        rows: list[tuple[Any, ...]] = []
        answers: list[Any] = []
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
                answers.append(plan.outcomes)
            else:
                try:
                    answers.append(request(connection))
                except (NameTaken, KeyError) as error:
                    answers.append(error)
        for some in _portions(rows):
            connection.execute(
                _with_values("INSERT INTO events VALUES {}", len(some), 1 + len(Row._fields)),
                [value for row in some for value in row],
            )
        return answers, rooms, len(rows)


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
                SELECT sender, client_id, rooms.name, seq, kind, salt, body_digest
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
        SELECT id, seq, digest FROM rooms JOIN events ON room_id = id
        WHERE rooms.name = ? ORDER BY seq DESC LIMIT 1
        """,
        (name,),
    ).fetchone()
    return _Room(None, Head()) if found is None else _Room(found[0], Head(found[1], found[2]))


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
