"""Two nodes over one PostgreSQL, of which one is in the middle of a transaction."""

from __future__ import annotations

from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.errors import NameTaken, Refused
from trio_chat.store.postgresql.connect import connector
from trio_chat.store.postgresql.connection import PostgresqlConnection
from trio_chat.store.postgresql.open import open_postgresql_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from trio_chat.store.base import Store


@attrs.frozen
class Nodes:
    """This node, and the connection with which another one writes."""

    here: Store
    there: PostgresqlConnection
    observer: PostgresqlConnection

    async def meanwhile(
        self, write: Callable[[PostgresqlConnection], object], call: Callable[[], Awaitable[object]]
    ) -> object:
        """What the call of this node returned or raised, which began when the other had written and not committed; and
        the other commits when this one waits for it, or is done without."""
        results: list[object] = []

        async def run() -> None:
            try:
                results.append(await call())
            except (NameTaken, KeyError, Refused) as error:
                results.append(error)

        self.there.execute("BEGIN")
        write(self.there)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            while not results and not self._is_somebody_waiting():
                await trio.lowlevel.checkpoint()
            self.there.execute("COMMIT")
        return results[0]

    def _is_somebody_waiting(self) -> bool:
        found: bool = self.observer.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock')"
        ).get
        return found


@asynccontextmanager
async def open_nodes(database: str) -> AsyncIterator[Nodes]:
    """Two nodes over this database."""
    connect = connector(database)
    async with open_postgresql_store(database) as here:
        with (
            closing(PostgresqlConnection(connect)) as there,
            closing(PostgresqlConnection(connect)) as observer,
        ):
            yield Nodes(here, there, observer)
