"""What one node decides about somebody who is connected to another, over one real PostgreSQL: told, and found when all
that nodes tell each other is lost."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest
import trio

from tests.support.core import AT_MS, open_core
from trio_chat.errors import BANNED, LOGGED_OUT
from trio_chat.model.tokens import hash_of
from trio_chat.store.postgresql.open import open_postgresql_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.core import Core, V1Client
    from tests.support.memory_store import MemoryStore

LIMIT_S = 240
"""A crowded machine is slow."""

SERVER = "~server"


@asynccontextmanager
async def open_nodes(database: str, *, is_told: bool) -> AsyncIterator[tuple[Core, Core]]:
    """Two nodes over this database, which tell each other nothing unless ``is_told``."""
    with trio.fail_after(LIMIT_S):
        async with open_postgresql_store(database) as here, open_postgresql_store(database) as there:
            if not is_told:
                for store in (here, there):
                    store.ring = lambda _room, _seq, _events: None
                    store.tell = lambda _message: None
            async with (
                open_core(store=cast("MemoryStore", here)) as one,
                open_core(store=cast("MemoryStore", there)) as two,
            ):
                yield one, two


async def come(core: Core, **fields: object) -> tuple[V1Client, dict[str, Any]]:
    """A connection that has said hello, and the welcome."""
    client = await core.open_v1()
    return client, await client.ask("hello", **fields)


async def ack(client: V1Client, kind: str, **fields: object) -> dict[str, Any]:
    """The ack of a command."""
    command = await client.tell(kind, **fields)
    frame = await client.wait_frame(
        lambda frame: frame.get("id") == command and frame["type"] in ("ack", "error")
    )
    assert frame["type"] == "ack", frame
    return frame


@pytest.mark.parametrize("is_told", [True, False], ids=["told", "lost"])
async def test_what_is_decided_at_one_node_holds_at_the_other(database: str, is_told: bool) -> None:
    async with open_nodes(database, is_told=is_told) as (one, two):
        (ada, hers), (bob, his), (eve, eves) = [
            await come(core, name=name) for core, name in ((one, "Ada"), (two, "Bob"), (two, "Eve"))
        ]
        bob_id, eve_id = his["user"]["id"], eves["user"]["id"]
        await one.store.add_owner_link(hash_of("own"), ends_ms=AT_MS + 1, at_ms=AT_MS)
        await ack(ada, "become_owner", token="own")
        await ada.tell("join", room=SERVER)

        began = trio.current_time()
        room = (await ack(ada, "direct", person=bob_id))["room"]
        assert (await bob.wait_frame("request"))["item"]["room"] == room

        await ack(ada, "mine", what="block", person=eve_id, on=True)
        while not two.hub.presence.privacy.are_apart(eve_id, hers["user"]["id"]):  # noqa: ASYNC110
            await trio.sleep(0.05)

        await ada.tell("link")
        phone, welcome = await come(two, link=(await ada.wait_frame("link"))["code"])
        await ada.tell("log_out", all=True)
        assert await phone.hear_close() == LOGGED_OUT.code
        _, refused = await come(two, token=welcome["token"])
        assert refused["code"] == "unknown_token"

        await ack(ada, "mode", room=SERVER, mode="closed")
        while (await come(two, name="Mallory"))[1].get("code") != "closed":  # noqa: ASYNC110
            await trio.sleep(0.05)
        await ack(ada, "ban", room=SERVER, person=bob_id)
        assert await bob.hear_close() == BANNED.code
        assert (await come(two, token=his["token"]))[1]["code"] == "banned"
        assert eve.closed is None
        assert trio.current_time() - began < (20 if is_told else 60), "each within seconds"
