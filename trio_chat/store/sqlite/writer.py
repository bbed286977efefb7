"""Writing side of the SQLite store: a batch of writes is one transaction. Synchronous, one thread at a time.

While the interpreter is busy elsewhere each call into SQLite may cost a turn of the interpreter's lock: 1000
rows inserted one by one took 400 ms beside a busy thread, and 19 ms in statements of many rows. So a batch
makes as few calls as can be, whatever its size.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias

import apsw
import attrs

from trio_chat.errors import NameTaken, Refused
from trio_chat.kinds.facts import SERVER_ROOM, SYSTEM
from trio_chat.kinds.standing import OPEN
from trio_chat.model.events import MESSAGE
from trio_chat.model.outcomes import Repeat
from trio_chat.store.base import StoreStatistics
from trio_chat.store.plan import CommandId, plan_append
from trio_chat.store.space import Allowance, Space
from trio_chat.store.sqlite import effects, standing
from trio_chat.store.sqlite.append_rows import (
    CachedRoom,
    find_came_ms,
    find_known,
    find_known_ms,
    insert_events,
    make_room,
    read_room,
)
from trio_chat.store.sqlite.file import BUSY_MS, UNAVAILABLE, unavailable
from trio_chat.store.sqlite.files import has_gone
from trio_chat.store.sqlite.rule_facts import AppendFacts

if TYPE_CHECKING:
    from trio_chat.kinds.standing import Mode, Server
    from trio_chat.model.events import Draft
    from trio_chat.store.sqlite.event_count import EventCount

LOGGER = logging.getLogger(__name__)

MAX_CACHED_ROOMS = 10_000
MAX_LAST_MESSAGES = 100_000
MAX_KNOWN = 100_000

CHECKPOINT_BUSY_MS = 100
"""How long a checkpoint waits for readers; all writes wait with it."""


@attrs.frozen
class Append:
    """Drafts to be written to a room."""

    room: str
    drafts: Sequence[Draft]
    at_ms: int


@attrs.frozen
class Checkpoint:
    """Request to bring everything that is in the write-ahead log now into the main file."""


Write: TypeAlias = Append | Callable[[apsw.Connection], object] | Checkpoint
"""What the writer takes: appends, checkpoints, and functions. A function writes after all its checks: when it raises
`NameTaken`, `KeyError` or `Refused`, it has written nothing."""


class SqliteWriter:
    """The one connection that writes and checkpoints.

    ``write_event_count`` is called after each commit that added events, before anybody is told of it.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        count: EventCount,
        write_event_count: Callable[[EventCount], object],
    ) -> None:
        self._connection = connection
        self._count = count
        self._write_event_count = write_event_count
        self._rooms: dict[str, CachedRoom] = {}
        self.space = Space()
        self.default_mode: Mode = OPEN
        self._server: Server | None = None
        """How the server is run, once it was read; None again after each change of it."""
        self._known_ms: dict[str, int] = {}
        """Since when people are known, as far as it was asked; empty again with each change of the server."""
        self._last_messages: dict[tuple[int | None, str], int] = {}
        """When people (ids) wrote last in the rooms (ids) that are slow; since the start."""
        self._is_in_doubt = False
        self.has_remains = False
        """Whether deleted texts may still be in the write-ahead log, until a `Checkpoint`."""
        self.has_gone = False
        """Whether there may be blobs that nothing needs any more, until somebody takes note of it."""
        self.statistics = StoreStatistics()
        """Replaced as a whole after each batch: may be read from any thread."""

    def run_batch(self, requests: Sequence[Write]) -> list[Any]:
        """Run the requests in one transaction; one answer for each, an exception for what failed.

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
            self.statistics = self.statistics.after_failure(monotonic())
            self._roll_back()
            self._is_in_doubt = True
            with suppress(*UNAVAILABLE):  # else before the next batch
                self._settle()
            return [unavailable(error) for _ in requests]
        except Exception as error:
            # A bug, or a text that is none (a lone surrogate). Each on its own, it cannot harm the others.
            self._roll_back()
            if len(requests) == 1:
                return [error]
            return [answer for request in requests for answer in self.run_batch([request])]
        if done.n_events:
            self._count = self._count._replace(events=self._count.events + done.n_events)
            self._write_event_count(self._count)
        if len(self._rooms) > MAX_CACHED_ROOMS:
            self._rooms.clear()
        if len(self._last_messages) > MAX_LAST_MESSAGES:
            self._last_messages.clear()
        if len(self._known_ms) > MAX_KNOWN:
            self._known_ms.clear()
        self._rooms.update(done.rooms)
        for name in done.emptied:  # how much was in there is in the database
            self._rooms.pop(name, None)
        if done.written:
            self.space.count(done.written, done.at_ms)
        self.has_remains |= bool(done.emptied)
        self.has_gone |= done.has_gone
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
        self._last_messages.clear()  # some of them were not written
        self._forget_server()
        if self._connection.in_transaction:
            with suppress(apsw.Error):  # it is rolled back whatever it says
                self._connection.execute("ROLLBACK")

    def _settle(self) -> None:
        """Make sure that what was answered "not written" stays unwritten.

        A commit whose sync failed may be whole in the write-ahead log: this connection does not count it, but
        the next start would. Any other write takes its place. A new connection is no remedy: it may be the one
        that finds it.
        """
        self._connection.pragma("user_version", self._connection.pragma("user_version"))
        self._is_in_doubt = False

    def _write(self, connection: apsw.Connection, requests: Sequence[Write]) -> _Done:
        known = find_known(connection, _command_ids(requests))
        rows: list[tuple[Any, ...]] = []
        flush = partial(insert_events, connection, rows)
        came_ms = partial(find_came_ms, connection)
        newest: dict[int, tuple[int | None, int]] = {}
        done = _Done()
        may_have_gone = False
        for request in requests:
            if isinstance(request, Append):
                name = request.room
                room = done.rooms.get(name) or self._rooms.get(name) or read_room(connection, name)
                facts = self._facts(connection, request, room, flush)
                allowance = Allowance(
                    self.space,
                    done.written,
                    room_bytes=room.bytes,
                    at_ms=request.at_ms,
                    came_ms=came_ms,
                )
                plan = plan_append(
                    name,
                    request.drafts,
                    at_ms=request.at_ms,
                    head=room.head,
                    known=known,
                    facts=facts,
                    allowance=allowance,
                )
                if plan.rows:
                    room_id = make_room(connection, name) if room.id is None else room.id
                    done.rooms[name] = room._replace(id=room_id, head=plan.head, bytes=allowance.room_bytes)
                    known.update(plan.known)
                    rows += [(room_id, *row) for row in plan.rows]
                    done.n_events += len(plan.rows)
                    newest_ms, added = newest.get(room_id, (None, 0))
                    if any(row.sender != SYSTEM for row in plan.rows):
                        newest_ms = request.at_ms
                    newest[room_id] = (newest_ms, added + allowance.room_bytes - room.bytes)
                    done.at_ms = request.at_ms
                    if facts is not None and facts.changes:
                        if effects.deletes(facts.changes):
                            flush()
                            done.emptied.add(name)
                        effects.apply(connection, room_id, facts.changes)
                        done.rooms[name] = CachedRoom(
                            room_id,
                            plan.head,
                            facts.kind,
                            facts.owner,
                            facts.members,
                            allowance.room_bytes,
                            facts.policy,
                            facts.has_restrictions,
                        )
                        if name == SERVER_ROOM:
                            self._forget_server()  # the next append asks for what this one wrote
                done.answers.append(plan.outcomes)
            elif isinstance(request, Checkpoint):
                done.answers.append(None)
            else:
                flush()  # it may look at them
                may_have_gone = True
                try:
                    done.answers.append(request(connection))
                except (NameTaken, KeyError, Refused) as error:
                    done.answers.append(error)
        flush()
        if newest:
            effects.note_newest(connection, newest)
        done.has_gone = (may_have_gone or bool(done.emptied)) and has_gone(connection)
        return done

    def _facts(
        self, connection: apsw.Connection, append: Append, room: CachedRoom, flush: Callable[[], object]
    ) -> AppendFacts | None:
        """Facts for the rules about the drafts; None if the rules allow them all anyway."""
        if self._server is None:
            self._server = standing.server(connection, default_mode=self.default_mode)
        if (
            room.is_open_to_all
            and not self._server.limits_writing(append.at_ms)
            and all(draft.kind == MESSAGE for draft in append.drafts)
        ):
            return None
        return AppendFacts(
            connection,
            room=append.room,
            room_id=room.id,
            head=room.head.seq,
            kind=room.kind,
            owner=room.owner,
            policy=room.policy,
            members=room.members,
            server=self._server,
            has_restrictions=room.has_restrictions,
            last_messages=self._last_messages,
            find_known_ms=partial(self._find_known_ms, connection),
            flush=flush,
        )

    def _find_known_ms(self, connection: apsw.Connection, person: str) -> int | None:
        known_ms = self._known_ms.get(person)
        if known_ms is None:
            known_ms = find_known_ms(connection, person)
            if known_ms is not None:  # guests are many, and come once
                self._known_ms[person] = known_ms
        return known_ms

    def _forget_server(self) -> None:
        self._server = None
        self._known_ms.clear()


@attrs.define
class _Done:
    """Effects of a transaction that is not committed yet."""

    answers: list[Any] = attrs.field(factory=list)
    rooms: dict[str, CachedRoom] = attrs.field(factory=dict)
    n_events: int = 0
    emptied: set[str] = attrs.field(factory=set)
    """Rooms of which texts were deleted."""
    has_gone: bool = False
    """Whether there are blobs that nothing needs any more."""
    written: dict[str, int] = attrs.field(factory=dict)
    """Bytes, by who wrote them."""
    at_ms: int = 0


def _command_ids(requests: Sequence[Write]) -> list[CommandId]:
    return [
        (draft.sender, draft.client_id)
        for request in requests
        if isinstance(request, Append)
        for draft in request.drafts
        if draft.client_id is not None
    ]
