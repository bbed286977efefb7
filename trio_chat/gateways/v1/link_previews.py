"""Previews of the links in messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.errors import Refused
from trio_chat.kinds.facts import no_such_message
from trio_chat.kinds.messages import DELETE, EDIT
from trio_chat.kinds.table import MESSAGES, text_of
from trio_chat.model.links import has_link
from trio_chat.protocol.replies import PreviewOf

if TYPE_CHECKING:
    from trio_chat.gateways.v1.client import Client
    from trio_chat.protocol import commands
    from trio_chat.rooms.room import Room


async def preview(client: Client, command: commands.AskPreview) -> PreviewOf:
    """Tell what there is to show of a link in a message: of one that it has in it now, so that nobody has the server
    ask whom they like. The answer may be that it is not known yet."""
    previews = client.hub.link_previews
    if previews is None:
        raise Refused("not_here", "This server shows no previews of links.")
    room = client.room(command.room)
    if not has_link(command.link) or command.link not in await _text_of(client, room, command.seq):
        raise Refused("no_such_link", "There is no such link in this message.")
    link = command.link if "://" in command.link else f"https://{command.link}"
    is_known, found = previews.find(link, client.person.id)
    if found is None:
        return PreviewOf(
            id=command.id, room=room.name, seq=command.seq, link=command.link, pending=not is_known
        )
    return PreviewOf(
        id=command.id,
        room=room.name,
        seq=command.seq,
        link=command.link,
        title=found.title,
        description=found.description,
        site=found.site,
        image=found.image,
        width=found.width,
        height=found.height,
        alt=found.alt,
    )


async def _text_of(client: Client, room: Room, seq: int) -> str:
    """What the message says now; empty if it was deleted. Raises `Refused` (``no_such_message``)."""
    found = await client.hub.store.read_some(room.name, [seq] if seq <= room.head else [])
    if not found or found[0].kind not in MESSAGES:
        raise no_such_message()
    changes = await client.hub.store.read_changes(room.name, [seq], reader=client.person.id, limit=100)
    newest = {event.kind: event for event in changes.events}
    return "" if DELETE in newest else text_of(newest.get(EDIT, found[0]))
