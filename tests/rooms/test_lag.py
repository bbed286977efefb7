"""How far a node's rooms are behind the log, and that it is not ready when that lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from tests.support.core import AT_MS
from tests.support.nodes import open_nodes
from trio_chat.errors import StoreUnavailable
from trio_chat.kinds.facts import LOBBY
from trio_chat.model.events import MESSAGE, Draft
from trio_chat.rooms.lag import Lag
from trio_chat.server.readiness import BEHIND_S, NOT_READ_S, SILENT_S, readiness
from trio_chat.store.contract.statistics import NodeStatistics
from trio_chat.store.hints import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from trio.testing import MockClock

    from tests.support.core import Core
    from tests.support.nodes import SharedStore


def lag_of(node: Core) -> Lag:
    """How far it is behind now."""
    return node.rooms.lag_watch.lag(trio.current_time())


async def look(store: SharedStore) -> None:
    """Have both nodes look at the log."""
    store.bell.ring(EVERYTHING)
    await trio.sleep(0.1)


async def write(store: SharedStore, *texts: str, room: str = LOBBY) -> None:
    """Write to the log as a node of which nothing is heard."""
    drafts = [Draft(MESSAGE, "p-ada", "Ada", None, text) for text in texts]
    await store.append(room, drafts, at_ms=AT_MS)


def unreadable(store: SharedStore, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have events not be read, until this is called."""

    async def fail(*_: object, **__: object) -> list[object]:
        await trio.lowlevel.checkpoint()
        raise StoreUnavailable("It cannot be read.")

    with_read_after = store.read_after
    monkeypatch.setattr(store, "read_after", fail)
    return lambda: monkeypatch.setattr(store, "read_after", with_read_after)


async def test_a_room_is_behind_until_it_has_what_was_in_the_log(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes() as (store, one, _two):
        store.lose_hints()
        await write(store, "a", "b")
        assert lag_of(one) == Lag()  # as nobody has looked
        repair = unreadable(store, monkeypatch)
        await look(store)
        began_s = trio.current_time()
        await trio.sleep(3)
        await write(store, "c")
        await look(store)  # it waits for what was there the first time
        lag = lag_of(one)
        assert lag.events == 2
        assert lag.seconds > trio.current_time() - began_s
        repair()
        await trio.sleep(1)
        assert lag_of(one) == Lag()


async def test_a_busy_log_is_no_lag(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, _two):
        store.lose_hints()
        for number in range(20):
            await write(store, str(number))
            await look(store)
            await trio.sleep(1)
            assert lag_of(one) == Lag()


async def test_a_room_that_is_closed_is_not_behind(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_nodes() as (store, one, _two):
        store.lose_hints()
        await one.rooms.get("garden")
        await write(store, "a", room="garden")
        unreadable(store, monkeypatch)
        await look(store)
        assert lag_of(one).events == 1
        one.rooms._close("garden")
        assert lag_of(one) == Lag()


async def test_an_epoch_that_was_begun_elsewhere_counts(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, _two):
        store.lose_hints()
        lobby = await one.rooms.get(LOBBY)
        await store.begin_epoch(LOBBY)
        position = await store.position(LOBBY)
        watch = one.rooms.lag_watch
        watch.compare(lobby, position, trio.current_time())
        assert lag_of(one).events == 1
        await look(store)
        assert lag_of(one) == Lag()


async def test_a_node_is_not_ready_while_it_hears_reads_or_tells_nothing(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not at the first missed beat, as that is told after a second, and the log looked at after two."""
    assert SILENT_S >= 5 > 3  # a line that is silent for three is replaced
    assert NOT_READ_S >= 5 * 2
    assert BEHIND_S >= 5
    async with open_nodes() as (store, one, _two):
        store.nodes = NodeStatistics(heard_at_s=trio.current_time())

        def told() -> tuple[bool, str]:
            return readiness(one.hub)

        await trio.sleep(SILENT_S - 0.5)
        assert told() == (True, "ready")
        await trio.sleep(1)
        assert told() == (False, "Nothing is heard of other nodes for 6 s: is the database there?")
        store.nodes = NodeStatistics(heard_at_s=float("inf"))
        await trio.sleep(NOT_READ_S)
        assert told()[1].startswith("The log could not be read for 1")
        await look(store)
        assert told() == (True, "ready")
        store.lose_hints()
        await write(store, "a")
        unreadable(store, monkeypatch)
        for _ in range(int(BEHIND_S)):
            await look(store)
            assert told() == (True, "ready")
            await trio.sleep(0.85)
        await look(store)
        await trio.sleep(1)
        assert told() == (False, "Rooms here are 1 events behind the log, for 11 s.")
