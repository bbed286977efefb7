"""Enforcement: what is decided in the server room holds for everybody who is connected, at once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import attrs
import trio

from trio_chat.errors import BANNED, POLICY_VIOLATION, Refused, StoreError
from trio_chat.kinds.forms import Body
from trio_chat.kinds.moderation import Knock, Restriction
from trio_chat.kinds.modes import Mode, Trust
from trio_chat.kinds.roles import Role
from trio_chat.kinds.standing import BAN

if TYPE_CHECKING:
    from trio_chat.model.events import Event, Person
    from trio_chat.moderation.door import Door
    from trio_chat.net.outbox import Outbox
    from trio_chat.presence.connected import ConnectedUsers, UserConnection
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

LOOKED_AT_ONCE: Final = 100
"""Others are served after so many connections."""

RETRY_S: Final = 1.0
"""So long a store that cannot be read is left alone."""


@attrs.define(eq=False)
class GuestConnection:
    """A connection of the plain side."""

    outbox: Outbox
    address: str
    """Where it comes from: an `address_key`."""
    guest: Person | None = None
    """Who has said something over it."""


class Enforcement:
    """Applies the events of the server room to the door, and to those who are connected. `run` is its task.

    Who is banned is cut before anything else is posted; all else follows within moments. On each node: it follows the
    log of that room, whoever wrote it (`trio_chat.moderation.server_room`).
    """

    def __init__(self, door: Door, store: Store, connected: ConnectedUsers) -> None:
        self.guests: set[GuestConnection] = set()
        """The connections of the plain side: each adds itself, and takes itself out."""
        self._door = door
        self._store = store
        self._connected = connected
        self._is_everybody_due = False
        # Not bounded: each is an event in a log, which takes longer than this.
        self._send, self._receive = trio.open_memory_channel[Body | None](float("inf"))

    def apply(self, event: Event, body: Body) -> None:
        """Apply an event of the server room. Sync."""
        is_news = self._door.apply(event, body)
        if is_news and event.kind == BAN and isinstance(body, Restriction) and body.on:
            refused = self._door.server.refused(body.person)
            self._connected.cut(body.person, BANNED.because(refused.message))
            for connection in list(self.guests):
                if connection.guest is not None and connection.guest.id == body.person:
                    _end(connection, refused)
        if not isinstance(body, Knock):
            self._send.send_nowait(body)

    def look_at_everybody(self) -> None:
        """Apply what the door says now to all who are connected, soon: it was read anew. Sync."""
        if not self._is_everybody_due:
            self._is_everybody_due = True
            self._send.send_nowait(None)

    async def run(self) -> None:
        """Do what needs reading or takes longer, until cancelled."""
        async for body in self._receive:
            if body is None:
                self._is_everybody_due = False
            try:
                await self._enforce(body)
            except StoreError as error:  # what is written is judged in the log in any case
                LOGGER.error("a decision of the moderators cannot be told to everybody yet: %s", error)
                await trio.sleep(RETRY_S)
                self.look_at_everybody()
            except Exception:  # a bug; it must not end the server
                LOGGER.exception("a decision of the moderators could not be told to everybody")

    async def _enforce(self, body: Body | None) -> None:
        match body:
            case None:
                await self._door.addresses.read_banned()
                await self._look_at(self._connected.connections())
                await self._look_at_guests()
            case Restriction(person=person, addresses=addresses):
                await self._look_at(self._connected.connections(person))
                # Always, as a ban without addresses takes the place of one with them.
                await self._door.addresses.read_banned()
                if addresses:
                    await self._look_at(self._connected.connections())
                    await self._look_at_guests()
            case Trust(person=person) | Role(person=person):
                await self._look_at(self._connected.connections(person))
            case Mode():
                await self._look_at_guests()
                await self._look_at(self._connected.connections())

    async def _look_at(self, connections: list[UserConnection]) -> None:
        for start in range(0, len(connections), LOOKED_AT_ONCE):
            some = connections[start : start + LOOKED_AT_ONCE]
            known_ms = await self._store.known_ms({connection.person.id for connection in some})
            for connection in some:
                # Another one, perhaps, whose login has looked at the door since.
                person = connection.person.id
                if person in known_ms and connection in self._connected.connections(person):
                    connection.standing_changed(known_ms[person])

    async def _look_at_guests(self) -> None:
        for number, connection in enumerate(list(self.guests)):
            if number % LOOKED_AT_ONCE == LOOKED_AT_ONCE - 1:
                await trio.lowlevel.checkpoint()
            try:
                if connection.guest is not None:
                    self._door.check_person(connection.guest.id, 0, connection.address)
                self._door.check_guest(connection.address)
            except Refused as refused:
                _end(connection, refused)


def _end(connection: GuestConnection, refused: Refused) -> None:
    connection.outbox.end(POLICY_VIOLATION.because(refused.message))
