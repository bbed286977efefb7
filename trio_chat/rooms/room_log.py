"""The log of one room, as it is read for those who hear it: nothing of another log is told as if it were this one.

When the way to the log was lost and found again, it may lead to another one: of a standby that was promoted without its
last events, or a copy that was put back. There the same numbers stand for something else, in another epoch. So what was
read over a way over which the position of the log was not looked at yet is told to nobody. Nor is what was read long
ago.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from trio_chat.errors import StoreUnavailable
from trio_chat.rooms.fresh import read_fresh

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trio_chat.model.events import Event, Position
    from trio_chat.store.base import Store


class RoomLog:
    """Reads the log of one room.

    ``on_position`` is awaited with the position of the log when that is looked at, which only the broadcaster does.
    ``have_looked`` is awaited by all others who need that: it returns when that was done, if it can be in time.
    """

    def __init__(
        self,
        room: str,
        store: Store,
        *,
        on_position: Callable[[Position], Awaitable[object]],
        have_looked: Callable[[], Awaitable[object]],
    ) -> None:
        self._room = room
        self._store = store
        self._on_position = on_position
        self._have_looked = have_looked
        self._reconnects = 0
        """Of the store, when the position was last looked at."""

    @property
    def is_shared(self) -> bool:
        """Whether others write to it as well."""
        return self._store.has_nodes

    async def look(self) -> int:
        """Tell of the position of the log; the number that it has come to. Raises `StoreError`."""
        reconnects = self._store.reconnects
        position = (await self._store.positions([self._room]))[self._room]
        await self._on_position(position)
        self._reconnects = reconnects
        return position.seq

    async def read_to_fan_out(self, after: int, *, limit: int, max_bytes: int) -> list[Event] | None:
        """Events after a number, for the broadcaster; None if it has to `look` first. Raises `StoreError`."""
        events = await read_fresh(
            partial(self._store.read_after, self._room, after, limit=limit, max_bytes=max_bytes)
        )
        return events if self._is_sure else None

    async def read_after(self, after: int, *, limit: int, max_bytes: int) -> list[Event]:
        """Events after a number, oldest first. Raises `StoreError`."""
        return await self._read(
            partial(self._store.read_after, self._room, after, limit=limit, max_bytes=max_bytes)
        )

    async def read_before(self, before: int, *, limit: int, max_bytes: int) -> list[Event]:
        """Events before a number, oldest first. Raises `StoreError`."""
        return await self._read(
            partial(self._store.read_before, self._room, before, limit=limit, max_bytes=max_bytes)
        )

    async def _read(self, read: Callable[[], Awaitable[list[Event]]]) -> list[Event]:
        while True:
            events = await read_fresh(read)
            if self._is_sure:
                return events
            reconnects = self._store.reconnects
            await self._have_looked()
            if self._reconnects < reconnects:
                raise StoreUnavailable("The room is behind its log.")

    @property
    def _is_sure(self) -> bool:
        """Whether what was read just now is of the log that is fanned out here."""
        return self._store.reconnects == self._reconnects
