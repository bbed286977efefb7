"""Opening a store in a PostgreSQL database, and what is refused with which sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
import trio

from tests.support.postgresql import cluster
from trio_chat.errors import StartError
from trio_chat.model.events import Draft, Event
from trio_chat.store.postgresql.connect import check_server, connector, hidden
from trio_chat.store.postgresql.connection import PostgresqlConnection, with_numbers
from trio_chat.store.postgresql.open import open_postgresql_store
from trio_chat.store.postgresql.schema import MIGRATIONS, format_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def url() -> Iterator[str]:
    """The address of a database in which nothing was made yet."""
    name = cluster().new_database()
    yield cluster().url(name)
    cluster().drop(name)


async def refused(url: str) -> str:
    with pytest.raises(StartError) as caught:
        async with open_postgresql_store(url):
            pass
    return str(caught.value)


async def test_many_nodes_may_make_the_tables_at_once(url: str) -> None:
    async def use(number: int) -> None:
        async with open_postgresql_store(url) as store:
            draft = Draft("message", "p-1", "Ada", None, str(number))
            assert isinstance((await store.append("lobby", [draft], at_ms=1))[0], Event)

    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(use, number)
    async with open_postgresql_store(url) as store:
        assert (await store.position("lobby")).seq == 4
    connection = PostgresqlConnection(connector(url))
    assert format_of(connection) == (len(MIGRATIONS), 1)
    assert connection.execute("SELECT count(*) FROM nodes").get == 0  # each took its row away
    connection.close()


async def test_the_database_of_another_program_is_left_as_it_is(url: str) -> None:
    with psycopg.connect(url) as by_hand:
        by_hand.execute("CREATE TABLE accounts (id int)")
    assert "used by another program" in await refused(url)
    with psycopg.connect(url) as by_hand:
        tables = by_hand.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert tables == [("accounts",)]


async def test_a_neighbouring_newer_format_is_used_and_a_later_one_refused(url: str) -> None:
    async with open_postgresql_store(url):
        pass

    def bring_to(found: int, oldest: int) -> None:
        with psycopg.connect(url) as by_hand:
            for key, value in (("format", found), ("min_format", oldest)):
                by_hand.execute("UPDATE meta SET value = %s WHERE key = %s", (str(value), key))

    newest = len(MIGRATIONS)
    bring_to(newest + 1, newest)
    async with open_postgresql_store(url) as store:
        assert (await store.position("lobby")).seq == 0
    bring_to(newest + 2, newest + 1)
    assert "Run the newer program" in await refused(url)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (
            "postgresql://ada:secret@127.0.0.1:1/chat",
            "Cannot use the database postgresql://ada@127.0.0.1:1/chat",
        ),
        ("postgresql://[", "no address of a PostgreSQL database"),
    ],
)
async def test_where_there_is_no_database_the_sentence_says_so_without_the_password(
    address: str, sentence: str
) -> None:
    said = await refused(address)
    assert sentence in said
    assert "secret" not in said


async def test_a_database_in_another_encoding_is_refused() -> None:
    name = "latin"
    with psycopg.connect(cluster().url(), autocommit=True) as by_hand:
        by_hand.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0")
    assert "is in LATIN1" in await refused(cluster().url(name))
    cluster().drop(name)


def test_a_pooler_that_shares_sessions_is_refused(url: str) -> None:
    """As pgbouncer does in its mode "transaction": several connections, and one session behind them."""
    raw = connector(url)()
    sharing = [PostgresqlConnection(lambda: raw) for _ in range(3)]
    with pytest.raises(StartError, match="pool_mode = session"):
        check_server(sharing, url)
    alone = [PostgresqlConnection(connector(url)) for _ in range(3)]
    check_server(alone, url)
    for connection in (*sharing, *alone):
        connection.close()


def test_addresses_are_told_without_their_passwords() -> None:
    assert hidden("postgresql://ada:s:e@c@host/db") == "postgresql://ada@host/db"
    assert hidden("postgresql://ada@host/db") == "postgresql://ada@host/db"
    assert hidden("postgresql:///db?host=/tmp") == "postgresql:///db?host=/tmp"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT ?, ?", ("SELECT $1, $2", ())),
        ("SELECT ?2, ?, '?', ?1", ("SELECT $2, $3, '?', $1", ())),
        ("SELECT :b, :a, :b, x::text", ("SELECT $1, $2, $1, x::text", ("b", "a"))),
    ],
)
def test_parameters_have_the_numbers_that_they_have_in_sqlite(
    sql: str, expected: tuple[str, tuple[str, ...]]
) -> None:
    assert with_numbers(sql) == expected
