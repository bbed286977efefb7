"""Housekeeping while the writer is idle: it indexes messages, and brings deleted texts out of the write-ahead log."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import trio

from trio_chat.errors import StoreUnavailable
from trio_chat.store.sql.search_index import index_more
from trio_chat.store.sqlite.writer import Checkpoint, Upkeep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.store.group_commit import Executor, RunBatch
    from trio_chat.store.sqlite.store import SqliteStore
    from trio_chat.store.sqlite.writer import SqliteWriter

PAUSE_S = 0.25
"""Seconds after a write: so much is done in one go, and a deleted text is gone soon."""

INDEXED_AT_A_TIME = 100
"""Events: they take some 5 ms, for which a commit may have to wait."""

REST_IDLE, REST_BUSY = 1.0, 19.0
"""Pause between two batches of indexing, in times of what a batch took: where nothing was written meanwhile, and where
something was.

So under load indexing takes a twentieth of a processor. (With a fifth, and 200 at a time, a full load went a fifth
slower, and the slowest hundredth of its messages took 40 ms instead of 15.) The search lags behind a flood, and catches
up after it.
"""


class Housekeeper:
    """Watches the writer's batches, and cleans up behind them."""

    def __init__(self, writer: SqliteWriter) -> None:
        self._writer = writer
        self._events = -1  # so that what an earlier process left undone is done
        self._may_index = trio.Event()
        self._may_index.set()
        self._has_remains = trio.Event()
        self.scope = trio.CancelScope()

    def watching(self, executor: Executor) -> Executor:
        """The writer's executor, wrapped so that the housekeeper wakes up when there is something to do."""

        async def watched(run_batch: RunBatch, requests: Sequence[Any]) -> Sequence[Any]:
            answers = await executor(run_batch, requests)
            if self._writer.has_remains:
                self._has_remains.set()
            if self._writer.statistics.events != self._events:
                self._may_index.set()
            return answers

        return watched

    async def run(self, store: SqliteStore) -> None:
        """Run until ``scope`` is cancelled."""
        with self.scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._checkpoint, store)
                nursery.start_soon(self._index, store)

    async def _checkpoint(self, store: SqliteStore) -> None:
        # By itself: what was deleted does not wait until all messages are indexed, which may take long.
        while True:
            await self._has_remains.wait()
            await trio.sleep(PAUSE_S)
            self._has_remains = trio.Event()
            with suppress(StoreUnavailable):  # any later batch wakes it again
                await store.writes.submit(Checkpoint())

    async def _index(self, store: SqliteStore) -> None:
        while True:
            await self._may_index.wait()
            await trio.sleep(PAUSE_S)
            self._may_index = trio.Event()
            with suppress(StoreUnavailable):  # any later batch wakes it again
                await self._index_all(store)

    async def _index_all(self, store: SqliteStore) -> None:
        more = is_busy = True
        while more:
            self._events = self._writer.statistics.events
            started = perf_counter()
            more = await store.writes.submit(Upkeep(partial(index_more, limit=INDEXED_AT_A_TIME)))
            took_s = perf_counter() - started
            await trio.sleep((REST_BUSY if is_busy else REST_IDLE) * took_s)
            is_busy = self._writer.statistics.events != self._events
