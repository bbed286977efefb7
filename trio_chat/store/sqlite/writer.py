"""The writing half of the SQLite store: synchronous, called by one thread at a time.

While the interpreter is busy elsewhere each call into SQLite may cost a turn of the interpreter's lock: 1000
rows inserted one by one took 400 ms beside a busy thread, and 19 ms in statements of many rows. So a group
makes as few calls as can be, whatever its size.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import apsw
import attrs

from trio_chat.errors import NameTaken
from trio_chat.kinds.rules import PUBLIC, kind_of_new
from trio_chat.model.events import MESSAGE
from trio_chat.model.outcomes import Repeat
from trio_chat.store.base import StoreStatistics
from trio_chat.store.plan import CommandId, Head, Known, Row, plan_append
from trio_chat.store.sqlite import effects
from trio_chat.store.sqlite.file import BUSY_MS, UNAVAILABLE, unavailable
from trio_chat.store.sqlite.rule_facts import AppendFacts
from trio_chat.store.sqlite.sql_batches import portions, with_values

if TYPE_CHECKING:
    from trio_chat.model.events import Draft
    from trio_chat.store.sqlite.event_count import Mark

LOGGER = logging.getLogger(__name__)

ROOMS_REMEMBERED = 10_000

CHECKPOINT_BUSY_MS = 100
"""How long a checkpoint waits for readers: who writes waits with it."""


@attrs.frozen
class Append:
    """Drafts to be written to a room."""

    room: str
    drafts: Sequence[Draft]
    at_ms: int


@attrs.frozen
class Checkpoint:
    """Bring everything that is in the write-ahead log now into the main file."""


Write: TypeAlias = Append | Callable[[apsw.Connection], object] | Checkpoint
"""What the writer does: appends, checkpoints, and functions that check before they write, and raise `NameTaken`."""


class _Room(NamedTuple):
    id: int | None
    """None: nobody wrote to it yet."""
    head: Head
    kind: str
    owner: str | None
    members: frozenset[str] | None
    """Who is in a room that is not public: they are asked for with every message there."""


class SqliteWriter:
    """The one connection that writes and checkpoints. `run_batch` is one transaction.

    ``write_mark`` is called after each commit that added events, before anybody is told of it.
    """

    def __init__(self, connection: apsw.Connection, mark: Mark, write_mark: Callable[[Mark], object]) -> None:
        self._connection = connection
        self._mark = mark
        self._write_mark = write_mark
        self._rooms: dict[str, _Room] = {}
        self._is_in_doubt = False
        self.has_remains = False
        """Whether something that was deleted may stand in the write-ahead log still, until a `Checkpoint`."""
        self.statistics = StoreStatistics()
        """Replaced as a whole after each group: may be read from any thread."""

    def run_batch(self, requests: Sequence[Write]) -> list[Any]:
        """Do all that is asked in one transaction; one answer for each, an exception for what failed.

        If the transaction fails nothing is written, and every answer is `StoreUnavailable`.
        """
        started = perf_counter()
        try:
            if self._is_in_doubt:
                self._settle()
            self._connection.execute("BEGIN IMMEDIATE")
            done = self._write(self._connection, requests)
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
            return [answer for request in requests for answer in self.run_batch([request])]
        if done.n_events:
            self._mark = self._mark._replace(events=self._mark.events + done.n_events)
            self._write_mark(self._mark)
        if len(self._rooms) > ROOMS_REMEMBERED:
            self._rooms.clear()
        self._rooms.update(done.rooms)
        self.has_remains |= done.has_deleted
        n_repeats = sum(
            isinstance(outcome, Repeat)
            for answer in done.answers
            if isinstance(answer, list)
            for outcome in answer
        )
        self.statistics = self.statistics.after_commit(
            perf_counter() - started, events=done.n_events, repeats=n_repeats
        )
        if any(isinstance(request, Checkpoint) for request in requests):
            self.checkpoint()
        return done.answers

    def checkpoint(self) -> None:
        """Bring everything into the main file, and empty the write-ahead log. Nothing is lost if that fails."""
        self._connection.set_busy_timeout(CHECKPOINT_BUSY_MS)
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            self.has_remains = False
        except apsw.BusyError:
            LOGGER.info("a checkpoint must wait for somebody who reads the log, a backup perhaps")
        except UNAVAILABLE as error:
            LOGGER.warning("a checkpoint failed, it will be repeated: %s", error)
        finally:
            self._connection.set_busy_timeout(BUSY_MS)

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

    def _write(self, connection: apsw.Connection, requests: Sequence[Write]) -> _Done:
        known = _find_known(connection, requests)
        rows: list[tuple[Any, ...]] = []
        flush = partial(_insert, connection, rows)
        done = _Done()
        for request in requests:
            if isinstance(request, Append):
                name = request.room
                room = done.rooms.get(name) or self._rooms.get(name) or _find_room(connection, name)
                facts = _facts(connection, request, room, flush)
                plan = plan_append(
                    name, request.drafts, at_ms=request.at_ms, head=room.head, known=known, facts=facts
                )
                if plan.rows:
                    room_id = _make_room(connection, name) if room.id is None else room.id
                    done.rooms[name] = room._replace(id=room_id, head=plan.head)
                    known.update(plan.known)
                    rows += [(room_id, *row) for row in plan.rows]
                    done.n_events += len(plan.rows)
                    if facts is not None and facts.changes:
                        if effects.deletes(facts.changes):
                            flush()
                            done.has_deleted = True
                        effects.apply(connection, room_id, facts.changes)
                        done.rooms[name] = _Room(room_id, plan.head, facts.kind, facts.owner, facts.members)
                done.answers.append(plan.outcomes)
            elif isinstance(request, Checkpoint):
                done.answers.append(None)
            else:
                flush()  # it may look at them
                try:
                    done.answers.append(request(connection))
                except (NameTaken, KeyError) as error:
                    done.answers.append(error)
        flush()
        return done


@attrs.define
class _Done:
    """What a transaction did."""

    answers: list[Any] = attrs.field(factory=list)
    rooms: dict[str, _Room] = attrs.field(factory=dict)
    n_events: int = 0
    has_deleted: bool = False


def _facts(
    connection: apsw.Connection, append: Append, room: _Room, flush: Callable[[], object]
) -> AppendFacts | None:
    """What the rules may ask about the drafts; None if there is nothing to ask."""
    if room.kind == PUBLIC and all(draft.kind == MESSAGE for draft in append.drafts):
        return None
    return AppendFacts(
        connection,
        room=append.room,
        room_id=room.id,
        head=room.head.seq,
        kind=room.kind,
        owner=room.owner,
        members=room.members,
        flush=flush,
    )


def _insert(connection: apsw.Connection, rows: list[tuple[Any, ...]]) -> None:
    """Write the rows, and forget them."""
    for some in portions(rows):
        connection.execute(
            with_values("INSERT INTO events VALUES {}", len(some), 1 + len(Row._fields)),
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
        for some in portions(commands)
        for sender, client_id, *known in connection.execute(
            with_values(
                """
                WITH wanted (sender, client_id) AS (VALUES {})
                SELECT sender, client_id, rooms.name, seq, events.kind, salt, body_digest, events.name
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
        SELECT id, rooms.kind, owner, seq, digest FROM rooms LEFT JOIN events ON room_id = id
        WHERE rooms.name = ? ORDER BY seq DESC LIMIT 1
        """,
        (name,),
    ).fetchone()
    if found is None:
        kind = kind_of_new(name)
        return _Room(None, Head(), kind, None, None if kind == PUBLIC else frozenset())
    room_id, kind, owner, seq, digest = found
    return _Room(
        room_id,
        Head() if seq is None else Head(seq, digest),
        kind,
        owner,
        None if kind == PUBLIC else _find_members(connection, room_id),
    )


def _find_members(connection: apsw.Connection, room_id: int) -> frozenset[str]:
    # Interned: the same people are in many of the rooms that are remembered.
    return frozenset(
        sys.intern(person)
        for (person,) in connection.execute("SELECT person_id FROM members WHERE room_id = ?", (room_id,))
    )


def _make_room(connection: apsw.Connection, name: str) -> int:
    room_id = connection.execute(
        "INSERT INTO rooms (name, epoch, kind) SELECT ?, value, ? FROM meta WHERE key = 'epoch' RETURNING id",
        (name, kind_of_new(name)),
    ).get
    assert isinstance(room_id, int)
    return room_id
