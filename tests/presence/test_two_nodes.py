"""What is in no log, over two nodes: profiles, presence, typing and read markers of all of them, whatever becomes of
messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from tests.support.core import open_core
from tests.support.nodes import open_nodes
from trio_chat.hub import node_handlers
from trio_chat.presence.service import INTERVAL_S
from trio_chat.store.node_messages import MESSAGES

if TYPE_CHECKING:
    from trio.testing import MockClock

    from tests.support.core import Core, V1Client


async def arrive(core: Core, name: str, *, room: str = "lobby") -> tuple[V1Client, str]:
    """A connection of a new person that joined the lobby, and the person's id."""
    client = await core.open_v1()
    welcome = await client.ask("hello", name=name)
    await client.tell("join", room=room)
    await client.hear_frames()
    return client, welcome["user"]["id"]


async def told(client: V1Client, kind: str, *, within_s: float = 3 * INTERVAL_S) -> list[dict[str, Any]]:
    """The frames of this type that it hears within this time."""
    await trio.sleep(within_s)
    return [frame for frame in await client.hear_frames() if frame["type"] == kind]


async def test_every_message_has_a_handler(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        assert set(node_handlers(core.hub)) == set(MESSAGES)


# Profiles


async def test_a_rename_is_shown_at_the_other_node(autojump_clock: MockClock) -> None:
    async with open_nodes() as (_, one, two):
        (ada, ada_id), (bob, _) = await arrive(one, "Ada"), await arrive(two, "Bob")
        await ada.tell("rename", name="Ada Lovelace")
        (frame,) = await told(bob, "person")
        assert frame["person"] == {"id": ada_id, "name": "Ada Lovelace"}
