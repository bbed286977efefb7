"""Chores: one node does each for all, and another when that one is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.memory_store import open_memory_store
from tests.support.nodes_in_postgresql import open_nodes
from trio_chat.store.postgresql.leases import LEASE_S
from trio_chat.store.postgresql.open import open_postgresql_store

if TYPE_CHECKING:
    from trio_chat.store.base import Store


async def takes(*stores: Store) -> list[bool]:
    """Who is to do it, asked one after the other."""
    return [await store.take_chore("sweeping") for store in stores]


async def test_a_node_that_is_alone_does_all() -> None:
    async with open_memory_store() as store:
        assert await takes(store, store) == [True, True]


async def test_one_node_does_it_as_long_as_it_is_there(database: str) -> None:
    async with open_postgresql_store(database) as one:
        async with open_postgresql_store(database) as two:
            assert await takes(two, one, two) == [True, False, True]
            assert await one.take_chore("washing"), "another chore is another's"
            assert not await two.take_chore("washing")
        assert await takes(one) == [True], "who stops leaves it"


async def test_what_a_dead_node_did_is_done_by_another(database: str) -> None:
    async with open_nodes(database) as nodes, open_postgresql_store(database) as two:
        nodes.there.execute("INSERT INTO leases VALUES ('dead', now())")
        nodes.there.execute("INSERT INTO chores VALUES ('sweeping', 'dead')")
        assert await takes(nodes.here, two) == [False, False]
        nodes.there.execute(
            f"UPDATE leases SET beat_at = now() - interval '{LEASE_S + 1} s' WHERE node = 'dead'"
        )
        assert await takes(two, nodes.here) == [True, False]


async def test_of_two_who_ask_at_once_one_is_to_do_it(database: str) -> None:
    async with open_nodes(database) as nodes:
        nodes.there.execute("INSERT INTO leases VALUES ('other', now())")

        def take(connection: object) -> None:
            nodes.there.execute("INSERT INTO chores VALUES ('sweeping', 'other')")

        async def ask() -> bool:
            return await nodes.here.take_chore("sweeping")

        assert await nodes.meanwhile(take, ask) is False
