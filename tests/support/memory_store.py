"""Store in memory: SQLite without a file and without threads, so it works under an autojump clock.

Why it is no fake: docs/decisions/one-store-in-memory.md.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import trio

from trio_chat.errors import StoreUnavailable
from trio_chat.store.sqlite.connection import SqliteConnection
from trio_chat.store.sqlite.epochs import count_events
from trio_chat.store.sqlite.reader import SqliteReader
from trio_chat.store.sqlite.schema import MIGRATIONS, migrate
from trio_chat.store.sqlite.store import SqliteStore
from trio_chat.store.sqlite.writer import SqliteWriter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from trio_chat.store.contract.statistics import StoreStatistics
    from trio_chat.store.group_commit import RunBatch


class MemoryDisk:
    """Disk of a memory store: open another store on the same disk to play a restart."""

    def __init__(self) -> None:
        self.connection = SqliteConnection(":memory:")
        self.connection.pragma("foreign_keys", True)
        migrate(self.connection, Path(":memory:"), MIGRATIONS)

    @property
    def epoch(self) -> str:
        """Epoch of the log itself."""
        return count_events(self.connection).epoch

    def damage(self, room: str, *seqs: int) -> None:
        """Make these events something else than what was written."""
        self.connection.executemany(
            "UPDATE events SET body = 'spoilt' WHERE seq = ? AND room_id = (SELECT id FROM rooms WHERE name = ?)",
            [(seq, room) for seq in seqs],
        )

    def contents(self) -> bytes:
        """Everything that is kept, as it would stand in a file."""
        return self.connection.serialize("main")


@asynccontextmanager
async def open_memory_store(disk: MemoryDisk | None = None) -> AsyncIterator[MemoryStore]:
    """Open a store on the disk, a fresh one if none is given. It forgets everything with its disk."""
    store = MemoryStore(MemoryDisk() if disk is None else disk)
    async with store.running(close_timeout_s=10):
        try:
            yield store
        finally:
            store.may_commit.set()
            store.may_read.set()


class MemoryStore(SqliteStore):
    """`Store` in memory that can be made to wait or to fail: `holding_commits`, `holding_reads`, `unavailable`."""

    def __init__(self, disk: MemoryDisk) -> None:
        super().__init__(
            SqliteWriter(disk.connection, count_events(disk.connection), lambda count: None),
            SqliteReader(disk.connection, lambda: None),
            SqliteReader(disk.connection, lambda: None),
            write_executor=self._execute_write,
            read_executor=self._execute_read,
            search_executor=self._execute_read,
        )
        self.may_commit = trio.Event()
        self.may_commit.set()
        self.may_read = trio.Event()
        self.may_read.set()
        self.disk = disk
        self._trouble: str | None = None
        self._n_refused = 0

    def addresses(self) -> list[tuple[str, bytes]]:
        """The addresses that are kept: whose, and their hashes."""
        return list(self.disk.connection.execute("SELECT person_id, hash FROM addresses"))

    @contextmanager
    def holding_commits(self) -> Iterator[None]:
        """Commit nothing inside the block, as on a slow disk: writes wait."""
        self.may_commit = trio.Event()
        try:
            yield
        finally:
            self.may_commit.set()

    @contextmanager
    def holding_reads(self) -> Iterator[None]:
        """Read nothing inside the block, as while others read much: reads wait."""
        self.may_read = trio.Event()
        try:
            yield
        finally:
            self.may_read.set()

    @contextmanager
    def unavailable(self, why: str = "The disk is full.") -> Iterator[None]:
        """Raise `StoreUnavailable` from every call inside the block, as on a full disk."""
        self._trouble = why
        try:
            yield
        finally:
            self._trouble = None

    def statistics(self) -> StoreStatistics:
        """See `Store`."""
        statistics = super().statistics()
        return attrs.evolve(statistics, failures=statistics.failures + self._n_refused)

    async def _execute_write(self, run_batch: RunBatch, requests: Sequence[Any]) -> Sequence[Any]:
        await self.may_commit.wait()
        return await self._execute(run_batch, requests)

    async def _execute_read(self, run_batch: RunBatch, requests: Sequence[Any]) -> Sequence[Any]:
        await self.may_read.wait()
        return await self._execute(run_batch, requests)

    async def _execute(self, run_batch: RunBatch, requests: Sequence[Any]) -> Sequence[Any]:
        await trio.lowlevel.checkpoint()
        if self._trouble is not None:
            self._n_refused += 1
            return [StoreUnavailable(self._trouble) for _ in requests]
        return run_batch(requests)
