"""The store in memory: SQLite without a file and without threads, so it works under an autojump clock.

For tests, and for trying things out. Why it is no store of its own: docs/decisions/one-store-in-memory.md.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import attrs
import trio

from trio_chat.errors import StoreUnavailable
from trio_chat.store.sqlite.epochs import mark_of
from trio_chat.store.sqlite.reader import SqliteReader
from trio_chat.store.sqlite.schema import MIGRATIONS, migrate
from trio_chat.store.sqlite.store import SqliteStore
from trio_chat.store.sqlite.writer import SqliteWriter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from trio_chat.store.base import StoreStatistics
    from trio_chat.store.group_commit import AnswerAll


class MemoryDisk:
    """What a memory store keeps: open another store on the same disk to play a restart."""

    def __init__(self) -> None:
        self.connection = apsw.Connection(":memory:")
        self.connection.pragma("foreign_keys", True)
        migrate(self.connection, Path(":memory:"), MIGRATIONS)

    @property
    def epoch(self) -> str:
        """The log's own."""
        return mark_of(self.connection).epoch

    def damage(self, room: str, *seqs: int) -> None:
        """For tests: make these events something else than what was written."""
        self.connection.executemany(
            "UPDATE events SET body = 'spoilt' WHERE seq = ? AND room_id = (SELECT id FROM rooms WHERE name = ?)",
            [(seq, room) for seq in seqs],
        )

    def contents(self) -> bytes:
        """Everything that is kept, as it would stand in a file."""
        return self.connection.serialize("main")


@asynccontextmanager
async def open_memory_store(disk: MemoryDisk | None = None) -> AsyncIterator[MemoryStore]:
    """A store that forgets everything with its disk, a fresh one if none is given."""
    store = MemoryStore(MemoryDisk() if disk is None else disk)
    async with store.at_work(close_timeout_s=10):
        try:
            yield store
        finally:
            store.may_commit.set()
            store.may_read.set()


class MemoryStore(SqliteStore):
    """A `Store` in memory, with handles for tests: `holding_commits`, `holding_reads` and `unavailable`."""

    def __init__(self, disk: MemoryDisk) -> None:
        super().__init__(
            SqliteWriter(disk.connection, mark_of(disk.connection), lambda mark: None),
            SqliteReader(disk.connection, lambda: None),
            SqliteReader(disk.connection, lambda: None),
            hop_to_write=self._hop_to_write,
            hop_to_read=self._hop_to_read,
            hop_to_search=self._hop_to_read,
        )
        self.may_commit = trio.Event()
        self.may_commit.set()
        self.may_read = trio.Event()
        self.may_read.set()
        self._trouble: str | None = None
        self._n_refused = 0

    @contextmanager
    def holding_commits(self) -> Iterator[None]:
        """For tests: inside the block nothing is committed, as on a slow disk; who writes waits."""
        self.may_commit = trio.Event()
        try:
            yield
        finally:
            self.may_commit.set()

    @contextmanager
    def holding_reads(self) -> Iterator[None]:
        """For tests: inside the block nothing is read, as while others read much; who reads waits."""
        self.may_read = trio.Event()
        try:
            yield
        finally:
            self.may_read.set()

    @contextmanager
    def unavailable(self, why: str = "The disk is full.") -> Iterator[None]:
        """For tests: inside the block every call raises `StoreUnavailable`, as on a full disk."""
        self._trouble = why
        try:
            yield
        finally:
            self._trouble = None

    def statistics(self) -> StoreStatistics:
        """See `Store`."""
        statistics = super().statistics()
        return attrs.evolve(statistics, failures=statistics.failures + self._n_refused)

    async def _hop_to_write(self, answer_all: AnswerAll, requests: Sequence[Any]) -> Sequence[Any]:
        await self.may_commit.wait()
        return await self._hop(answer_all, requests)

    async def _hop_to_read(self, answer_all: AnswerAll, requests: Sequence[Any]) -> Sequence[Any]:
        await self.may_read.wait()
        return await self._hop(answer_all, requests)

    async def _hop(self, answer_all: AnswerAll, requests: Sequence[Any]) -> Sequence[Any]:
        await trio.lowlevel.checkpoint()
        if self._trouble is not None:
            self._n_refused += 1
            return [StoreUnavailable(self._trouble) for _ in requests]
        return answer_all(requests)
