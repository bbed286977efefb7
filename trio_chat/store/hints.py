"""Hints: that something may have been written to the log elsewhere, by another node over the same store.

A hint only says where to look. It may be lost, late, doubled or wrong: what is told to anybody is read from the log.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HINTS_WAITING = 1_000
"""Hints that wait for one listener at most; what comes beyond is lost."""


@attrs.frozen
class Hint:
    """That one should look at the log."""

    room: str | None = None
    """The room that something was written to; None: any."""
    seq: int | None = None
    """The number that its log has come to; None: anything may have happened to it, a new epoch as well."""


EVERYTHING = Hint()
"""Look at all rooms: after hints may have been lost, and now and then."""


class Bell:
    """Rings hints for those who listen to one store. All of it is sync but `listen`, and in one thread."""

    def __init__(self) -> None:
        self._listeners: dict[trio.MemorySendChannel[Hint], None] = {}

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[trio.MemoryReceiveChannel[Hint]]:
        """Give the receive end of a channel of the hints that are rung inside the block."""
        send, receive = trio.open_memory_channel[Hint](HINTS_WAITING)
        self._listeners[send] = None
        try:
            with send, receive:
                yield receive
        finally:
            del self._listeners[send]

    def ring(self, hint: Hint) -> None:
        """Give the hint to everybody who listens and has space for it."""
        for listener in self._listeners:
            try:
                listener.send_nowait(hint)
            except (trio.WouldBlock, trio.BrokenResourceError):
                continue  # lost: who rings says now and then that everything is to be looked at
