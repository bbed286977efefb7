"""Opening a store in a PostgreSQL database, which other servers may use at the same time."""

from __future__ import annotations

from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import trio

from trio_chat.store.contract.statistics import NodeStatistics
from trio_chat.store.group_commit import thread_executor
from trio_chat.store.mark_file import open_mark_file
from trio_chat.store.postgresql import leases, mark
from trio_chat.store.postgresql.clock import SAMPLES_AT_START, DatabaseClock
from trio_chat.store.postgresql.connect import check_server, connector, explaining, hidden
from trio_chat.store.postgresql.connection import UNAVAILABLE, PostgresqlConnection
from trio_chat.store.postgresql.epochs import check_looked_at
from trio_chat.store.postgresql.hints import open_hints
from trio_chat.store.postgresql.indexing import Indexer
from trio_chat.store.postgresql.rings import channel_of
from trio_chat.store.postgresql.schema import migrate
from trio_chat.store.postgresql.store import PostgresqlStore
from trio_chat.store.postgresql.transactions import again
from trio_chat.store.postgresql.watchdog import MAX_WAIT_S, Patience
from trio_chat.store.postgresql.writer import PostgresqlWriter
from trio_chat.store.sql.epochs import proof_key
from trio_chat.store.sql.moves import check_serves
from trio_chat.store.sql.reader import Reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from trio_chat.store.postgresql.hints import Ringer
    from trio_chat.store.sql.requests import Read

    Connections = tuple[
        PostgresqlConnection, PostgresqlConnection, PostgresqlConnection, PostgresqlConnection
    ]


@asynccontextmanager
async def open_postgresql_store(
    url: str, *, data: Path | None = None, close_timeout_s: float = 10.0, max_wait_s: float = MAX_WAIT_S
) -> AsyncIterator[PostgresqlStore]:
    """Store in the database at ``url`` (``postgresql://…``, or whatever libpq takes); an empty one is made ready.
    The mark of this node (`trio_chat.store.postgresql.mark`) is in the directory ``data``.

    Leaving the block finishes the waiting requests, for at most ``close_timeout_s``. A connection that waits for
    ``max_wait_s`` is cut; and from the moment on of which `Store.stop_waiting_at` is told none waits any more.

    Raises `StartError` when the database cannot be used: not to be reached, another program's, of a newer trio-chat,
    behind a pooler without sessions.
    """
    connect = connector(url)
    files = ExitStack()
    clock = DatabaseClock()
    patience = Patience(max_wait_s)
    connections = (
        PostgresqlConnection(connect),
        PostgresqlConnection(connect),
        PostgresqlConnection(connect),
        PostgresqlConnection(connect),
    )
    _, reading, searching, indexing = connections
    indexer = Indexer(indexing)
    try:
        writer, channel = await patience.in_thread(
            lambda: files.enter_context(_open_writer(connections, url, data, clock)), connections
        )
        store = PostgresqlStore(
            writer,
            _reader(reading),
            _reader(searching),
            write_executor=indexer.watching(thread_executor()),
            read_executor=thread_executor(),
            search_executor=thread_executor(),
        )
        reading.on_connect = partial(_look_first, reading, store)
        searching.on_connect = partial(check_looked_at, searching)
        store.node = writer.transactions.node
        store.clock = clock
        store.patience = patience
        async with patience.watching(connections), trio.open_nursery() as tasks:
            tasks.start_soon(indexer.run)
            async with (
                open_hints(
                    store.node,
                    connect,
                    store.bell,
                    store.node_bell,
                    clock,
                    channel=channel,
                    epochs=lambda: writer.transactions.epochs,
                    patience=patience,
                ) as ringer,
                store.running(close_timeout_s=close_timeout_s),
            ):
                store.ring, store.tell = ringer.note, ringer.tell
                store.node_statistics = partial(_statistics, connections, ringer)
                try:
                    yield store
                finally:
                    patience.end_at(trio.current_time() + close_timeout_s)
            tasks.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await patience.in_thread(files.close, connections)


@contextmanager
def _open_writer(
    connections: Connections, url: str, data: Path | None, clock: DatabaseClock
) -> Iterator[tuple[PostgresqlWriter, str]]:
    """A writer, and the channel on which the nodes ring, over connections to write, read, search and index, on a
    database of today's schema; they are closed when the block is left. Synchronous."""
    with ExitStack() as stack:
        writing, reading, searching, _ = connections
        for connection in connections:
            stack.enter_context(closing(connection))
        with explaining(url):
            check_server([writing, reading, searching], url)
            migrate(writing, url)
            check_serves(writing, hidden(url))
            if data is None:
                writer = PostgresqlWriter(writing)
            else:
                path = data / mark.NAME
                before = mark.read_node_mark(path)
                mark_file = stack.enter_context(open_mark_file(path, mark.SIZE))
                writer = PostgresqlWriter(writing, before=before, mark_file=mark_file)
            writer.transactions.connect()
            channel = channel_of(proof_key(writing))
            leases.beat(writing, writer.transactions.node)
            for _ in range(SAMPLES_AT_START):
                clock.sample(writing)
        stack.callback(writer.transactions.leave)
        stack.callback(leases.leave, writing, writer.transactions.node)
        yield writer, channel


def _statistics(connections: Connections, ringer: Ringer) -> NodeStatistics:
    return NodeStatistics(
        retries=sum(connection.retries for connection in connections),
        in_doubt=sum(connection.in_doubt for connection in connections),
        rings=ringer.n_rings,
        heard=ringer.heard.n_rings,
        heard_at_s=ringer.heard.at_s,
    )


def _look_first(connection: PostgresqlConnection, store: PostgresqlStore) -> None:
    check_looked_at(connection)
    store.reconnects += 1  # before anything is read: whoever has read something sees that it has grown


def _reader(connection: PostgresqlConnection) -> Reader:
    def run(read: Read) -> object:
        return again(connection, partial(read, connection))

    return Reader(run, errors=UNAVAILABLE, check_disk=lambda: None)
