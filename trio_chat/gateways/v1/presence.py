"""What is beside the log: who is here, who is writing, how far everybody has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.errors import Refused
from trio_chat.gateways.v1.room_lists import user_of
from trio_chat.protocol.event_frames import timestamp
from trio_chat.protocol.replies import Receipt, ReceiptsOf, Watching

if TYPE_CHECKING:
    from trio_chat.gateways.v1.client import Client
    from trio_chat.protocol import commands

MAX_RECEIPTS = 1_000


async def watch(client: Client, command: commands.Watch) -> None:
    """Tell the client who has this room on the screen, and how far everybody is, until it watches another."""
    presence = client.hub.presence
    if command.room is None:
        presence.stop(client)
        client.answer(Watching(command.id, None))
        return
    room = client.room(command.room)
    await presence.learn(room.name)
    client.room(room.name)  # it may have been sent out of it meanwhile
    presence.watch(client, room.name)
    client.answer(presence.view(command.id, room.name))


async def typing(client: Client, command: commands.Typing) -> None:
    """Tell others that the person is writing."""
    client.hub.presence.typing(client, client.room(command.room).name)


async def mark(client: Client, command: commands.Mark) -> None:
    """Note that the person has received, or read, everything up to here."""
    room = client.room(command.room)
    client.hub.presence.mark(client, room, delivered=command.delivered or 0, read=command.read or 0)


async def receipts(client: Client, command: commands.Receipts) -> None:
    """Say who has received a message and who has read it, and since when."""
    room = client.room(command.room)
    if not 1 <= command.seq <= room.head:
        raise Refused("no_such_message", "There is no such message in this room.")
    store = client.hub.store
    found = (await store.receipts(room.name, command.seq))[:MAX_RECEIPTS]
    users = {one.id: user_of(one, one.id) for one in await store.people([one.person for one in found])}
    client.room(room.name)
    read = [(one.read_ms, one.person) for one in found if one.read_ms is not None]
    delivered = [(one.delivered_ms, one.person) for one in found if one.delivered_ms is not None]
    client.answer(
        ReceiptsOf(
            command.id,
            room.name,
            command.seq,
            read=[Receipt(users[who], timestamp(at_ms)) for at_ms, who in sorted(read) if who in users],
            delivered=[
                Receipt(users[who], timestamp(at_ms)) for at_ms, who in sorted(delivered) if who in users
            ],
        )
    )
