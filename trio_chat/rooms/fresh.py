"""Freshness: how old what a room knows of its log may be when it is told.

Another node may have deleted a text since it was read here, and nobody can know that without asking the log. So what
is told was read, or written, a moment ago: where it was not, the log is read again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from trio_chat.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trio_chat.model.events import Event

FRESH_S: Final = 1.0
"""So long what was read may be told: a text is told for so long at most after its deletion at another node."""


async def read_fresh(read: Callable[[], Awaitable[list[Event]]]) -> list[Event]:
    """What ``read`` returns, called again if it took longer than `FRESH_S`; and then longer than twice that, and so on,
    so that a slow log is told nevertheless. Raises what ``read`` raises."""
    patience_s = FRESH_S
    while True:
        asked_at = trio.current_time()
        events = await read()
        if trio.current_time() - asked_at <= patience_s:
            return events
        patience_s *= 2


class SharedLooks:
    """Looks at the same thing: those who ask while somebody looks share the next look."""

    def __init__(self, look: Callable[[], Awaitable[object]]) -> None:
        self._look = look
        self._n_begun = self._done = 0
        self._failed: tuple[int, StoreError] | None = None
        self._running: trio.Event | None = None

    async def look(self) -> None:
        """Look once, or wait for somebody who does; it begins after this call. Raises the `StoreError` of that look."""
        least = self._n_begun + 1
        while self._done < least:
            if self._running is None:
                await self._look_now()
            else:
                await self._running.wait()
                if self._failed is not None and self._failed[0] >= least:
                    raise type(self._failed[1])(*self._failed[1].args)

    async def _look_now(self) -> None:
        self._n_begun += 1
        number = self._n_begun
        self._running = is_over = trio.Event()
        try:
            await self._look()
        except StoreError as error:
            self._failed = number, error
            raise
        else:
            self._done = number
        finally:  # who is cancelled leaves it to the others
            self._running = None
            is_over.set()
