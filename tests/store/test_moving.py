"""Moving a chat between a file and PostgreSQL: all of it comes, under the same numbers, and one of the two serves."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.damage import drafts, whole
from tests.support.full_state import fill
from trio_chat.store.moving.move import Summary, move
from trio_chat.store.postgresql import move_end as postgresql
from trio_chat.store.postgresql.connect import connector
from trio_chat.store.postgresql.connection import PostgresqlConnection
from trio_chat.store.postgresql.open import open_postgresql_store
from trio_chat.store.sql.tables import (
    BESIDE_EVENTS,
    EVENTS,
    MOVING_KEYS,
    OWN_COLUMNS,
    STAYING,
    STAYING_KEYS,
    Table,
)
from trio_chat.store.sqlite import move_end as sqlite
from trio_chat.store.sqlite.connection import SqliteConnection
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "chat.db"


def to_database(path: Path, database: str) -> Summary | None:
    with sqlite.open_source(path) as source, postgresql.open_target(database) as target:
        return move(source, target)


def to_file(database: str, path: Path) -> Summary | None:
    with postgresql.open_source(database) as source, sqlite.open_target(path) as target:
        return move(source, target)


async def test_every_table_is_named_with_what_becomes_of_it(path: Path, database: str) -> None:
    """Who adds one says here whether it moves."""
    async with open_sqlite_store(path):
        pass
    known = {table.name for table in (*BESIDE_EVENTS, EVENTS)} | STAYING.keys()
    with closing(SqliteConnection(str(path))) as connection:
        file_tables = {
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            if not name.startswith(("sqlite_", "search_"))
        }
        file_keys = {key for (key,) in connection.execute("SELECT key FROM meta")}
    with closing(PostgresqlConnection(connector(database))) as other:
        database_tables = {
            name
            for (name,) in other.execute(
                "SELECT CAST(tablename AS text) FROM pg_tables WHERE schemaname = 'public'"
            )
        }
        database_keys = {key for (key,) in other.execute("SELECT key FROM meta")}
    assert file_tables | database_tables == known
    assert set(MOVING_KEYS) <= file_keys & database_keys
    assert file_keys | database_keys <= {*MOVING_KEYS, *STAYING_KEYS}


@pytest.mark.parametrize("table", [*BESIDE_EVENTS, EVENTS], ids=lambda table: table.name)
async def test_both_engines_have_the_columns_and_the_key_that_move(
    path: Path, database: str, table: Table
) -> None:
    async with open_sqlite_store(path):
        pass
    with sqlite.open_source(path) as file, postgresql.open_target(database) as other:
        assert file.columns(table).keys() == other.columns(table).keys() - OWN_COLUMNS.get(table.name, set())
        key = file.connection.execute(
            "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (table.name,)
        )
        assert [name for (name,) in key] == [*table.key]


async def test_a_full_chat_moves_there_and_back(path: Path, database: str, tmp_path: Path) -> None:
    async with open_sqlite_store(path, synchronous="OFF") as store:
        state = await fill(store)
        before = await whole(store, "~large")
        identity, key = await store.server_identity(), await store.proof_key()
    there = to_database(path, database)
    assert there is not None
    assert there.rooms > 10_000
    async with open_postgresql_store(database) as store:
        assert await whole(store, "~large") == before
        assert (await store.server_identity(), await store.proof_key()) == (identity, key)
        epoch = (await store.position("~large")).epoch
        rooms = await store.listing(state.ada.id)
        await store.append("~large", drafts("there"), at_ms=10**13)
        await store.append("new", drafts("new"), at_ms=1)
    back = to_file(database, tmp_path / "back" / "chat.db")
    assert back is not None
    async with open_sqlite_store(tmp_path / "back" / "chat.db", synchronous="OFF") as store:
        now = await whole(store, "~large")
        assert now[: len(before)] == before
        assert (await store.position("~large")).epoch == epoch
        assert [room.room for room in await store.listing(state.ada.id)] == [room.room for room in rooms]
        assert len(await whole(store, "new")) == 1
        assert (await store.server_identity(), await store.proof_key()) == (identity, key)
