"""Waiting lines: those who want tokens of the same bucket wait in line, and only the first of them looks at it.

Otherwise each token that comes back wakes all of them, of whom one gets it: with some hundred connections of one
address, which had sent what they could and gone, that took 40 % of a core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable


class WaitingLines:
    """Lines of waiters, one for each key in use. Who came first is first; who is cancelled leaves the line."""

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines: dict[str, trio.Lock] = {}

    def __len__(self) -> int:
        return len(self._lines)

    async def wait(self, key: str, take: Callable[[float], float]) -> None:
        """Wait until ``take``, called with the time of Trio's clock, has taken what it takes: it returns 0.0 then, or
        the seconds after which to call it again. When cancelled, nothing was taken.

        A checkpoint only if there is something to wait for.
        """
        if key not in self._lines and take(trio.current_time()) <= 0:
            return
        line = self._lines.setdefault(key, trio.Lock())
        try:
            async with line:
                while (wait_s := take(trio.current_time())) > 0:  # noqa: ASYNC110  # by the clock alone
                    await trio.sleep(wait_s)
        finally:
            if not line.locked():  # and so nobody waits for it
                self._lines.pop(key, None)
