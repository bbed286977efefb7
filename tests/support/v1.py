"""v1 steps, each in one call: say hello, send and get the ack, create a room, let others in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.core import AT_MS
from trio_chat.model.tokens import hash_of

if TYPE_CHECKING:
    from tests.support.core import Core, V1Client


async def ack(client: V1Client, kind: str, /, **fields: object) -> dict[str, Any]:
    """Send a command that is logged; returns its ack or error, the only one that may have come."""
    await client.tell(kind, **fields)
    frames = await client.hear_frames()
    (answer,) = (frame for frame in frames if frame["type"] in {"ack", "error"})
    return answer


async def hello(core: Core, name: str, **fields: object) -> tuple[V1Client, str]:
    """A client that has said hello and joined nothing, and its person's id."""
    client = await core.open_v1()
    welcome = await client.ask("hello", name=name, **fields)
    return client, welcome["user"]["id"]


async def become_owner(core: Core, client: V1Client) -> None:
    """Make a client's person an owner of the server, by an owner link, and join its room."""
    await core.store.add_owner_link(hash_of("own"), ends_ms=AT_MS + 1, at_ms=AT_MS)
    assert (await ack(client, "become_owner", token="own"))["type"] == "ack"
    await client.tell("join", room="~server")
    await client.hear_frames()


async def make_room(ada: V1Client, title: str = "Plans") -> str:
    """Create a private room and join it; returns its name."""
    room: str = (await ack(ada, "create", kind="private", title=title))["room"]
    await ada.tell("join", room=room)
    await ada.hear_frames()
    return room


async def let_in(ada: V1Client, room: str, *others: V1Client, **limits: object) -> str:
    """Invite others to the room, who accept and join; returns the invitation's token."""
    invited = await ada.ask("invite", room=room, **limits)
    for other in others:
        assert (await ack(other, "accept", token=invited["token"]))["type"] == "ack"
        await other.tell("join", room=room)
        await other.hear_frames()
    await ada.hear_frames()
    token: str = invited["token"]
    return token
