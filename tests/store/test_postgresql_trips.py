"""How often a group of writes waits for PostgreSQL, and what is counted of groups that fail in part."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import trio

from trio_chat.errors import StoreUnavailable
from trio_chat.model.events import Draft, Event
from trio_chat.store.postgresql.connection import PostgresqlConnection
from trio_chat.store.postgresql.open import open_postgresql_store
from trio_chat.store.sql.requests import Append

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_chat.store.postgresql.store import PostgresqlStore


def message(body: str, client_id: str | None = None) -> Draft:
    """A message of Ada."""
    return Draft("message", "p-ada", "Ada", client_id, body)


class Trips:
    """How often a connection waited for the server."""

    def __init__(self) -> None:
        self.n = 0


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> Trips:
    """Counts the ways there and back of all connections that write."""
    counted = Trips()
    waiting = PostgresqlConnection.waiting

    @contextmanager
    def counting(connection: PostgresqlConnection) -> Iterator[None]:
        is_writing = connection.on_connect.__name__ == "_reconcile"
        counted.n += is_writing and connection.waits_since is None
        with waiting(connection):
            yield

    monkeypatch.setattr(PostgresqlConnection, "waiting", counting)
    return counted


async def test_messages_are_written_in_two_ways_there_and_back(database: str, trips: Trips) -> None:
    rooms = [f"room-{number}" for number in range(20)]
    async with open_postgresql_store(database) as store:
        created = '{"kind":"private","title":"","members":[{"id":"p-ada","name":"Ada"}]}'
        await store.append("!private", [Draft("created", "p-ada", "Ada", None, created)], at_ms=1)
        for room in [*rooms, "!private"]:
            await store.append(room, [message("first")], at_ms=1)

        async def say(room: str, number: int) -> None:
            (written,) = await store.append(room, [message("hi", f"{room} {number}")], at_ms=1)
            assert isinstance(written, Event)

        for number in range(3):
            before, groups = trips.n, store.statistics().commits
            async with trio.open_nursery() as nursery:
                for room in [*rooms, "!private"]:
                    nursery.start_soon(say, room, number)
            groups = store.statistics().commits - groups
            assert groups <= 2, "those that wait while another is written go together"
            assert trips.n - before == 2 * groups


async def test_what_has_effects_is_written_in_few(database: str, trips: Trips) -> None:
    async with open_postgresql_store(database) as store:
        for number in range(4):
            await store.append("lobby", [message(f"{number}")], at_ms=1)
        before = trips.n
        pinned = Draft("pin", "p-ada", "Ada", "pin", '{"target":1,"on":true}')
        (written,) = await store.append("lobby", [pinned], at_ms=1)
        assert isinstance(written, Event)
        assert trips.n - before <= 10, "most of them are waited for while the room is locked"


async def test_a_group_that_fails_in_part_is_counted_as_a_failure(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_postgresql_store(database) as store:
        for room in ("one", "two"):
            await store.append(room, [message("first")], at_ms=1)
        writer: Any = store._writer
        try_messages = writer._try_messages
        tries: list[int] = []

        def fail_in_part(appends: Any) -> Any:  # noqa: ANN401
            tries.append(len(appends))
            if len(tries) > 1:
                raise psycopg.OperationalError("the line was lost")
            return try_messages(appends[:1])

        monkeypatch.setattr(writer, "_try_messages", fail_in_part)
        answers = await trio.to_thread.run_sync(_write_both, store)
        assert tries == [2, 1]
        assert isinstance(answers[0][0], Event)
        assert isinstance(answers[1], StoreUnavailable)
        statistics = store.statistics()
        assert statistics.failures == 1
        assert statistics.failed_at_s is not None


def _write_both(store: PostgresqlStore) -> list[Any]:
    return store._writer.run_batch([Append(room, [message("hi")], 1) for room in ("one", "two")])
