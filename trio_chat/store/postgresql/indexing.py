"""Keeping the search index: one node does it at a time, whichever comes first.

It follows the log as on SQLite (`trio_chat.store.sql.search_index`). Only here who deletes a message and who indexes it
may be two: a message that is deleted just as it is put in is taken out again when the index comes to its deletion.
"""

from __future__ import annotations

import logging
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import trio

from trio_chat.store.postgresql.connection import UNAVAILABLE
from trio_chat.store.postgresql.transactions import again
from trio_chat.store.sql.search_index import index_more

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.store.group_commit import Executor, RunBatch
    from trio_chat.store.postgresql.connection import PostgresqlConnection

LOGGER = logging.getLogger(__name__)

LOCK: Final = 0x7472_6967
"""Key of the advisory lock of who indexes."""

INDEXED_AT_A_TIME: Final = 100
"""Events."""

PAUSE_S: Final = 0.25
"""After a write of this node: so much is done in one go."""

POLL_S: Final = 5.0
"""So often it is looked for what other nodes have written, and whether the node that indexed is gone."""

REST: Final = 1.0
"""Pause between two batches, in times of what a batch took."""


class Indexer:
    """Indexes, over a connection of its own."""

    def __init__(self, connection: PostgresqlConnection) -> None:
        self._connection = connection
        self._has_written = trio.Event()
        self._thread = trio.CapacityLimiter(1)

    def watching(self, executor: Executor) -> Executor:
        """The writer's executor, wrapped so that the indexer hears of what is written."""

        async def watched(run_batch: RunBatch, requests: Sequence[Any]) -> Sequence[Any]:
            answers = await executor(run_batch, requests)
            self._has_written.set()
            return answers

        return watched

    async def run(self) -> None:
        """Index for ever."""
        while True:
            with trio.move_on_after(POLL_S):
                await self._has_written.wait()
            await trio.sleep(PAUSE_S)
            self._has_written = trio.Event()
            try:
                while await self._index_some():
                    pass
            except UNAVAILABLE as error:
                LOGGER.error("messages cannot be indexed: %s", error)
            except Exception:  # a bug; it must not end the store
                LOGGER.exception("messages cannot be indexed")

    async def _index_some(self) -> bool:
        """Whether there may be more."""
        started = perf_counter()
        is_more = await trio.to_thread.run_sync(self.index_some, limiter=self._thread)
        await trio.sleep(REST * (perf_counter() - started))
        return is_more

    def index_some(self) -> bool:
        """Index some, unless another node does; whether there may be more. In a thread."""
        return again(self._connection, self._attempt)

    def _attempt(self) -> bool:
        connection = self._connection
        connection.execute("BEGIN")
        try:
            if not connection.execute("SELECT pg_try_advisory_xact_lock(?)", (LOCK,)).get:
                return False
            is_more = index_more(connection, INDEXED_AT_A_TIME)
            connection.execute("COMMIT")
        finally:
            connection.roll_back()
        return is_more
