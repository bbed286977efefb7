"""Logs that are written as stores write them, but for digests, to be searched: in SQLite, and in PostgreSQL."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import attrs

from tests.support.postgresql import cluster
from trio_chat.kinds.forms import write_body
from trio_chat.kinds.messages import DELETE, EDIT, POST, Delete, Edit, Post
from trio_chat.model.events import MESSAGE
from trio_chat.search.query import parse_query
from trio_chat.store.postgresql.connect import connector
from trio_chat.store.postgresql.connection import PostgresqlConnection
from trio_chat.store.sql.search import Match, Matches, find_in_rooms
from trio_chat.store.sql.search_index import index_more
from trio_chat.store.sqlite.connection import SqliteConnection
from trio_chat.store.sqlite.schema import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from trio_chat.kinds.files import File
    from trio_chat.store.sql.connection import Connection

NOON = 1_793_534_400_000
"""2026-11-01T12:00Z."""


@attrs.define(eq=False)
class Log:
    """A log that is written as the store writes it, but for digests."""

    connection: Connection
    transaction: Callable[[], AbstractContextManager[object]]
    """Begins and commits."""
    now_ms: int = NOON

    def room(self, name: str, *, kind: str = "public", title: str = "") -> int:
        """The room's id; it is made if there is none."""
        self.connection.execute(
            "INSERT INTO rooms (name, epoch, kind, title) VALUES (?, '', ?, ?) ON CONFLICT DO NOTHING",
            (name, kind, title),
        )
        room_id = self.connection.execute("SELECT id FROM rooms WHERE name = ?", (name,)).get
        assert isinstance(room_id, int)
        return room_id

    def person(self, person_id: str, name: str) -> None:
        """Somebody, or their name of today."""
        self.connection.execute(
            "INSERT INTO people (id, name, name_key, created_at_ms) VALUES (?, ?, ?, 0) "
            "ON CONFLICT (id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key",
            (person_id, name, name.lower()),
        )

    def write(self, room: str, kind: str, body: str, *, sender: str = "p-ada", name: str = "Ada") -> int:
        """An event; its number."""
        room_id = self.room(room)
        seq = self.connection.execute(
            "SELECT coalesce(max(seq), 0) + 1 FROM events WHERE room_id = ?", (room_id,)
        ).get
        assert isinstance(seq, int)
        self.connection.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?)",
            (room_id, seq, kind, sender, name, self.now_ms, body, b"", b"", b""),
        )
        self.now_ms += 1_000
        return seq

    def say(self, text: str, room: str = "lobby", *, sender: str = "p-ada", name: str = "Ada") -> int:
        """A message."""
        return self.write(room, MESSAGE, text, sender=sender, name=name)

    def share(self, text: str, *files: File, room: str = "lobby") -> int:
        """A message with files."""
        return self.write(room, POST, write_body(Post(text, files=files)))

    def edit(self, target: int, text: str, room: str = "lobby") -> int:
        """The message says something else now."""
        seq = self.write(room, EDIT, write_body(Edit(target, text)))
        self.connection.execute("INSERT INTO edits VALUES (?, ?, ?)", (self.room(room), target, seq))
        self.connection.execute(
            "INSERT INTO changes VALUES (?, ?, 'edit', ?) "
            "ON CONFLICT (room_id, target, key) DO UPDATE SET seq = excluded.seq",
            (self.room(room), target, seq),
        )
        return seq

    def delete(self, target: int, room: str = "lobby") -> None:
        """The message is gone: what the transaction of a deletion does."""
        room_id = self.room(room)
        with self.transaction():
            self.write(room, DELETE, write_body(Delete(target)))
            self.connection.index.forget(self.connection, room_id, [target])
            self.connection.execute(
                "UPDATE events SET body = NULL, salt = NULL WHERE room_id = ?1 AND (seq = ?2 OR seq IN "
                "(SELECT seq FROM edits WHERE room_id = ?1 AND target = ?2))",
                (room_id, target),
            )

    def index(self, limit: int = 1_000) -> None:
        """Everything."""
        while self.index_some(limit):
            pass

    def index_some(self, limit: int) -> bool:
        """One batch."""
        with self.transaction():
            is_more = index_more(self.connection, limit)
        return is_more  # noqa: RET504 (its type says that leaving the block may swallow an error)

    def find(self, typed: str, *rooms: str, cursor: str | None = None, limit: int = 20) -> Matches:
        """A page of what is found by somebody who sees these rooms, or all."""
        names = rooms or [name for (name,) in self.connection.execute("SELECT name FROM rooms")]
        return find_in_rooms(self.connection, names, parse_query(typed), cursor=cursor, limit=limit)

    def found(self, typed: str, *rooms: str) -> list[str]:
        """What all the messages say that are found."""
        return [hit.text for hit in self.find(typed, *rooms).found]

    def all_pages(self, typed: str, limit: int) -> list[Match]:
        """What one gets by going on to the end."""
        hits: list[Match] = []
        page = self.find(typed, limit=limit)
        while page.cursor is not None:
            assert len(page.found) <= limit
            hits += page.found
            page = self.find(typed, cursor=page.cursor, limit=limit)
        return hits + page.found


def sqlite_log(path: str = ":memory:") -> Log:
    """A new log in SQLite. Close its connection."""
    connection = SqliteConnection(path)
    connection.pragma("secure_delete", True)
    connection.pragma("journal_mode", "WAL")
    with connection:
        for migration in MIGRATIONS:
            migration(connection)
    return Log(connection, lambda: connection)


def postgresql_log() -> Log:
    """An empty log in PostgreSQL: there is one for all tests of a process."""
    connection = _postgresql()

    @contextmanager
    def transaction() -> Iterator[None]:
        connection.execute("BEGIN")
        try:
            yield
            connection.execute("COMMIT")
        finally:
            connection.roll_back()

    for table in ("rooms", "events", "people", "members", "edits", "changes", "docs", "indexed"):
        connection.execute(f"DELETE FROM {table}")
    return Log(connection, transaction)


@cache
def _postgresql() -> PostgresqlConnection:
    name = cluster().new_database(cluster().template)
    connection = PostgresqlConnection(connector(cluster().url(name)))
    # Grams of the longest texts are made in a transaction: on a crowded machine that takes longer than a node may hang.
    connection.execute("SET idle_in_transaction_session_timeout = 0")
    return connection
