"""PostgreSQL's store while lines are cut, answers are lost, processes are killed, and others hold what it needs."""

from __future__ import annotations

import os
import random
import signal
import tempfile
from itertools import count, takewhile
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import psycopg
import pytest
import trio

from tests.support.postgresql import cluster
from tests.support.postgresql_audit import audit
from tests.support.postgresql_proxy import proxy
from tests.support.thorough import IS_THOROUGH
from trio_chat.errors import StoreUnavailable
from trio_chat.model.events import Draft, Event
from trio_chat.model.outcomes import Conflict, Denied, Repeat
from trio_chat.store.postgresql.connect import STATEMENTS_PREPARED
from trio_chat.store.postgresql.open import open_postgresql_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.postgresql_proxy import Proxy
    from trio_chat.model.outcomes import Outcome
    from trio_chat.store.postgresql.store import PostgresqlStore

ROOMS = ("one", "two", "three")


@pytest.fixture
async def line(database: str) -> AsyncIterator[Proxy]:
    """A line to it. (In a folder with a short path: that of a socket must be.)"""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        async with proxy(Path(folder), cluster().folder) as line:
            yield line


@pytest.fixture
async def store(line: Proxy, database: str) -> AsyncIterator[PostgresqlStore]:
    """A store at the end of that line."""
    async with open_postgresql_store(line.url(database), max_wait_s=1) as store:
        yield store


def message(body: str, client_id: str | None = None, sender: str = "p-1") -> Draft:
    return Draft("message", sender, "Ada", client_id, body)


def reaction(emoji: str) -> Draft:
    return Draft("reaction", "p-1", "Ada", None, f'{{"target":1,"emoji":"{emoji}","on":true}}')


async def written(store: PostgresqlStore, room: str, draft: Draft) -> Event:
    (outcome,) = await store.append(room, [draft], at_ms=1)
    assert isinstance(outcome, Event)
    return outcome


# -- commits without an answer --


@pytest.mark.parametrize("does_come", [True, False], ids=["the answer is lost", "the commit is lost"])
async def test_a_message_without_an_id_is_written_once_whatever_becomes_of_its_commit(
    store: PostgresqlStore, line: Proxy, does_come: bool
) -> None:
    for number in range(-2 * STATEMENTS_PREPARED, 1):  # with a COMMIT that is a prepared statement by then
        await written(store, "one", message(f"a{number}"))
    for number in range(3):
        line.answers_to_lose, line.commits_to_lose = int(does_come), int(not does_come)
        drafts = [message(f"b{number}"), message(f"c{number}")]
        outcomes = await store.append("one", drafts, at_ms=2)
        assert [outcome.body for outcome in outcomes if isinstance(outcome, Event)] == [
            f"b{number}",
            f"c{number}",
        ]
        await audit(
            store, ["one"], [(draft.body, outcome) for draft, outcome in zip(drafts, outcomes, strict=True)]
        )
    assert line.n_lost == 3
    assert (await store.position("one")).seq == 7 + 2 * STATEMENTS_PREPARED
    nodes = store.statistics().nodes
    assert nodes is not None
    assert nodes.in_doubt == 3
    assert nodes.retries >= (0 if does_come else 3)
    assert nodes.rings > 0
    assert nodes.heard > 0
    assert nodes.heard_at_s <= trio.current_time()


@pytest.mark.parametrize("does_come", [True, False], ids=["the answer is lost", "the commit is lost"])
async def test_an_event_with_effects_is_written_once_whatever_becomes_of_its_commit(
    store: PostgresqlStore, line: Proxy, does_come: bool
) -> None:
    await written(store, "one", message("a"))
    line.answers_to_lose, line.commits_to_lose = int(does_come), int(not does_come)
    event = await written(store, "one", reaction("👍"))
    assert event.seq == 2
    assert line.n_lost == 1
    assert [each.seq for each in await store.reactions("one", 1, limit=9)] == [2]


