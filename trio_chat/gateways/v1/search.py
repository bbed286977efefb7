"""Finding messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trio_chat.protocol.event_frames import Message, to_frame
from trio_chat.protocol.replies import Found, Hit
from trio_chat.search.query import parse_query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.gateways.v1.client import Client
    from trio_chat.model.records import SearchHit
    from trio_chat.protocol import commands


async def search(client: Client, command: commands.Search) -> None:
    """Find messages in the rooms of the person's list, or in one room."""
    query = parse_query(command.query)
    room = None if command.room is None else client.room(command.room).name
    found = await client.hub.store.find(
        client.person.id, query, room=room, cursor=command.cursor, limit=command.limit
    )
    hits = await _to_frame(client, found.hits)
    if room is not None:
        client.room(room)  # it may have been sent out of it meanwhile
    client.answer(Found(command.id, command.query, hits, found.cursor))


async def _to_frame(client: Client, found: Sequence[SearchHit]) -> list[Hit]:
    """What was found, told like any messages, with their texts of now. (Some may have been deleted this moment.)"""
    seqs: dict[str, list[int]] = {}
    for hit in found:
        seqs.setdefault(hit.room, []).append(hit.seq)
    messages: dict[tuple[str, int], Message] = {}
    for room, wanted in seqs.items():
        for event in await client.hub.store.read_some(room, wanted):
            message = to_frame(event)
            if isinstance(message, Message) and not message.deleted:
                messages[room, event.seq] = message
    return [
        Hit(msgspec.structs.replace(messages[hit.room, hit.seq], text=hit.text), hit.marks)
        for hit in found
        if (hit.room, hit.seq) in messages
    ]
