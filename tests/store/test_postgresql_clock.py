"""One clock for all nodes over PostgreSQL, whatever their own ones say."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import TYPE_CHECKING

import trio

from tests.support.raw import open_v1
from trio_chat.app import serve_store
from trio_chat.config.config import Config
from trio_chat.config.setting import Names
from trio_chat.server.listeners import open_listeners
from trio_chat.store.postgresql.clock import HELD_BACK_MS, DatabaseClock
from trio_chat.store.postgresql.connect import connector
from trio_chat.store.postgresql.connection import PostgresqlConnection
from trio_chat.store.postgresql.open import open_postgresql_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

HOUR_S = 3_600
LIMIT_S = 240
"""A crowded machine is slow."""


class Monotonic:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.at_s = 5.0

    def __call__(self) -> float:
        """See `time.monotonic`."""
        return self.at_s


def test_the_quickest_of_the_last_samples_counts() -> None:
    own = Monotonic()
    clock = DatabaseClock(own)
    clock.add(1_000_000, 4.9, 5.1)
    assert clock.now_ms() == 1_000_000
    clock.add(1_000_900, 5.0, 5.02)  # wrong by 10 ms at most
    assert clock.now_ms() == 1_000_890
    clock.add(1_090_000, 5.0, 9.0)  # by 2 s
    assert clock.now_ms() == 1_000_890
    own.at_s += 60
    assert clock.now_ms() == 1_060_890
    for number in range(20):  # what was quick long ago does not count for ever
        clock.add(2_000_000 + number, 64.9, 65.1)
    assert abs(clock.now_ms() - 2_000_000) < 30


def test_it_stands_still_rather_than_going_back_a_little() -> None:
    own = Monotonic()
    clock = DatabaseClock(own)
    clock.add(1_000_000, 4.9, 5.1)
    assert clock.now_ms() == 1_000_000
    clock.add(1_000_000 - HELD_BACK_MS + 1, 5.0, 5.0)
    assert clock.now_ms() == 1_000_000
    own.at_s += 2
    assert clock.now_ms() == 1_001_001
    clock.add(900_000, 7.0, 7.0)
    for _ in range(20):
        clock.add(900_000, 7.0, 7.0)
    assert clock.now_ms() == 900_000, "that clock was set"


def test_nodes_whose_own_clocks_are_an_hour_apart_have_one(database: str) -> None:
    clocks = [DatabaseClock(lambda shift=shift: time.monotonic() + shift) for shift in (0, HOUR_S)]  # type: ignore[misc]
    with closing(PostgresqlConnection(connector(database))) as connection:
        for clock in clocks:
            clock.sample(connection)
        assert abs(clocks[0].now_ms() - clocks[1].now_ms()) < 60_000
        assert abs(clocks[0].now_ms() - time.time() * 1000) < 60_000


@asynccontextmanager
async def node_at(database: str) -> AsyncIterator[int]:
    """A whole node; its port."""
    config = Config(host="127.0.0.1", port=0, allow_host=Names(("chat.example",)), new_people_per_hour=0)
    stop = trio.Event()
    async with open_postgresql_store(database) as store, trio.open_nursery() as nursery:
        listeners = await open_listeners(config.host, config.port)
        nursery.start_soon(partial(serve_store, store, config, listeners, stop=stop))
        try:
            yield listeners[0].socket.getsockname()[1]
        finally:
            stop.set()


async def test_messages_are_stamped_by_it_at_whichever_node(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ms = time.time() * 1000
    time_ns = time.time_ns
    monkeypatch.setattr("time.time_ns", lambda: time_ns() + HOUR_S * 10**9)  # the machine's clock is wrong
    with trio.fail_after(LIMIT_S):
        async with open_postgresql_store(database) as store:
            async with node_at(database) as one, node_at(database) as two:
                for port in (one, two):
                    async with open_v1(port) as (peer, _, _):
                        await peer.say(type="send", id="1", room="lobby", text="what time is it?")
                        await peer.hear("ack")
            log = await store.read_after("lobby", 0, limit=9, max_bytes=10_000)
    assert len(log) == 2
    for event in log:
        assert now_ms - 2_000 < event.at_ms < now_ms + LIMIT_S * 1000