async def test_what_many_wait_for_is_told_to_each_when_the_answer_is_lost(
    store: PostgresqlStore, line: Proxy
) -> None:
    told: list[tuple[str, Outcome]] = []

    async def say(room: str, body: str) -> None:
        (outcome,) = await store.append(room, [message(body)], at_ms=1)
        told.append((body, outcome))

    for room in ROOMS:
        await written(store, room, message(f"first in {room}"))
    line.answers_to_lose = 1
    async with trio.open_nursery() as nursery:
        for number in range(30):
            nursery.start_soon(say, ROOMS[number % 3], f"message {number}")
    assert line.n_lost == 1
    logs = await audit(store, ROOMS, told)
    assert sum(map(len, logs.values())) == 33


# -- lines --


async def test_a_line_that_swallows_answers_holds_nobody_up_for_ever(
    store: PostgresqlStore, line: Proxy
) -> None:
    await written(store, "one", message("a"))
    line.is_deaf = True

    async def hear_again() -> None:
        await trio.sleep(1.5)
        line.is_deaf = False

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hear_again)
        event = await written(store, "one", message("b"))
    assert event.seq == 2
    assert [each.body for each in await store.read_after("one", 0, limit=9, max_bytes=99)] == ["a", "b"]


async def test_reads_and_writes_go_on_after_the_line_was_cut(store: PostgresqlStore, line: Proxy) -> None:
    await written(store, "one", message("a"))
    for number in range(3):
        line.cut()
        assert (await store.position("one")).seq == 1 + number
        line.cut()
        await written(store, "one", message(f"b{number}"))


# -- others who hold what it needs --


async def test_who_holds_a_room_delays_what_is_written_there_and_spoils_nothing(database: str) -> None:
    async with open_postgresql_store(database) as store:
        await written(store, "one", message("a"))
        with psycopg.connect(database) as blocker:
            blocker.execute("SELECT 1 FROM rooms WHERE name = 'one' FOR UPDATE")

            async def let_go() -> None:
                await trio.sleep(2.5)  # longer than a lock is waited for
                blocker.rollback()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(let_go)
                event = await written(store, "one", message("b"))
        assert event.seq == 2


