"""Opening a store in one SQLite file, for a server that runs alone.

Three connections: one that writes and checkpoints, one that reads, and one that searches, so that a search holds up no
read; each with a thread of its own at a time. Why SQLite comes with apsw: docs/decisions/sqlite-through-apsw.md.
"""

from __future__ import annotations

from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from typing import TYPE_CHECKING

import apsw
import trio

from trio_chat.store.group_commit import thread_executor
from trio_chat.store.sql import list_changes
from trio_chat.store.sql.moves import check_serves
from trio_chat.store.sqlite.epochs import reconcile
from trio_chat.store.sqlite.event_count import open_event_count
from trio_chat.store.sqlite.file import (
    Synchronous,
    check_companions,
    check_sqlite_version,
    connect_to_read,
    connect_to_write,
    explaining,
    index_on_disk,
    locked,
    make_private,
    use_wal,
)
from trio_chat.store.sqlite.housekeeping import Housekeeper
from trio_chat.store.sqlite.reader import SqliteReader
from trio_chat.store.sqlite.schema import MIGRATIONS, check_identity, check_shape, migrate
from trio_chat.store.sqlite.store import SqliteStore
from trio_chat.store.sqlite.writer import SqliteWriter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from trio_chat.store.sqlite.schema import Migration


@asynccontextmanager
async def open_sqlite_store(
    path: Path,
    *,
    synchronous: Synchronous = "FULL",
    close_timeout_s: float = 10.0,
    vfs: str | None = None,
    migrations: Sequence[Migration] = MIGRATIONS,
) -> AsyncIterator[SqliteStore]:
    """Store in the database file at ``path``, which is made with its directory if there is none.

    Leaving the block finishes the waiting requests, for at most ``close_timeout_s`` and a last write to the disk,
    then brings everything into the one file. With ``synchronous`` less than ``FULL`` a power loss takes what
    was acknowledged last. ``vfs`` names the SQLite file system to use (tests put faults there).

    Raises `StartError` when the log cannot be used: not ours, newer, damaged, in use by another process.
    """
    check_sqlite_version(apsw.sqlite_lib_version())
    files = ExitStack()
    writer, reader, searcher = await trio.to_thread.run_sync(
        lambda: files.enter_context(_open_files(path, synchronous, vfs, migrations))
    )
    try:
        housekeeper = Housekeeper(writer)
        store = SqliteStore(
            writer,
            reader,
            searcher,
            write_executor=housekeeper.watching(thread_executor()),
            read_executor=thread_executor(),
            search_executor=thread_executor(),
        )
        async with store.running(close_timeout_s=close_timeout_s) as nursery:
            nursery.start_soon(housekeeper.run, store)
            try:
                yield store
            finally:
                housekeeper.scope.cancel()
    finally:
        with trio.move_on_after(close_timeout_s, shield=True):
            await trio.to_thread.run_sync(files.close)


@contextmanager
def _open_files(
    path: Path, synchronous: Synchronous, vfs: str | None, migrations: Sequence[Migration]
) -> Iterator[tuple[SqliteWriter, SqliteReader, SqliteReader]]:
    """Connections to the database, locked and migrated to today's schema. Synchronous."""
    with ExitStack() as stack:
        with explaining(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            stack.enter_context(locked(path))
            make_private(path)
            check_companions(path)
            last = stack.enter_context(ExitStack())  # after all connections are closed
            writing = stack.enter_context(closing(connect_to_write(path, vfs=vfs)))
            check_identity(writing, path, migrations)  # before anything in the file is touched
            use_wal(writing, path, synchronous)
            migrate(writing, path, migrations)
            last.enter_context(index_on_disk(path))
            check_shape(writing, path, migrations)
            if len(migrations) == len(MIGRATIONS):  # of an older format no chat moves
                check_serves(writing, str(path))
            count = reconcile(writing, path)
            count_file = stack.enter_context(open_event_count(path))
            count_file.write(count)
            count_file.sync()
            if len(migrations) == len(MIGRATIONS):
                list_changes.note_run(writing)
            writer = SqliteWriter(writing, count, count_file.write)
            writer.checkpoint()  # texts deleted before a crash may be in the write-ahead log
            stack.callback(writer.checkpoint)
            reading = stack.enter_context(closing(connect_to_read(path, vfs=vfs)))
            searching = stack.enter_context(closing(connect_to_read(path, vfs=vfs)))
        yield writer, SqliteReader(reading, count_file.sync), SqliteReader(searching, count_file.sync)
