"""The server room, followed: what is decided there holds on every node, whether anybody there has it open or not.

The room is always open (`trio_chat.rooms.registry`), and fans its log out to the door and to enforcement, whoever wrote
it. What it cannot fan out, because it was opened anew or its log went back, is read.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import trio

from trio_chat.errors import StoreError
from trio_chat.kinds.facts import SERVER_ROOM

if TYPE_CHECKING:
    from trio_chat.moderation.door import Door
    from trio_chat.moderation.enforcement import Enforcement
    from trio_chat.rooms.registry import RoomRegistry
    from trio_chat.rooms.room import Room
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

LOOK_EACH_S: Final = 2.0


class ServerRoom:
    """Keeps the door as the log of the server room says. `run` is its task."""

    def __init__(self, store: Store, rooms: RoomRegistry, door: Door, enforcement: Enforcement) -> None:
        self._store = store
        self._rooms = rooms
        self._door = door
        self._enforcement = enforcement
        self._read: tuple[Room, str] | None = None
        """The room, and its epoch, whose events follow what the door has read."""

    async def look(self) -> None:
        """Have the door read how the server is run, if the room's events do not say what has changed since it did.
        Raises `StoreError`."""
        room = self._rooms.find(SERVER_ROOM) or await self._rooms.get(SERVER_ROOM)
        now = room, room.epoch
        if self._read == now:
            return
        await self._door.read(self._store)
        self._read = now
        self._enforcement.look_at_everybody()

    async def run(self) -> None:
        """Look every two seconds, for ever."""
        while True:
            await trio.sleep(LOOK_EACH_S)
            try:
                await self.look()
            except StoreError as error:
                LOGGER.error("how the server is run cannot be read: %s", error)
            except Exception:  # a bug; it must not end the server
                LOGGER.exception("how the server is run cannot be read")
