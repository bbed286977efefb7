"""Writing side of the SQLite store: a batch of writes is one transaction. Synchronous, one thread at a time.

While the interpreter is busy elsewhere each call into SQLite may cost a turn of the interpreter's lock: 1000
rows inserted one by one took 400 ms beside a busy thread, and 19 ms in statements of many rows. So a batch
makes as few calls as can be, whatever its size.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias

import apsw
import attrs

from trio_chat.store.contract.statistics import StoreStatistics
from trio_chat.store.space import Space
from trio_chat.store.sql import effects
from trio_chat.store.sql.append_rows import CachedRoom, find_known, read_room
from trio_chat.store.sql.appending import Appending, Memory
from trio_chat.store.sql.blobs import has_gone as find_gone
from trio_chat.store.sql.moves import REFUSED
from trio_chat.store.sql.reader import unavailable
from trio_chat.store.sql.requests import EXPECTED, Append, WriteFunction, command_ids, count_repeats
from trio_chat.store.sql.succession import HasMoved
from trio_chat.store.sqlite.file import BUSY_MS, UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trio_chat.store.sqlite.connection import SqliteConnection
    from trio_chat.store.sqlite.event_count import EventCount

LOGGER = logging.getLogger(__name__)

MAX_CACHED_ROOMS = 10_000

CHECKPOINT_BUSY_MS = 100
"""How long a checkpoint waits for readers; all writes wait with it."""


@attrs.frozen
class Checkpoint:
    """Request to bring everything that is in the write-ahead log now into the main file."""


@attrs.frozen
class Upkeep:
    """Request to write what is about this file only: nothing that belongs to the chat."""

    work: WriteFunction


Write: TypeAlias = Append | WriteFunction | Checkpoint | Upkeep
"""What the writer takes."""


class SqliteWriter:
    """The one connection that writes and checkpoints.

    ``write_event_count`` is called after each commit that added events, before anybody is told of it.
    """

    def __init__(
        self,
        connection: SqliteConnection,
        count: EventCount,
        write_event_count: Callable[[EventCount], object],
    ) -> None:
        self._connection = connection
        self._count = count
        self._write_event_count = write_event_count
        self._rooms: dict[str, CachedRoom] = {}
        self.space = Space()
        self.memory = Memory()
        self._is_in_doubt = False
        self.has_remains = False
        """Whether what was erased may still be in the write-ahead log, until a `Checkpoint`."""
        self.has_gone = False
        """Whether there may be blobs that nothing needs any more, until somebody takes note of it."""
        self.statistics = StoreStatistics()
        """Replaced as a whole after each batch: may be read from any thread."""

    def run_batch(self, requests: Sequence[Write]) -> list[Any]:
        """Run the requests in one transaction; one answer for each, an exception for what failed.

        If the transaction fails nothing is written, and every answer is `StoreUnavailable`. Raises `HasMoved`.
        """
        started = perf_counter()
        try:
            if self._is_in_doubt:
                self._settle()
            self._connection.execute("BEGIN IMMEDIATE")
            answers, appending, has_gone = self._write(requests)
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
            if _was_refused(error):
                raise HasMoved from error
            return [error] if len(requests) == 1 else self._run_each(requests)
        if appending.n_events:
            self._count = self._count._replace(events=self._count.events + appending.n_events)
            self._write_event_count(self._count)
        if len(self._rooms) > MAX_CACHED_ROOMS:
            self._rooms.clear()
        self.memory.trim()
        self._rooms.update(appending.rooms)
        for name in appending.emptied:  # how much was in there is in the database
            self._rooms.pop(name, None)
        if appending.written:
            self.space.count(appending.written, appending.at_ms)
        self.has_remains |= self._connection.has_wiped
        self._connection.has_wiped = False
        self.has_gone |= has_gone
        self.statistics = self.statistics.after_commit(
            perf_counter() - started, events=appending.n_events, repeats=count_repeats(answers)
        )
        if any(isinstance(request, Checkpoint) for request in requests):
            self.checkpoint()
        return answers

    def _run_each(self, requests: Sequence[Write]) -> list[Any]:
        """Each on its own, after they have failed together."""
        answers: list[Any] = []
        try:
            for request in requests:
                answers += self.run_batch([request])
        except HasMoved as moved:
            moved.answers = dict(enumerate(answers))
            raise
        return answers

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
        self.memory.last_messages.clear()  # some of them were not written
        self.memory.forget_server()
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

    def _write(self, requests: Sequence[Write]) -> tuple[list[Any], Appending, bool]:
        """The answers, the appends, and whether there are blobs that nothing needs any more."""
        connection = self._connection
        appending = Appending(
            connection,
            self.memory,
            self.space,
            known=find_known(connection, command_ids(requests)),
            find_room=self._find_room,
            last_messages=self.memory.last_messages,
        )
        answers: list[Any] = []
        may_have_gone = False
        for request in requests:
            if isinstance(request, Append):
                answers.append(appending.append(request))
            elif isinstance(request, Checkpoint):
                answers.append(None)
            elif isinstance(request, Upkeep):
                answers.append(request.work(connection))
            else:
                appending.flush()  # it may look at them
                may_have_gone = True
                try:
                    answers.append(request(connection))
                except EXPECTED as error:
                    answers.append(error)
        appending.flush()
        if appending.newest:
            effects.note_newest(connection, appending.newest)
        return answers, appending, (may_have_gone or bool(appending.emptied)) and find_gone(connection)

    def _find_room(self, name: str) -> CachedRoom:
        return self._rooms.get(name) or read_room(self._connection, name)


def _was_refused(error: Exception) -> bool:
    """Whether the chat has moved to another database."""
    return isinstance(error, apsw.ConstraintError) and REFUSED in str(error)
