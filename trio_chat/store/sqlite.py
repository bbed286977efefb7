"""The log in one SQLite file, for a server that runs alone.

Two connections: one that writes and checkpoints, one that reads, each with a thread of its own at a time. Why
SQLite comes with apsw: docs/decisions/sqlite-through-apsw.md.
"""

from __future__ import annotations

from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import apsw
import attrs
import trio

from trio_chat.store import sqlite_reader, sqlite_writer
from trio_chat.store.epochs import begin_epoch, reconcile
from trio_chat.store.mark import open_mark
from trio_chat.store.schema import MIGRATIONS, check_identity, check_shape, migrate
from trio_chat.store.sqlite_file import (
    Synchronous,
    check_companions,
    check_sqlite_version,
    connect_to_read,
    connect_to_write,
    explaining,
    locked,
    make_private,
    use_wal,
)
from trio_chat.store.sqlite_reader import Question, SqliteReader
from trio_chat.store.sqlite_writer import Append, SqliteWriter, Write
from trio_chat.store.worker import AnswerAll, Hop, Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from trio_chat.events import Draft, Event, Person, Position
    from trio_chat.store.base import Conflict, Repeat, StoreStatistics
    from trio_chat.store.schema import Migration


@asynccontextmanager
async def open_sqlite_store(
    path: Path,
    *,
    synchronous: Synchronous = "FULL",
    close_timeout_s: float = 10.0,
    vfs: str | None = None,
    migrations: Sequence[Migration] = MIGRATIONS,
) -> AsyncIterator[SqliteStore]:
    """The log in the database file at ``path``, made with its directory if there is none.

    Leaving the block finishes what is waiting, for at most ``close_timeout_s`` and a last hop to the disk,
    then brings everything into the one file. With ``synchronous`` less than ``FULL`` a power loss takes what
    was acknowledged last. ``vfs`` names the SQLite file system to go through (tests put faults there).

    Raises `StartError` when the log cannot be used: not ours, newer, damaged, in use by another process.
    """
    check_sqlite_version(apsw.sqlite_lib_version())
    files = ExitStack()
    writer, reader = await trio.to_thread.run_sync(
        lambda: files.enter_context(_open_files(path, synchronous, vfs, migrations))
    )
    try:
        store = SqliteStore(writer, reader)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.writing.run)
            nursery.start_soon(store.reading.run)
            try:
                yield store
            finally:
                store.writing.close(timeout_s=close_timeout_s)
                store.reading.close(timeout_s=close_timeout_s)
    finally:
        with trio.move_on_after(close_timeout_s, shield=True):
            await trio.to_thread.run_sync(files.close)


class SqliteStore:
    """A `Store` in a file. Made by `open_sqlite_store`."""

    def __init__(self, writer: SqliteWriter, reader: SqliteReader) -> None:
        self._writer = writer
        self._reader = reader
        self.writing: Worker[Write] = Worker(writer.answer_all, hop=_hop_into_a_thread(), max_weight=2_000)
        self.reading: Worker[Question] = Worker(reader.answer_all, hop=_hop_into_a_thread(), max_weight=32)

    async def append(
        self, room: str, drafts: Sequence[Draft], *, at_ms: int
    ) -> list[Event | Repeat | Conflict]:
        """See `Store.append`."""
        outcomes: list[Event | Repeat | Conflict] = await self.writing.ask(
            Append(room, drafts, at_ms), weight=len(drafts)
        )
        return outcomes

    async def position(self, room: str) -> Position:
        """See `Store.position`."""
        position: Position = await self.reading.ask(partial(sqlite_reader.position, room=room))
        return position

    async def begin_epoch(self, room: str) -> Position:
        """See `Store.begin_epoch`."""
        position: Position = await self.writing.ask(partial(begin_epoch, room=room))
        return position

    async def read_after(self, room: str, after: int, *, limit: int, max_bytes: int) -> list[Event]:
        """See `Store.read_after`."""
        page: list[Event] = await self.reading.ask(
            partial(sqlite_reader.read_after, room=room, after=after, limit=limit, max_bytes=max_bytes)
        )
        return page

    async def read_before(self, room: str, before: int, *, limit: int, max_bytes: int) -> list[Event]:
        """See `Store.read_before`."""
        page: list[Event] = await self.reading.ask(
            partial(sqlite_reader.read_before, room=room, before=before, limit=limit, max_bytes=max_bytes)
        )
        return page

    async def add_person(self, person: Person, *, name_key: str, token_hash: bytes, at_ms: int) -> None:
        """See `Store.add_person`."""
        await self.writing.ask(
            partial(
                sqlite_writer.add_person, person=person, name_key=name_key, token_hash=token_hash, at_ms=at_ms
            )
        )

    async def find_person(self, token_hash: bytes) -> Person | None:
        """See `Store.find_person`."""
        person: Person | None = await self.reading.ask(
            partial(sqlite_reader.find_person, token_hash=token_hash)
        )
        return person

    async def rename_person(self, person_id: str, name: str, *, name_key: str) -> None:
        """See `Store.rename_person`."""
        await self.writing.ask(
            partial(sqlite_writer.rename_person, person_id=person_id, name=name, name_key=name_key)
        )

    async def is_name_known(self, name_key: str) -> bool:
        """See `Store.is_name_known`."""
        is_known: bool = await self.reading.ask(partial(sqlite_reader.is_name_known, name_key=name_key))
        return is_known

    def statistics(self) -> StoreStatistics:
        """See `Store.statistics`."""
        written = self._writer.statistics
        return attrs.evolve(written, failures=written.failures + self._reader.failures)


@contextmanager
def _open_files(
    path: Path, synchronous: Synchronous, vfs: str | None, migrations: Sequence[Migration]
) -> Iterator[tuple[SqliteWriter, SqliteReader]]:
    """The database, locked, of today's shape and connected; synchronous."""
    with ExitStack() as stack:
        with explaining(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            stack.enter_context(locked(path))
            make_private(path)
            check_companions(path)
            writing = stack.enter_context(closing(connect_to_write(path, vfs=vfs)))
            check_identity(writing, path, migrations)  # before anything in the file is touched
            use_wal(writing, path, synchronous)
            migrate(writing, path, migrations)
            check_shape(writing, path, migrations)
            mark = reconcile(writing, path)
            mark_file = stack.enter_context(open_mark(path))
            mark_file.write(mark)
            mark_file.sync()
            writer = SqliteWriter(writing, mark, mark_file)
            stack.callback(writer.checkpoint)
            reading = stack.enter_context(closing(connect_to_read(path, vfs=vfs)))
        yield writer, SqliteReader(reading, mark_file)


def _hop_into_a_thread() -> Hop:
    """A hop that uses one thread at a time and takes none from the other users of threads."""
    limiter = trio.CapacityLimiter(1)

    async def hop(answer_all: AnswerAll, requests: Sequence[Any]) -> Sequence[Any]:
        # Never abandoned: a commit under way ends, and nobody else touches its connection meanwhile.
        return await trio.to_thread.run_sync(answer_all, requests, limiter=limiter)

    return hop
