"""Backoff: the pauses before connecting again are exponential, with full jitter, so that a restarted server is not
overrun.

"Full jitter" is that of https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/: of all that are
compared there, it costs clients and server together the least.

Pure: randomness is passed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_S = 1.0
"""The bound of the first random pause, in seconds: about what a server needs to restart."""

LONGEST_S = 30.0
"""The bound of all pauses, in seconds: what somebody who waits for the server can bear."""

STEADY_S = 10.0
"""A connection that held for this long (seconds) was a success; one that broke sooner counts as a failure."""


class Backoff:
    """The pauses of one client. ``jitter`` gives numbers from 0 to below 1, as `random.random` does."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self._failures = 0

    def pause_s(self, *, held_s: float, may_be_at_once: bool, was_sent_away: bool = False) -> float:
        """The pause after a connection that held for ``held_s`` (0 if there was none), in seconds.

        The first one is 0 if it ``may_be_at_once``. All others are random, between 0 and a bound that doubles with each
        failure. No failure is a connection from which the server, that stops, has sent its client away
        (``was_sent_away``): where several are restarted in turn that comes again within seconds.
        """
        if held_s >= STEADY_S or was_sent_away:
            self._failures = 0
        self._failures += 1
        if self._failures == 1 and may_be_at_once:
            return 0.0
        doublings = min(self._failures - 1, 10)  # far beyond the longest pause; keeps the number small
        return self._jitter() * min(LONGEST_S, FIRST_S * (1 << doublings))
