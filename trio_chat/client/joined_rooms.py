"""Joined rooms: their cursors, and the memory channel that takes their events to the application.

A room is live or behind. While it is behind, its events are skipped, until it is joined again from its cursor. It falls
behind on a new connection, and when the application is too slow: so nothing is lost, and what waits is bounded.
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

    from trio_chat.client.events import Change, Event, Message, OtherEvent
    from trio_chat.client.frames import Joined

_GAP: Final = Close(PROTOCOL_ERROR.code, "the server left out an event", come_back=True)


@attrs.define(eq=False)
class JoinedRoom:
    """A joined room and its two cursors: up to where it was received, and up to where the application has taken it."""

    name: str
    received: Position
    taken: Position
    is_behind: bool = False


class JoinedRooms:
    """The joined rooms of one conversation. Leaving the ``with`` block says that no more events come.

    ``is_busy`` tells whether the task that reads the socket must not wait for the application.
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
        """The joined room of this name (compared in lower case), or None."""
        return self._rooms.get(name.lower())

    def forget(self, name: str) -> None:
        """Drop a room; its events that wait are not given out."""
        self._rooms.pop(name.lower(), None)

    def behind(self) -> list[JoinedRoom]:
        """The rooms that are behind: to be joined again."""
        return [room for room in self._rooms.values() if room.is_behind]

    def fall_behind(self) -> None:
        """Set all rooms behind: the connection is new, and they were not joined on it."""
        for room in self._rooms.values():
            room.is_behind = True

    # -- for the task that reads the socket --

    async def begin(self, joined: Joined) -> None:
        """Set a room's cursor to where its events go on from. A room that was not joined is added.

        With ``reset`` the application gets a `Reset` first.
        """
        start = Position(joined.after, joined.epoch, joined.proof)
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

    async def take(
        self, name: str, seq: int, event: Message | Change | OtherEvent | None, *, proof: str | None
    ) -> None:
        """Put event number ``seq`` into the channel, or only count it if ``event`` is None (of an unknown type).

        A repeat, and an event of a room that is behind, is skipped. Raises `ConnectionLost` at a gap.
        """
        room = self.get(name)
        if room is None or room.is_behind or seq <= room.received.seq:
            return
        if seq > room.received.seq + 1:
            raise ConnectionLost(_GAP)
        if event is None or await self._put(room, event):
            room.received = Position(seq, room.received.epoch, proof)
        else:
            room.is_behind = True

    async def _put(self, room: JoinedRoom, event: Event) -> bool:
        """Put an event into the channel. False if that is full and there is no time to wait."""
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
        """End a wait for the application: a call waits for its answer."""
        self._waiting.cancel()

    async def wait_to_catch_up(self) -> None:
        """Wait until a room is behind and the application has taken all events that waited."""
        await self._drained.wait()
        self._drained = trio.Event()  # only now: it may have happened while nobody waited for it

    # -- for the application --

    @property
    def unread(self) -> int:
        """How many events wait for the application."""
        return self._unread_receive.statistics().current_buffer_used

    async def next_event(self) -> Event:
        """The next event; its room's cursor counts it as taken. When cancelled, no event is lost.

        Raises `trio.EndOfChannel` when no more can come, `trio.ClosedResourceError` after `close`.
        """
        while True:
            if self.unread == 0 and self.behind():
                self._drained.set()
            room, event = await self._unread_receive.receive()
            # No checkpoint from here on: an event that is returned counts as taken.
            if self._rooms.get(room.name) is not room:
                continue  # left meanwhile
            if isinstance(event, Reset):
                room.taken = event.position
            else:
                room.taken = Position(event.seq, room.taken.epoch, event.proof)
            return event

    def close(self) -> None:
        """Drop the events that were not taken."""
        self._unread_receive.close()
