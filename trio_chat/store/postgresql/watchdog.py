"""Watchdog of connections: one that waits for too long is cut, so that nobody waits for ever."""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING, Final

import trio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.store.postgresql.connection import PostgresqlConnection

LOGGER = logging.getLogger(__name__)

MAX_WAIT_S: Final = 10.0
"""Longer than the server lets a statement run."""

LOOK_EACH_S: Final = 1.0


async def watch(connections: Sequence[PostgresqlConnection], *, max_wait_s: float = MAX_WAIT_S) -> None:
    """Cut connections that wait for longer than this, until it is cancelled."""
    while True:
        await trio.sleep(min(LOOK_EACH_S, max_wait_s))
        for connection in connections:
            since = connection.waits_since
            if since is not None and monotonic() - since > max_wait_s:
                LOGGER.error("the database did not answer for %.0f s: the connection is cut", max_wait_s)
                connection.cut()
