"""When to connect again: exponential backoff with full jitter, so that a restarted server is not run over.

The shape is the "full jitter" of https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ which of
all compared there costs clients and server together the least.

Pure: chance is passed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_S = 1.0
"""The longest first pause: about what a server needs to restart."""

LONGEST_S = 30.0
"""The longest pause: what somebody who waits for the server to come back can bear."""

STEADY_S = 10.0
"""A connection that held for this long was a success; one that broke sooner counts as one more failure."""


class Backoff:
    """The pauses of one client. ``jitter`` gives numbers from 0 to below 1, as `random.random` does."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self._failures = 0

    def pause_s(self, *, held_s: float, may_be_at_once: bool) -> float:
        """How long to wait after a connection that held for ``held_s`` (0 if there was none).

        The first time is at once, unless the server asked for a pause. After that the pause is anything between nothing
        and a bound that doubles with each failure.
        """
        if held_s >= STEADY_S:
            self._failures = 0
        self._failures += 1
        if self._failures == 1 and may_be_at_once:
            return 0.0
        doublings = min(self._failures - 1, 10)  # far beyond the longest pause; keeps the number small
        return self._jitter() * min(LONGEST_S, FIRST_S * (1 << doublings))
