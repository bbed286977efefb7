"""What people keep for themselves: stars, what is hidden, of what they want to be told, what is not read yet.

It stands in the log of the person's own room, which their other devices hear.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from trio_chat.errors import Refused
from trio_chat.kinds import bodies, rules
from trio_chat.model.names import normal_room

if TYPE_CHECKING:
    from trio_chat.gateways.v1.client import Client
    from trio_chat.protocol import commands

END_MS: Final = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp()) * 1000
"""Moments beyond the year 9999 have no form in which they could be told, in whatever zone."""


async def mine(client: Client, command: commands.Mine) -> None:
    """Have it written to the person's own room. What it is about may be a room that the person has left."""
    body = _body(command, normal_room(command.room))
    room = await client.hub.rooms.get(rules.personal_room(client.person.id))
    await client.submit_body(room, command.what, command.id, body)


def _body(command: commands.Mine, room: str) -> bodies.Body:
    match command.what:
        case bodies.STAR | bodies.HIDE:
            if command.target is None:
                raise Refused("bad_field", "Say which message, as target.")
            return bodies.Star(room, command.target, command.on)
        case bodies.LEVEL:
            if command.level is None:
                raise Refused("bad_field", "Say which level: all, mentions or none.")
            until_ms = None if command.until is None else int(command.until.timestamp() * 1000)
            if until_ms is not None and not 0 <= until_ms < END_MS:  # what cannot be told must not be written
                raise Refused("bad_field", "Say a moment of the years from 1970 to 9998, as until.")
            return bodies.Level(room, command.level, until_ms)
        case bodies.UNREAD:
            return bodies.Unread(room, command.seq)
