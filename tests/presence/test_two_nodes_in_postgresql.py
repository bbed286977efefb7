"""What is in no log, over two nodes and a real PostgreSQL: told, and found when nothing is told."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import trio

from tests.support.core import open_core
from tests.support.v1 import hello
from trio_chat.presence import others_markers
from trio_chat.store.postgresql.open import open_postgresql_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import pytest

    from tests.support.core import Core, V1Client
    from tests.support.memory_store import MemoryStore

LIMIT_S = 240
"""A crowded machine is slow."""


@asynccontextmanager
async def open_node(database: str) -> AsyncIterator[Core]:
    """A whole server without listeners over this database."""
    async with (
        open_postgresql_store(database) as store,
        open_core(store=cast("MemoryStore", store)) as core,
    ):
        yield core


async def arrive(core: Core, name: str) -> tuple[V1Client, str]:
    """A connection of a new person that watches the lobby, and the person's id."""
    client, person = await hello(core, name)
    await answer_to(client, "join", "joined", room="lobby")
    await answer_to(client, "watch", "watching", room="lobby")
    return client, person


async def answer_to(client: V1Client, kind: str, answer: str, **fields: object) -> dict[str, Any]:
    """Send this, and wait for its answer."""
    command_id = await client.tell(kind, **fields)
    return await client.wait_frame(lambda frame: frame["type"] == answer and frame.get("id") == command_id)


def marks(person: str, read: int) -> Callable[[dict[str, Any]], bool]:
    """Whether a frame tells that this person has read so far."""
    mark = {"person": person, "delivered": read, "read": read}
    return lambda frame: frame["type"] == "marks" and mark in frame["marks"]


async def test_nodes_tell_each_other_who_is_there_and_what_they_do(database: str) -> None:
    with trio.fail_after(LIMIT_S):
        async with open_node(database) as one, open_node(database) as two:
            ada, ada_id = await arrive(one, "Ada")
            bob, bob_id = await arrive(two, "Bob")
            came = await ada.wait_frame(lambda frame: frame["type"] == "presence" and frame["count"] == 2)
            assert came["came"] == [{"id": bob_id, "name": "Bob"}]
            await bob.wait_frame(lambda frame: frame["type"] == "presence" and frame["count"] == 2)
            await bob.tell("typing", room="lobby")
            typing = await ada.wait_frame("typing")
            assert typing["person"]["id"] == bob_id
            await bob.tell("rename", name="Robert")
            renamed = await ada.wait_frame("person")
            assert renamed["person"] == {"id": bob_id, "name": "Robert"}
            await answer_to(ada, "send", "ack", room="lobby", text="hello")
            await bob.tell("mark", room="lobby", read=1)
            await ada.wait_frame(marks(bob_id, 1))
            found = await answer_to(ada, "people", "people", ids=[bob_id])
            assert found["people"] == [{"id": bob_id, "name": "Robert", "here": True}]
            await bob.stream.aclose()
            gone = await ada.wait_frame(lambda frame: frame["type"] == "presence" and "went" in frame)
            assert (gone["went"], gone["count"]) == ([bob_id], 1)
            assert ada_id != bob_id


async def test_what_lasts_is_found_when_nothing_is_told(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(others_markers, "LOOK_EACH_S", 1.0)
    with trio.fail_after(LIMIT_S):
        async with open_node(database) as one, open_node(database) as two:
            (ada, _), (bob, bob_id) = await arrive(one, "Ada"), await arrive(two, "Bob")
            for core in (one, two):
                monkeypatch.setattr(core.store, "tell", lambda message: None)
            await answer_to(ada, "send", "ack", room="lobby", text="hello")
            await bob.tell("rename", name="Robert")
            assert (await ada.wait_frame("person"))["person"]["name"] == "Robert"
            for read in (1, 2):
                await answer_to(bob, "send", "ack", room="lobby", text="hello")
                await bob.tell("mark", room="lobby", read=read)
                await ada.wait_frame(marks(bob_id, read))
            assert one.hub.presence.privacy.shows(bob_id, "seen")
            await answer_to(bob, "profile", "profiled", show_seen=False)
            while one.hub.presence.privacy.shows(bob_id, "seen"):  # noqa: ASYNC110  # nobody is told
                await trio.sleep(0.1)
