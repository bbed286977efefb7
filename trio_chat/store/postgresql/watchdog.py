"""Watchdog of connections: one that waits for too long is cut, so that nobody waits for ever."""

from __future__ import annotations

import logging
import math
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeVar

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from trio_chat.store.postgresql.connection import PostgresqlConnection

_Answer = TypeVar("_Answer")

LOGGER = logging.getLogger(__name__)

MAX_WAIT_S: Final = 10.0
"""Longer than the server lets a statement run."""

LOOK_EACH_S: Final = 1.0


class Patience:
    """How long connections wait for the server: for ``max_wait_s`` at a time, and until a moment when all of them give
    up, which comes when the program is to stop."""

    def __init__(self, max_wait_s: float) -> None:
        self._max_wait_s = max_wait_s
        self._ends_at = math.inf
        self._has_end = trio.Event()

    def end_at(self, moment: float) -> None:
        """Have all connections give up at this moment of Trio's clock, unless they do earlier. Sync."""
        self._ends_at = min(self._ends_at, moment)
        self._has_end.set()

    @asynccontextmanager
    async def watching(self, connections: Sequence[PostgresqlConnection]) -> AsyncIterator[None]:
        """Watch these connections inside the block, also while that is cancelled and waits for a thread."""
        async with trio.open_nursery() as nursery:
            watchdog = await nursery.start(self._watch, connections)
            try:
                yield
            finally:
                watchdog.cancel()

    async def in_thread(
        self, function: Callable[[], _Answer], connections: Sequence[PostgresqlConnection]
    ) -> _Answer:
        """Call a function in a thread while the connections that it uses are watched; what it returned. Raises what it
        raises."""
        failed: Exception | None = None
        async with self.watching(connections):
            try:
                return await trio.to_thread.run_sync(function)
            except Exception as error:
                failed = error
        raise failed  # in no group

    async def _watch(
        self,
        connections: Sequence[PostgresqlConnection],
        *,
        task_status: trio.TaskStatus[trio.CancelScope],
    ) -> None:
        with trio.CancelScope(shield=True) as scope:
            task_status.started(scope)
            while True:
                with trio.move_on_after(min(LOOK_EACH_S, self._max_wait_s)):
                    await self._has_end.wait()
                    await trio.sleep_until(self._ends_at)
                    for connection in connections:
                        connection.give_up()
                    await trio.sleep_forever()
                self._cut_those_that_wait(connections)

    def _cut_those_that_wait(self, connections: Sequence[PostgresqlConnection]) -> None:
        for connection in connections:
            since = connection.waits_since
            if since is not None and monotonic() - since > self._max_wait_s:
                LOGGER.error(
                    "the database did not answer for %.0f s: the connection is cut", self._max_wait_s
                )
                connection.cut()
