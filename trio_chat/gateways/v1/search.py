"""Finding messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import trio

from trio_chat.kinds.messages import MessageFrame
from trio_chat.protocol.encoding import fitting
from trio_chat.protocol.event_frames import to_frame
from trio_chat.protocol.parts import Hit
from trio_chat.protocol.replies import Found
from trio_chat.search.query import parse_query

if TYPE_CHECKING:
    from trio_chat.gateways.v1.client import Client
    from trio_chat.protocol import commands


async def search(client: Client, command: commands.Search) -> Found:
    """Find messages in the rooms of the person's list, or in one room."""
    client.hub.rate_limits.check_search(client.person.id, client.address, trio.current_time())
    query = parse_query(command.query)
    limit = command.limit
    while True:
        results = await client.hub.store.find(
            client.person.id, query, room=command.room, cursor=command.cursor, limit=limit
        )
        hits = [
            Hit(msgspec.structs.replace(message, text=hit.text), hit.highlights)
            for hit in results.hits
            if isinstance(message := to_frame(hit.event), MessageFrame)  # nothing is told of damaged ones
        ]
        limit = len(fitting(hits))
        if limit == len(hits):
            return Found(command.id, command.query, hits, results.cursor)
        # Very long messages: only a search for so many has the cursor that goes on behind them.
