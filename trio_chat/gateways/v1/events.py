"""Writing events: the commands that do nothing else, of all kinds (`trio_chat.kinds.table.COMMANDS`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.gateways.v1.direct import settle
from trio_chat.gateways.v1.outcomes import OutcomesOfBlock
from trio_chat.kinds.facts import DIRECT, personal_room
from trio_chat.kinds.messages import DELETE
from trio_chat.kinds.personal import BLOCK
from trio_chat.kinds.rooms import MEMBER
from trio_chat.model.events import Draft

if TYPE_CHECKING:
    from trio_chat.gateways.v1.client import Client
    from trio_chat.kinds.forms import EventCommand


async def write_event(client: Client, command: EventCommand) -> None:
    """Write the event to the room that the command names, or to the person's own; answered when it is in the log.

    Raises `Refused` for a field that is wrong, or a room that the client is not in.
    """
    await write(client, command, *command.event(client.person))


async def write(client: Client, command: EventCommand, kind: str, body: str) -> None:
    """The same for an event that says more than its command."""
    if command.is_in_room:
        room = client.room(command.room)
        if room.kind == DIRECT and kind not in (MEMBER, DELETE):
            await settle(client, room, Draft(kind, client.person.id, client.person.name, command.id, body))
            room = client.room(command.room)  # it may have changed meanwhile
    else:
        room = await client.hub.rooms.get(personal_room(client.person.id))
    submitter = OutcomesOfBlock(client.outbox, client.hub.presence) if kind == BLOCK else None
    await client.submit(room, kind, command.id, body, submitter=submitter)
