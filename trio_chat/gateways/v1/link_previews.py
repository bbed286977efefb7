"""Previews of the links in messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.errors import Refused
from trio_chat.gateways.v1.message_now import message_now
from trio_chat.kinds.table import text_of
from trio_chat.model.links import has_link
from trio_chat.protocol.replies import PreviewOf

if TYPE_CHECKING:
    from trio_chat.gateways.v1.client import Client
    from trio_chat.protocol import commands


async def preview(client: Client, command: commands.AskPreview) -> PreviewOf:
    """Tell what there is to show of a link in a message: of one that it has in it now, so that nobody has the server
    ask whom they like. The answer may be that it is not known yet."""
    previews = client.hub.link_previews
    if previews is None:
        raise Refused("not_here", "This server shows no previews of links.")
    room = client.room(command.room)
    if not has_link(command.link):
        raise _no_such_link()
    message, edit = await message_now(client, room, command.seq)
    if command.link not in text_of(edit or message):
        raise _no_such_link()
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


def _no_such_link() -> Refused:
    return Refused("no_such_link", "There is no such link in this message.")
