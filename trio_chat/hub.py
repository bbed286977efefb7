"""What all connections share: the rooms, the people, who is here, and the store below them.

One task of its own tells people that a room was added to their list, or removed from it: that follows from an event in
the room's log, and what is told has to be read from the store.
"""

from __future__ import annotations

import logging
import math
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.errors import StoreError
from trio_chat.gateways.v1.room_lists import list_rooms
from trio_chat.people.identities import Identities
from trio_chat.presence.connected import ConnectedUsers
from trio_chat.presence.service import open_presence
from trio_chat.protocol.replies import RoomAdded, RoomRemoved
from trio_chat.rooms.registry import open_rooms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from trio_chat.config.config import Config
    from trio_chat.presence.service import PresenceService
    from trio_chat.rooms.registry import RoomRegistry
    from trio_chat.rooms.room import Room
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)


@attrs.frozen(eq=False)
class Hub:
    """Everything that a connection may need. Made by `open_hub`."""

    config: Config
    store: Store
    rooms: RoomRegistry
    people: Identities
    connected: ConnectedUsers
    presence: PresenceService
    now_ms: Callable[[], int]
    """The wall clock, in milliseconds since 1970 UTC."""


@asynccontextmanager
async def open_hub(
    store: Store, config: Config, *, wall_clock: Callable[[], float] = time.time
) -> AsyncIterator[Hub]:
    """The rooms and people over ``store``, until the block is left; `open_rooms` and `open_presence` say what happens
    then."""
    # Not bounded: a change of members is an event in a log, and they are slower than what takes them from here.
    changes, changed = trio.open_memory_channel[tuple[str, str, bool]](math.inf)

    def now_ms() -> int:
        return int(wall_clock() * 1000)

    def on_members(room: Room, people: frozenset[str]) -> None:
        presence.members_changed(room.name)
        for person in people:
            if person in connected:
                changes.send_nowait((person, room.name, person in room.members))

    connected = ConnectedUsers()
    people = Identities(store, wall_clock=wall_clock)
    async with (
        open_presence(store, connected, now_ms=now_ms) as presence,
        open_rooms(store, config, wall_clock=wall_clock, on_members=on_members) as rooms,
        trio.open_nursery() as nursery,
    ):
        hub = Hub(config, store, rooms, people, connected, presence, now_ms)
        nursery.start_soon(_tell_of_lists, hub, changed)
        yield hub
        nursery.cancel_scope.cancel()


async def _tell_of_lists(hub: Hub, changed: trio.MemoryReceiveChannel[tuple[str, str, bool]]) -> None:
    with changed:
        async for person, room, is_in in changed:
            try:
                await _tell_of_list(hub, person, room, is_in=is_in)
            except StoreError as error:  # they are told when they come back: the list is read then
                LOGGER.error("%s could not be told of the room %s: %s", person, room, error)
            except Exception:  # a bug; it must not end the server
                LOGGER.exception("%s could not be told of the room %s", person, room)


async def _tell_of_list(hub: Hub, person: str, room: str, *, is_in: bool) -> None:
    """Tell all connections of a person that a room is in their list, or is no more."""
    if not is_in:
        hub.connected.tell(person, RoomRemoved(room))
        return
    for item in await list_rooms(hub.store, person, only=room):
        hub.connected.tell(person, RoomAdded(item))
