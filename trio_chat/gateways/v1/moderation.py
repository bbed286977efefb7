"""Who runs the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.kinds.facts import SERVER_ROOM
from trio_chat.kinds.roles import ROLE, Role
from trio_chat.kinds.standing import OWNER
from trio_chat.moderation.owner_links import hash_of

if TYPE_CHECKING:
    from trio_chat.gateways.v1.client import Client
    from trio_chat.protocol import commands


async def become_owner(client: Client, command: commands.BecomeOwner) -> None:
    """Make the client's person an owner of the server. Whether the link still holds is decided when it is written."""
    room = await client.hub.rooms.get(SERVER_ROOM)
    body = Role(client.person.id, OWNER, hash_of(command.token).hex())
    await client.submit_body(room, ROLE, command.id, body)
