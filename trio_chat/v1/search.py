"""Finding messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trio_chat.answers import Found, Hit
from trio_chat.query import parse_query
from trio_chat.told import Message, told

if TYPE_CHECKING:
    from trio_chat import commands
    from trio_chat.store import base
    from trio_chat.v1.client import Client


async def search(client: Client, command: commands.Search) -> None:
    """Find messages in the rooms of the person's list, or in one room."""
    query = parse_query(command.query)
    room = None if command.room is None else client.room(command.room).name
    found = await client.hub.store.find(
        client.person.id, query, room=room, cursor=command.cursor, limit=command.limit
    )
    hits = [hit for each in found.hits if (hit := await _told(client, each)) is not None]
    if room is not None:
        client.room(room)  # it may have been sent out of it meanwhile
    client.answer(Found(command.id, command.query, hits, found.cursor))


async def _told(client: Client, hit: base.Hit) -> Hit | None:
    """What was found, told like any message, with its text of now. (It may have been deleted this moment.)"""
    events = await client.hub.store.read_some(hit.room, [hit.seq])
    for event in events:
        message = told(event)
        if isinstance(message, Message) and not message.deleted:
            return Hit(msgspec.structs.replace(message, text=hit.text), hit.marks)
    return None
