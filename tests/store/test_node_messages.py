"""Messages between nodes, and their leases: what one tells the others hear, and not itself."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import psycopg
import pytest
import trio

from tests.support.memory_store import MemoryDisk
from tests.support.nodes import SharedStore
from trio_chat.store.node_messages import (
    MESSAGE_BYTES,
    MESSAGES,
    NodeMessage,
    PeopleOffline,
    ProfileChanged,
    Told,
    decode_message,
    encode_message,
)
from trio_chat.store.postgresql.hints import MESSAGES_WAITING_BYTES
from trio_chat.store.postgresql.leases import LEASE_S
from trio_chat.store.postgresql.open import open_postgresql_store
from trio_chat.store.postgresql.rings import RING_BYTES, heard_in, rings_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from trio_chat.store.base import Store

LIMIT_S = 240
"""A crowded machine is slow."""


class Newer(NodeMessage, frozen=True, array_like=True, tag="of a newer version"):
    """A message that this version does not know."""

    what: str


@asynccontextmanager
async def open_two(database: str) -> AsyncIterator[tuple[Store, Store]]:
    """Two nodes over this database."""
    with trio.fail_after(LIMIT_S):
        async with open_postgresql_store(database) as one, open_postgresql_store(database) as two:
            yield one, two


async def test_a_store_of_one_node_tells_nobody_and_not_itself(store: Store) -> None:
    async with store.node_messages() as messages:
        store.tell_nodes(ProfileChanged("p-ada"))
        assert store.node
        assert await store.live_nodes() == {store.node}
        await trio.sleep(0.2 if store.has_nodes else 0)
        with pytest.raises(trio.WouldBlock):
            messages.receive_nowait()


async def test_every_start_is_another_node(store: Store) -> None:
    shared = SharedStore(MemoryDisk())
    assert len({store.node, shared.as_node().node, shared.as_node().node}) == 3


async def test_nodes_of_one_process_hear_each_other_and_not_themselves() -> None:
    shared = SharedStore(MemoryDisk())
    one, two, three = (shared.as_node() for _ in range(3))
    async with (
        one.node_messages() as of_one,
        two.node_messages() as of_two,
        three.node_messages() as of_three,
    ):
        one.tell_nodes(ProfileChanged("p-ada"))
        told = Told(one.node, ProfileChanged("p-ada"))
        assert of_two.receive_nowait() == of_three.receive_nowait() == told
        with pytest.raises(trio.WouldBlock):
            of_one.receive_nowait()
        shared.lose_messages()
        two.tell_nodes(ProfileChanged("p-ada"))
        with pytest.raises(trio.WouldBlock):
            of_one.receive_nowait()


async def test_nodes_over_one_postgresql_hear_each_other_and_not_themselves(database: str) -> None:
    async with (
        open_two(database) as (one, two),
        one.node_messages() as of_one,
        two.node_messages() as of_two,
    ):
        assert await one.live_nodes() == await two.live_nodes() == {one.node, two.node}
        for number in range(50):
            one.tell_nodes(ProfileChanged(f"p-{number}"))
        one.tell_nodes(ProfileChanged("x" * MESSAGE_BYTES))  # too long
        two.tell_nodes(ProfileChanged("p-of-two"))
        assert await of_one.receive() == Told(two.node, ProfileChanged("p-of-two"))
        for number in range(50):
            assert await of_two.receive() == Told(one.node, ProfileChanged(f"p-{number}"))
        one.tell_nodes(ProfileChanged("last"))
        assert (await of_two.receive()).message == ProfileChanged("last")
        with pytest.raises(trio.WouldBlock):
            of_one.receive_nowait()


async def test_what_is_too_much_is_lost_and_the_next_is_not(database: str) -> None:
    async with open_two(database) as (one, two), two.node_messages() as messages:
        size = len(encode_message(ProfileChanged("x" * 1000)))
        fits = MESSAGES_WAITING_BYTES // size
        for _ in range(fits + 20):
            one.tell_nodes(ProfileChanged("x" * 1000))
        for _ in range(fits):
            assert (await messages.receive()).message == ProfileChanged("x" * 1000)
        one.tell_nodes(ProfileChanged("after"))
        assert (await messages.receive()).message == ProfileChanged("after")


async def test_what_is_told_again_leaves_space_for_what_is_not(database: str) -> None:
    async with open_two(database) as (one, two), two.node_messages() as messages:
        offline = PeopleOffline(("x" * 1000,))
        fits = MESSAGES_WAITING_BYTES // 2 // len(encode_message(offline))
        for _ in range(fits + 20):
            one.tell_nodes(offline)
        one.tell_nodes(ProfileChanged("p-ada"))
        for _ in range(fits):
            assert (await messages.receive()).message == offline
        assert (await messages.receive()).message == ProfileChanged("p-ada")


def test_a_message_of_a_newer_version_is_left_out_alone() -> None:
    messages = [encode_message(one) for one in (ProfileChanged("a"), Newer("?"), ProfileChanged("b"))]
    assert decode_message(messages[1]) is None
    (ring,) = rings_of("node", {"lobby": 3}, messages)
    hints, told = heard_in(ring.encode(), "another")
    assert [hint.room for hint in hints] == ["lobby"]
    assert told == [Told("node", ProfileChanged("a")), Told("node", ProfileChanged("b"))]
    assert heard_in(ring.encode(), "node") == ([], [])


def test_a_ring_of_a_version_that_told_nothing_is_understood() -> None:
    ring = msgspec.json.encode(["node", [["lobby", 3]]])
    hints, told = heard_in(ring, "another")
    assert (hints[0].room, hints[0].seq, told) == ("lobby", 3, [])


def test_messages_fit_what_postgresql_takes() -> None:
    longest = ProfileChanged("x" * (MESSAGE_BYTES - len(encode_message(ProfileChanged("")))))
    messages = [encode_message(one) for one in (longest, ProfileChanged("short"), longest, longest)]
    assert len(messages[0]) == MESSAGE_BYTES
    rings = list(rings_of("n" * 12, {"r" * 100: 1}, messages))
    assert all(len(ring.encode()) <= RING_BYTES for ring in rings)
    told = [one.message for ring in rings for one in heard_in(ring.encode(), "another")[1]]
    assert told == [longest, ProfileChanged("short"), longest, longest]


def test_each_kind_of_message_has_a_tag_of_its_own() -> None:
    tags = [kind.__struct_config__.tag for kind in MESSAGES]
    assert all(isinstance(tag, str) for tag in tags)
    assert len(set(tags)) == len(MESSAGES)


async def until(store: Store, nodes: Callable[[frozenset[str]], bool]) -> float:
    """Wait until this is true of the nodes that live; how long that took."""
    began = trio.current_time()
    while not nodes(await store.live_nodes()):  # noqa: ASYNC110  # the database tells nobody
        await trio.sleep(0.1)
    return trio.current_time() - began


NODE = """
import sys, trio
from trio_chat.store.postgresql.open import open_postgresql_store

async def main():
    async with open_postgresql_store(sys.argv[1]) as store:
        print(store.node, flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


async def test_a_node_that_dies_without_a_word_is_gone_soon_and_one_that_stops_at_once(database: str) -> None:
    with trio.fail_after(LIMIT_S):
        async with open_postgresql_store(database) as here:
            async with open_postgresql_store(database) as there:
                assert await here.live_nodes() == {here.node, there.node}
            assert await here.live_nodes() == {here.node}
            arguments = [sys.executable, "-c", NODE, database]
            async with trio.open_nursery() as nursery:
                process = await nursery.start(partial(trio.run_process, arguments, check=False))
                await until(here, lambda nodes: len(nodes) == 2)
                process.kill()
            assert await until(here, lambda nodes: len(nodes) == 1) < 4 * LEASE_S


async def test_a_node_whose_lease_was_lost_has_one_again(database: str) -> None:
    with trio.fail_after(LIMIT_S):
        async with open_postgresql_store(database) as store:
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute("TRUNCATE leases")  # as a crash of the server does
            await until(store, lambda nodes: nodes == {store.node})
