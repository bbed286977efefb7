"""Housekeeping while the writer is idle: it indexes messages, and brings deleted texts out of the write-ahead log."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import trio

from trio_chat.errors import StoreUnavailable
from trio_chat.store.sql.search_index import index_more
from trio_chat.store.sqlite.writer import Checkpoint

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
        self._is_needed = trio.Event()
        self._is_needed.set()
        self.scope = trio.CancelScope()

    def watching(self, executor: Executor) -> Executor:
        """The writer's executor, wrapped so that the housekeeper wakes up when there is something to do."""

        async def watched(run_batch: RunBatch, requests: Sequence[Any]) -> Sequence[Any]:
            answers = await executor(run_batch, requests)
            if self._writer.has_remains or self._writer.statistics.events != self._events:
                self._is_needed.set()
            return answers

        return watched

    async def run(self, store: SqliteStore) -> None:
        """Run until ``scope`` is cancelled."""
        with self.scope:
            while True:
                await self._is_needed.wait()
                await trio.sleep(PAUSE_S)
                self._is_needed = trio.Event()
                with suppress(StoreUnavailable):  # any later batch wakes it again
                    if self._writer.has_remains:
                        await store.writes.submit(Checkpoint())
                    await self._index(store)

    async def _index(self, store: SqliteStore) -> None:
        more = is_busy = True
        while more:
            self._events = self._writer.statistics.events
            started = perf_counter()
            more = await store.writes.submit(partial(index_more, limit=INDEXED_AT_A_TIME))
            took_s = perf_counter() - started
            await trio.sleep((REST_BUSY if is_busy else REST_IDLE) * took_s)
            is_busy = self._writer.statistics.events != self._events
