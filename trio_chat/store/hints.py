"""Hints: that something may have been written to the log elsewhere, by another node over the same store.

A hint only says where to look. It may be lost, late, doubled or wrong: what is told to anybody is read from the log, or
came with a hint and is directly behind what was told before.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

import attrs
import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trio_chat.model.events import Event

_Rung = TypeVar("_Rung")

HINTS_WAITING = 1_000
"""What waits for one listener at most; what comes beyond is lost."""


@attrs.frozen
class Hint:
    """That one should look at the log."""

    room: str | None = None
    """The room that something was written to; None: any."""
    seq: int | None = None
    """The number that its log has come to; None: anything may have happened to it, a new epoch as well."""
    events: tuple[Event, ...] = ()
    """Some of the events up to there, in order, as the log has them; none by which it changes who may hear the room."""


EVERYTHING = Hint()
"""Look at all rooms: after hints may have been lost, and now and then."""


class Bell(Generic[_Rung]):
    """Rings hints, or what other nodes tell, for those who listen to one store. All of it is sync but `listen`, and in
    one thread."""

    def __init__(self) -> None:
        self._listeners: dict[trio.MemorySendChannel[_Rung], None] = {}

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[trio.MemoryReceiveChannel[_Rung]]:
        """Give the receive end of a channel of what is rung inside the block."""
        send, receive = trio.open_memory_channel[_Rung](HINTS_WAITING)
        self._listeners[send] = None
        try:
            with send, receive:
                yield receive
        finally:
            del self._listeners[send]

    def ring(self, rung: _Rung) -> None:
        """Give this to everybody who listens and has space for it."""
        for listener in self._listeners:
            try:
                listener.send_nowait(rung)
            except (trio.WouldBlock, trio.BrokenResourceError):
                continue  # lost: everything is looked at now and then
