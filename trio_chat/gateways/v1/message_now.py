"""A message as it is now, for commands about one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.kinds.facts import no_such_message
from trio_chat.kinds.messages import EDIT
from trio_chat.kinds.table import MESSAGES

if TYPE_CHECKING:
    from trio_chat.gateways.v1.client import Client
    from trio_chat.model.events import Event
    from trio_chat.rooms.room import Room

MAX_CHANGES = 1_200
"""More than one message can have."""


async def room_with(client: Client, name: str, seq: int) -> Room:
    """The joined room of this name, which has this number, here or on another node. Raises `Refused`
    (``no_such_message``)."""
    room = client.room(name)
    await room.catch_up(seq)
    if not 1 <= seq <= room.head:
        raise no_such_message()
    return room


async def message_now(client: Client, room: Room, seq: int) -> tuple[Event, Event | None]:
    """A message, and the newest edit of it, if there is one: of one that was deleted there is none. Raises `Refused`
    (``no_such_message``)."""
    store = client.hub.store
    await room.catch_up(seq)
    found = await store.read_some(room.name, [seq]) if seq <= room.head else []
    if not found or found[0].kind not in MESSAGES:
        raise no_such_message()
    changes = await store.read_changes(room.name, [seq], reader=client.person.id, limit=MAX_CHANGES)
    edits = [one for one in changes.events if one.kind == EDIT]
    return found[0], edits[-1] if edits else None
