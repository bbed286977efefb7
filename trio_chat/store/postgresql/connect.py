"""Connecting to PostgreSQL, and what its errors mean."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import conninfo

from trio_chat.errors import StartError
from trio_chat.store.postgresql.connection import UNAVAILABLE, PostgresqlConnection, Raw
from trio_chat.store.postgresql.texts import adapt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

OLDEST_SERVER: Final = 14
"""Older ones get no fixes any more."""

LOCK_MS: Final = 2_000
STATEMENT_MS: Final = 8_000
IDLE_IN_TRANSACTION_MS: Final = 3_000
"""So long a node that hangs may hold up others."""

LINE_MS: Final = 3_000
"""What was sent and is not acknowledged for so long ends the connection."""

CONNECT_S: Final = 3
"""So long connecting may take, and then each statement that makes the connection ready."""

KEEPALIVE_S: Final = 2
KEEPALIVES: Final = 3
"""So often, every so many seconds, the server asks whether somebody of whom it hears nothing is there."""

STATEMENTS_PREPARED: Final = 5
"""A statement that was run so often is prepared on the server."""


def connector(url: str) -> Callable[[], Raw]:
    """Function that makes a connection to the primary at this address. It raises `psycopg.Error`.

    Raises `StartError` if that is no address of a PostgreSQL database.
    """
    try:
        given = conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise StartError(
            f"{hidden(url)} is no address of a PostgreSQL database ({str(error).strip()}). "
            "It looks like postgresql://name:password@host/database."
        ) from None
    options: dict[str, Any] = {
        "connect_timeout": CONNECT_S,
        "tcp_user_timeout": LINE_MS,
        "target_session_attrs": "read-write",
        "application_name": "trio-chat",
        **{name: value for name, value in given.items() if value is not None},
        "client_encoding": "utf8",
    }
    return partial(_connect, conninfo.make_conninfo(**options))


def _connect(address: str) -> Raw:
    raw: Raw = psycopg.Connection.connect(address, autocommit=True, prepare_threshold=STATEMENTS_PREPARED)
    try:
        adapt(raw)
        # No parameters of the start: poolers refuse them.
        execute_in_time(
            raw,
            f"SET lock_timeout = {LOCK_MS}; SET statement_timeout = {STATEMENT_MS}; "
            f"SET idle_in_transaction_session_timeout = {IDLE_IN_TRANSACTION_MS}; "
            # A wait for a standby that is cancelled is a commit that nobody holds: only the node ends it.
            "SET client_connection_check_interval = 0; "
            "SET default_transaction_isolation = 'read committed'; "
            # Statements are short: compiling them takes longer than running them, and what they read is in memory.
            "SET jit = off; SET random_page_cost = 1.1",
        )
        with suppress(psycopg.errors.InvalidParameterValue):  # not every system has them
            # A node that is cut off in the middle of what it sends leaves a session that waits for the rest, with the
            # rooms locked, and that is none of the waits that have limits above.
            execute_in_time(
                raw,
                f"SET tcp_keepalives_idle = {KEEPALIVE_S}; SET tcp_keepalives_interval = {KEEPALIVE_S}; "
                f"SET tcp_keepalives_count = {KEEPALIVES}",
            )
    except BaseException:
        raw.close()
        raise
    return raw


def execute_in_time(raw: Raw, statement: str) -> None:
    """Run a statement on a connection that nobody else watches yet: after `CONNECT_S` it is cut. Raises
    `psycopg.Error`."""
    with socket.socket(fileno=os.dup(raw.fileno())) as line:
        timer = threading.Timer(CONNECT_S, _cut, [line])
        timer.daemon = True
        timer.start()
        try:
            raw.execute(statement.encode())
        finally:
            timer.cancel()
            timer.join()


def _cut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def hidden(url: str) -> str:
    """The address without its password."""
    head, at, tail = url.rpartition("@")
    scheme, separator, who = head.rpartition("//")
    return f"{scheme}{separator}{who.partition(':')[0]}{at}{tail}" if at else url


@contextmanager
def explaining(url: str) -> Iterator[None]:
    """Turn errors of opening the store into a `StartError` that says why, and what to do."""
    try:
        yield
    except UNAVAILABLE as error:
        said = " ".join(str(error).split())
        raise StartError(
            f"Cannot use the database {hidden(url)}: {said}. Check the address, and whether PostgreSQL runs."
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise StartError(
            f"The database {hidden(url)} does not let this user make tables ({error}). "
            "Give it a database of its own: CREATE DATABASE … OWNER …"
        ) from error


def check_server(connections: Sequence[PostgresqlConnection], url: str) -> None:
    """Raise `StartError` unless these connections, all open, lead to a server that can hold a store."""
    first = connections[0]
    version = first.raw.info.server_version // 10_000
    if version < OLDEST_SERVER:
        raise StartError(
            f"The PostgreSQL at {hidden(url)} is of version {version}; {OLDEST_SERVER} or newer is needed."
        )
    encoding = first.execute("SELECT current_setting('server_encoding')").get
    if encoding != "UTF8":
        raise StartError(
            f"The database {hidden(url)} is in {encoding}, which cannot hold every text. "
            "Make one in UTF8: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )
    if not _have_sessions(connections):
        raise StartError(
            f"Between trio-chat and the database {hidden(url)} is a pooler that gives a connection to others after "
            "each transaction. Use its session mode (pgbouncer: pool_mode = session), or PostgreSQL's own address."
        )


def _have_sessions(connections: Sequence[PostgresqlConnection]) -> bool:
    """Whether each of the connections keeps a session of its own on the server, whatever the others do."""
    name = "trio_chat.session"
    for _ in range(3):
        marks = [secrets.token_hex(8) for _ in connections]
        for connection, mark in zip(connections, marks, strict=True):
            connection.execute("SELECT set_config(?, ?, false)", (name, mark))
        for connection, mark in zip(connections, marks, strict=True):
            if connection.execute("SELECT current_setting(?, true)", (name,)).get != mark:
                return False
    return True