async def test_what_takes_too_long_is_told_to_be_unavailable(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trio_chat.store.postgresql.transactions.RETRIED_S", 1.0)
    async with open_postgresql_store(database) as store:
        await written(store, "one", message("a"))
        with psycopg.connect(database) as blocker:
            blocker.execute("SELECT 1 FROM rooms WHERE name = 'one' FOR UPDATE")
            with pytest.raises(StoreUnavailable):
                await store.append("one", [message("b")], at_ms=1)
        assert (await written(store, "one", message("c"))).seq == 2


# -- several nodes --


async def test_a_command_that_comes_to_two_nodes_at_once_is_written_once(database: str) -> None:
    async with open_postgresql_store(database) as one, open_postgresql_store(database) as other:
        for number in range(20):
            outcomes: list[Outcome] = []

            async def say(
                store: PostgresqlStore, room: str, number: int = number, outcomes: list[Outcome] = outcomes
            ) -> None:
                outcomes += await store.append(room, [message(f"m{number}", f"c{number}")], at_ms=1)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(say, one, "here")
                nursery.start_soon(say, other, "here" if number % 2 else "there")
            kinds = {type(outcome) for outcome in outcomes}
            assert kinds == {Event, Repeat if number % 2 else Conflict}
            places = [(outcome.room, outcome.seq) for outcome in outcomes if not isinstance(outcome, Denied)]
            assert places == [places[0]] * 2
        await audit(one, ["here", "there"], [])


async def test_many_writers_over_rooms_at_random_neither_fail_nor_double_anything(database: str) -> None:
    """Nor do they wait for each other in a circle, which the server would end after a second, by an error for one."""
    until = monotonic() + (60 if IS_THOROUGH else 0)
    rooms = [f"room-{number}" for number in range(12)]
    told: list[tuple[str, Outcome]] = []
    numbers = count()

    async def write(stores: list[PostgresqlStore], seed: int) -> None:
        chance = random.Random(seed)
        store = stores[seed % len(stores)]
        for _ in takewhile(lambda n: n < 15 or monotonic() < until, count()):
            async with trio.open_nursery() as nursery:
                for room in chance.sample(rooms, chance.randint(1, 6)):
                    nursery.start_soon(say, store, room, chance.random())

    async def say(store: PostgresqlStore, room: str, kind: float) -> None:
        number = next(numbers)
        body = f"message {number}"
        draft = message(body, f"c{number}" if kind < 0.7 else None, f"p-{number % 5}")
        if kind < 0.2:
            body = f'{{"text":"{body}"}}'
            draft = Draft("post", f"p-{number % 5}", "Ada", f"c{number}", body)
        (outcome,) = await store.append(room, [draft], at_ms=1)
        told.append((body, outcome))
        if kind > 0.8 and isinstance(outcome, Event):
            emoji = Draft("pin", "p-1", "Ada", None, f'{{"target":{outcome.seq},"on":true}}')
            await store.append(room, [emoji], at_ms=1)

    async with (
        open_postgresql_store(database) as one,
        open_postgresql_store(database) as two,
        open_postgresql_store(database) as three,
        open_postgresql_store(database) as four,
        trio.open_nursery() as nursery,
    ):
        stores = [one, two, three, four]
        async with trio.open_nursery() as nursery:
            for seed in range(8):
                nursery.start_soon(write, stores, seed)
        await audit(one, rooms, told)
        assert not any(store.statistics().failures for store in stores)
    with psycopg.connect(
        database, autocommit=True
    ) as asking:  # a session tells what it counted when it ends, at the latest
        others = (
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' "
            "AND datname = current_database() AND pid <> pg_backend_pid())"
        )
        while asking.execute(others).fetchone() == (True,):  # noqa: ASYNC110  # what is waited for is in other processes
            await trio.sleep(0.05)
        deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        assert asking.execute(deadlocks).fetchone() == (0,)


# -- processes --


async def test_a_killed_backend_costs_nothing(database: str) -> None:
    """The server ends all its sessions when one of its processes is killed, and recovers."""
    told: list[tuple[str, Outcome]] = []
    async with open_postgresql_store(database) as store:
        await written(store, "one", message("a"))
        for number in range(3):
            with psycopg.connect(database, autocommit=True) as asking:
                pids = [
                    pid
                    for (pid,) in asking.execute(
                        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                        "AND application_name = 'trio-chat'"
                    )
                ]

            async def say(body: str) -> None:
                (outcome,) = await store.append("one", [message(body)], at_ms=1)
                told.append((body, outcome))

            async with trio.open_nursery() as nursery:
                for each in range(20):
                    nursery.start_soon(say, f"message {number} {each}")
                    await trio.sleep(0.002)
                    if each == 10:
                        os.kill(pids[0], signal.SIGKILL)
        logs = await audit(store, ["one"], told)
        assert len(logs["one"]) == 61


async def test_a_killed_server_costs_nothing_that_was_told(database: str) -> None:
    told: list[tuple[str, Outcome]] = []
    failed: list[str] = []
    numbers = count()
    async with open_postgresql_store(database) as one, open_postgresql_store(database) as other:

        async def write(store: PostgresqlStore, room: str, until: trio.Event) -> None:
            while not until.is_set():
                body = f"message {next(numbers)}"
                try:
                    (outcome,) = await store.append(room, [message(body)], at_ms=1)
                except StoreUnavailable:
                    failed.append(body)
                else:
                    told.append((body, outcome))

        until = trio.Event()
        async with trio.open_nursery() as nursery:
            for store in (one, other):
                for room in ROOMS:
                    nursery.start_soon(write, store, room, until)
            for _ in range(2):
                await trio.sleep(0.7)
                await trio.to_thread.run_sync(cluster().kill)
                await trio.to_thread.run_sync(cluster().start)
            await trio.sleep(0.7)
            until.set()
        logs = await audit(one, ROOMS, told)
        assert sum(map(len, logs.values())) - len(told) <= len(failed)
        assert not failed, "it was back within the time in which a transaction is tried again"


@pytest.mark.parametrize("draft", [message("again"), reaction("👍")])
async def test_a_room_that_the_database_has_lost_is_made_again(
    store: PostgresqlStore, line: Proxy, database: str, draft: Draft
) -> None:
    """After a failover to a standby that missed it."""
    await written(store, "one", message("before"))
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("TRUNCATE rooms CASCADE")
    line.cut()
    outcomes = await store.append("one", [draft], at_ms=1)
    assert not isinstance(outcomes[0], Repeat)
    assert (await written(store, "one", message("after"))).body == "after"
