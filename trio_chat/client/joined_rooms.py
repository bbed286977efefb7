"""The rooms one is in, and the way of their events to the application.

A room is heard or behind. Behind, its events are skipped, until it is joined again with its cursor. A new connection
and an application that is too slow are the same case: so nothing is lost, and what waits is bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs
import trio

from trio_chat.client.endings import ConnectionLost
from trio_chat.client.events import Reset
from trio_chat.errors import PROTOCOL_ERROR, Close
from trio_chat.model.events import Position

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from trio_chat.client.events import Change, Event, Message
    from trio_chat.client.frames import Joined

_GAP: Final = Close(PROTOCOL_ERROR.code, "the server left out an event", come_back=True)


@attrs.define(eq=False)
class JoinedRoom:
    """A room one is in: up to where it was received, and up to where the application has taken it."""

    name: str
    received: Position
    taken: Position
    is_behind: bool = False


class JoinedRooms:
    """All rooms of one conversation. The ``with`` block is the time in which events can come.

    ``is_busy`` tells whether the one who brings events has something more urgent to do than to wait for the
    application.
    """

    def __init__(self, *, max_unread: int, is_busy: Callable[[], bool]) -> None:
        self._rooms: dict[str, JoinedRoom] = {}
        self._is_busy = is_busy
        unread = trio.open_memory_channel[tuple[JoinedRoom, "Event"]](max_unread)
        self._unread_send, self._unread_receive = unread
        self._waiting = trio.CancelScope()
        self._drained = trio.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._unread_send.close()

    def get(self, name: str) -> JoinedRoom | None:
        """The room of this name (compared in lower case) if one is in it."""
        return self._rooms.get(name.lower())

    def forget(self, name: str) -> None:
        """Not be in a room any more; what waits of it is not given out."""
        self._rooms.pop(name.lower(), None)

    def behind(self) -> list[JoinedRoom]:
        """The rooms to be joined again."""
        return [room for room in self._rooms.values() if room.is_behind]

    def fall_behind(self) -> None:
        """Skip the events of all rooms: the connection is new, and they were not joined on it."""
        for room in self._rooms.values():
            room.is_behind = True

    # -- for the one who hears the server --

    async def begin(self, joined: Joined) -> None:
        """Stand where the server says that a room's events go on from. A room one was not in is one's room now."""
        start = Position(joined.after, joined.epoch)
        room = self.get(joined.room)
        if room is None:
            name = joined.room.lower()
            room = self._rooms[name] = JoinedRoom(name, received=start, taken=start)
        room.is_behind = False
        if joined.reset:
            if await self._put(room, Reset(room.name, start)):
                room.received = start
            else:
                room.is_behind = True

    async def take(self, name: str, seq: int, event: Message | Change | None) -> None:
        """Hand an event on if it is the next one. None stands for one that says nothing to the application.

        Raises `ConnectionLost` at a gap.
        """
        room = self.get(name)
        if room is None or room.is_behind or seq <= room.received.seq:
            return
        if seq > room.received.seq + 1:
            raise ConnectionLost(_GAP)
        if event is None or await self._put(room, event):
            room.received = Position(seq, room.received.epoch)
        else:
            room.is_behind = True

    async def _put(self, room: JoinedRoom, event: Event) -> bool:
        """Hand an event to the application. False if there is no place for it, and no time to wait for one."""
        try:
            self._unread_send.send_nowait((room, event))
        except trio.WouldBlock:
            if self._is_busy():
                return False
            with trio.CancelScope() as self._waiting:
                await self._unread_send.send((room, event))
            return not self._waiting.cancelled_caught
        return True

    def hurry(self) -> None:
        """Let nobody wait for the application: there is something more urgent now."""
        self._waiting.cancel()

    async def wait_to_catch_up(self) -> None:
        """Wait until a room is behind, and the application has taken all that waited."""
        await self._drained.wait()
        self._drained = trio.Event()  # only now: it may have happened while nobody waited for it

    # -- for the application --

    @property
    def unread(self) -> int:
        """How many events wait."""
        return self._unread_receive.statistics().current_buffer_used

    async def next_event(self) -> Event:
        """The next event. Raises `trio.EndOfChannel` when none can come, `trio.ClosedResourceError` after `close`."""
        while True:
            if self.unread == 0 and self.behind():
                self._drained.set()
            room, event = await self._unread_receive.receive()
            # No checkpoint from here on: what is handed out counts as taken.
            if self._rooms.get(room.name) is not room:
                continue  # left meanwhile
            room.taken = event.position if isinstance(event, Reset) else Position(event.seq, room.taken.epoch)
            return event

    def close(self) -> None:
        """Let go of what was not taken."""
        self._unread_receive.close()
