"""All rooms that are in use, by name: opened when somebody comes, closed when nobody was there for a while."""

from __future__ import annotations

import logging
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from trio_chat.errors import INTERNAL_ERROR, Refused
from trio_chat.kinds.rules import LOBBY
from trio_chat.rooms.room import Room

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from trio_chat.config.config import Config
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

IDLE_S = 60.0
"""How long a room stays open when nobody is there: longer than a page takes to reload."""


class RoomRegistry:
    """The table of open rooms. Made by `open_rooms`, which owns their tasks."""

    def __init__(
        self,
        rooms_nursery: trio.Nursery,
        store: Store,
        config: Config,
        wall_clock: Callable[[], float],
        on_members: Callable[[Room, frozenset[str]], object],
    ) -> None:
        self._rooms_nursery = rooms_nursery
        self._store = store
        self._config = config
        self._wall_clock = wall_clock
        self._on_members = on_members
        self._rooms: dict[str, Room] = {}
        self._last_used: dict[str, float] = {}
        self._opening: dict[str, trio.Event] = {}
        """The rooms that are being opened, each with what tells that this is over. One after the other would take too
        long when everybody comes back: the store reads many in one go."""

    def __iter__(self) -> Iterator[Room]:
        return iter(list(self._rooms.values()))

    async def get(self, name: str) -> Room:
        """The room of this (normal) name, open. Join it before the next checkpoint, or it may be closed again.

        Raises `Refused` when too many rooms are open, `StoreUnavailable` when its log cannot be read.
        """
        while name not in self._rooms:
            opening = self._opening.get(name)
            if opening is None:
                await self._open(name)
            else:
                await opening.wait()  # perhaps in vain, and then it is our turn
        self._last_used[name] = trio.current_time()
        return self._rooms[name]

    async def _open(self, name: str) -> None:
        if self._is_full:
            self._close_idle(0.0)
            if self._is_full:
                raise Refused("too_many_rooms", "Too many rooms are in use on this server. Try again later.")
        self._opening[name] = is_over = trio.Event()
        try:
            state = await self._store.state(name)
        finally:
            del self._opening[name]
            is_over.set()
        self._rooms[name] = room = Room(
            name,
            state,
            self._store,
            inbox_messages=self._config.inbox_messages,
            pause_max_s=self._config.fan_out_pause_max_s,
            wall_clock=self._wall_clock,
            on_members=self._on_members,
        )
        self._rooms_nursery.start_soon(self._run, room, name=f"room {name}")

    @property
    def _is_full(self) -> bool:
        n_open = len(self._rooms) + len(self._opening)
        return bool(self._config.max_open_rooms) and n_open >= self._config.max_open_rooms

    async def _run(self, room: Room) -> None:
        """One room's task. A bug in it ends that room for those in it, who come back to a new one; not the server."""
        try:
            await room.broadcast()
        except Exception:
            LOGGER.exception("the broadcaster of room %s failed; its members are sent away", room.name)
            room.send_away(INTERNAL_ERROR)
        finally:
            if self._rooms.get(room.name) is room:
                del self._rooms[room.name]

    async def drain(self) -> None:
        """Take nothing more into any inbox, and wait until what is there is logged and fanned out."""
        async with trio.open_nursery() as nursery:
            for room in self:
                room.seal()
                nursery.start_soon(room.flush)

    async def keep_house(self) -> None:
        """For ever: close the rooms that nobody has used for a while, and let the others forget what is old."""
        while True:
            await trio.sleep(IDLE_S)
            self._close_idle(IDLE_S)
            for room in self:
                room.subscribers.age()

    def _close_idle(self, idle_s: float) -> None:
        now = trio.current_time()
        for room in self:
            if room.name != LOBBY and room.is_empty and now - self._last_used[room.name] >= idle_s:
                del self._rooms[room.name], self._last_used[room.name]
                room.close()

    def close(self) -> None:
        """Take nothing more; each broadcaster ends when its inbox is empty."""
        for room in self:
            room.close()


@asynccontextmanager
async def open_rooms(
    store: Store,
    config: Config,
    *,
    wall_clock: Callable[[], float] = time.time,
    on_members: Callable[[Room, frozenset[str]], object] = lambda room, people: None,
) -> AsyncIterator[RoomRegistry]:
    """The rooms over ``store``, with the default room open; ``on_members`` as `Room` has it.

    Leaving the block closes their inboxes and waits until everything in them has its outcome; when cancelled, they stop
    as they are.
    """
    async with trio.open_nursery() as rooms_nursery:
        rooms = RoomRegistry(rooms_nursery, store, config, wall_clock, on_members)
        await rooms.get(LOBBY)
        async with trio.open_nursery() as housekeeping:
            housekeeping.start_soon(rooms.keep_house)
            yield rooms
            housekeeping.cancel_scope.cancel()
        rooms.close()
