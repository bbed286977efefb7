"""A PostgreSQL database as one end of a move (`trio_chat.store.moving.end`)."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

import psycopg

from trio_chat.errors import StartError
from trio_chat.store.postgresql.beside_servers import check_format
from trio_chat.store.postgresql.connect import check_server, connector, explaining, hidden
from trio_chat.store.postgresql.connection import PostgresqlConnection
from trio_chat.store.postgresql.epochs import IDENTITY, TIMELINE
from trio_chat.store.postgresql.leases import live_nodes
from trio_chat.store.postgresql.schema import format_of, migrate
from trio_chat.store.postgresql.transactions import REFUSED_CODE
from trio_chat.store.sql.meta import note, remove_note, set_note
from trio_chat.store.sql.moves import CHANGES, PREPARED, REFUSED, WAITING
from trio_chat.store.sql.tables import BESIDE_EVENTS, EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trio_chat.store.moving.end import End, Row
    from trio_chat.store.sql.tables import Table

SEALED_S: Final = 7.0
"""Servers try again for ten seconds before they tell anybody that nothing can be written just now."""

LOCK_S: Final = 20.0
"""So long it is tried to lock all tables: transactions that wait for each other are ended by PostgreSQL."""

_TRIGGERS: Final = "move_"
"""How the names of all triggers of a move, and of their functions, begin."""


class PostgresqlEnd:
    """A database. Made by `open_source` or `open_target`."""

    def __init__(self, url: str, connection: PostgresqlConnection, *, may_be_sealed_s: float | None) -> None:
        self.name = hidden(url)
        self.address = url
        self.may_be_sealed_s = may_be_sealed_s
        self.connection = connection

    def columns(self, table: Table, /) -> dict[str, str]:
        """See `End`."""
        rows = self.connection.execute(
            """
            SELECT CAST(column_name AS text), CAST(data_type AS text) FROM information_schema.columns
            WHERE table_schema = current_schema() AND table_name = ? ORDER BY ordinal_position
            """,
            (table.name,),
        )
        return dict(rows)

    def n_servers(self) -> int:
        """See `End`."""
        return len(live_nodes(self.connection))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """See `End`."""
        with self.connection.transaction():
            self.connection.execute("SET CONSTRAINTS ALL DEFERRED")
            yield

    @contextmanager
    def sealed(self) -> Iterator[None]:
        """See `End`. Who appends begins with the row of a room, so those are locked first: he waits there and holds
        nothing else."""
        tables = ", ".join(table.name for table in (*BESIDE_EVENTS, EVENTS))
        until = time.monotonic() + LOCK_S
        while True:
            self.connection.execute("BEGIN")
            try:
                self.connection.execute(f"LOCK TABLE {tables} IN EXCLUSIVE MODE")
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                self.connection.roll_back()
                if time.monotonic() > until:
                    raise
            except BaseException:
                self.connection.roll_back()
                raise
            else:
                break
        try:
            # Should this process stand still, servers go on by themselves.
            self.connection.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{SEALED_S}s'")
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            self.connection.roll_back()
            raise

    def cut(self) -> None:
        """See `End`."""
        self.connection.cut()

    def track(self, tables: Sequence[Table], log: Table, /) -> None:
        """See `End`. Nothing here takes a lock for which readers have to wait: they would wait for each other."""
        self.connection.execute(
            f"CREATE TABLE IF NOT EXISTS {CHANGES} "
            "(n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tab text NOT NULL, key text NOT NULL)"
        )
        self.connection.execute(f"DELETE FROM {CHANGES}")
        for table in tables:
            self._track(table, "INSERT OR UPDATE OR DELETE")
        self._track(log, "UPDATE")

    def _track(self, table: Table, what: str) -> None:
        types = self.columns(table)

        def noted(row: str) -> str:
            key = ", ".join(
                f"encode({row}.{column}, 'hex')" if types[column] == "bytea" else f"{row}.{column}"
                for column in table.key
            )
            return f"INSERT INTO {CHANGES} (tab, key) VALUES ('{table.name}', json_build_array({key}));"

        self.connection.raw.execute(
            f"""
            CREATE OR REPLACE FUNCTION {_TRIGGERS}{table.name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF TG_OP <> 'INSERT' THEN
                    {noted("OLD")}
                END IF;
                IF TG_OP <> 'DELETE' THEN
                    {noted("NEW")}
                END IF;
                RETURN NULL;
            END $$;
            CREATE OR REPLACE TRIGGER {_TRIGGERS}{table.name} AFTER {what} ON {table.name}
                FOR EACH ROW EXECUTE FUNCTION {_TRIGGERS}{table.name}();
            ALTER TABLE {table.name} ENABLE TRIGGER {_TRIGGERS}{table.name};
            """.encode()
        )

    def untrack(self) -> None:
        """See `End`. The triggers stay, switched off."""
        triggers = self.connection.execute(
            "SELECT CAST(tgrelid::regclass AS text), CAST(tgname AS text) FROM pg_trigger "
            "WHERE starts_with(CAST(tgname AS text), ?) AND tgrelid::regclass IN "
            "(SELECT oid FROM pg_class WHERE relnamespace = CAST(current_schema() AS regnamespace))",
            (_TRIGGERS,),
        ).fetchall()
        for table, trigger in triggers:
            self.connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        if triggers:
            self.connection.execute(f"DELETE FROM {CHANGES}")

    def fence(self, tables: Sequence[Table], /) -> None:
        """See `End`."""
        self.connection.raw.execute(
            f"""
            CREATE FUNCTION {_TRIGGERS}refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                RAISE EXCEPTION '{REFUSED}' USING ERRCODE = '{REFUSED_CODE}';
            END $$
            """.encode()
        )
        for table in tables:
            self.connection.execute(
                f"CREATE TRIGGER {_TRIGGERS}refuse BEFORE INSERT OR UPDATE OR DELETE ON {table.name} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {_TRIGGERS}refuse()"
            )

    def insert(self, table: Table, columns: Sequence[str], rows: Sequence[Row], /) -> None:
        """See `End`."""
        raw = self.connection.raw
        with (
            self.connection.waiting(),
            raw.cursor() as cursor,
            cursor.copy(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN".encode()) as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def wipe(self, table: Table, keys: Sequence[Row], /) -> None:
        """See `End`. Nothing can be done, as everywhere in PostgreSQL."""

    def complete(self) -> None:
        """See `End`. Rooms have their heads in them, and new rows their numbers from sequences."""
        self.connection.execute(
            """
            UPDATE rooms SET head = last.seq, digest = last.digest, rules_seq = last.seq
            FROM rooms AS each CROSS JOIN LATERAL (
                SELECT seq, digest FROM events WHERE room_id = each.id ORDER BY seq DESC LIMIT 1
            ) AS last
            WHERE rooms.id = each.id AND (rooms.head <> last.seq OR rooms.digest <> last.digest)
            """
        )
        self.connection.execute("UPDATE people_count SET n = (SELECT count(*) FROM people)")
        for table, column in (("rooms", "id"), ("uploads", "number"), ("blobs", "id")):
            self.connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), greatest(max({column}), 1)) "
                f"FROM {table}"
            )

    def open(self) -> None:
        """See `End`."""
        with self.writing():
            for table in (*BESIDE_EVENTS, EVENTS):
                self.connection.execute(f"ALTER TABLE {table.name} ENABLE TRIGGER USER")
            remove_note(self.connection, WAITING)


@contextmanager
def open_source(url: str) -> Iterator[PostgresqlEnd]:
    """The database at this address, from which is moved. Servers may be using it.

    Raises `StartError` if there is no log of today's format in it.
    """
    with _connected(url) as connection:
        check_format(connection, url)
        if note(connection, WAITING) is not None:
            raise StartError(f"{hidden(url)} is itself the target of a move that was not completed.")
        yield PostgresqlEnd(url, connection, may_be_sealed_s=SEALED_S)


@contextmanager
def open_target(url: str, *, is_begun: bool = False) -> Iterator[PostgresqlEnd]:
    """An empty database at this address, to which is moved, or that of a move which was interrupted.

    Raises `StartError` if it holds something else. With ``is_begun`` it is taken as it is, if there is a store in it.
    """
    with _connected(url) as connection:
        check_server([connection], url)
        if format_of(connection) is None and not is_begun:
            migrate(connection, url)
        check_format(connection, url)
        if note(connection, WAITING) is None and not is_begun:
            _prepare(connection, url)
        yield PostgresqlEnd(url, connection, may_be_sealed_s=None)


def _prepare(connection: PostgresqlConnection, url: str) -> None:
    """Make a database ready to be copied into that was never used, however often a server was started with it."""
    used = " OR ".join(f"EXISTS (SELECT 1 FROM {name})" for name in ("events", "people", "marks", "uploads"))
    if connection.execute(f"SELECT {used}").get or live_nodes(connection):
        raise StartError(f"The database {hidden(url)} holds a chat, or a server uses it. Name an empty one.")
    with connection.transaction():
        for table in (*BESIDE_EVENTS, EVENTS):
            connection.execute(f"DELETE FROM {table.name}")
            connection.execute(f"ALTER TABLE {table.name} DISABLE TRIGGER USER")  # what they write is copied
        for key in (IDENTITY, TIMELINE):  # the first server that comes will say which one it is
            remove_note(connection, key)
        set_note(connection, WAITING, PREPARED)


@contextmanager
def _connected(url: str) -> Iterator[PostgresqlConnection]:
    with explaining(url), closing(PostgresqlConnection(connector(url))) as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute("SET idle_in_transaction_session_timeout = 0")
        yield connection


if TYPE_CHECKING:
    _fulfils: type[End] = PostgresqlEnd
