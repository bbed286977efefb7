"""One clock for all nodes: that of the database, as each node knows it.

Events are stamped, and invitations, bans and codes end, by the same clock on whichever node. To ask for it each time
would cost a way there and back, so a node samples how far the database's clock is from its own monotonic one, which
nobody sets, and goes on by that. A sample is wrong by half the time that it took at most; the quickest of the last few
counts.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_chat.store.sql.connection import Connection

SAMPLES_KEPT: Final = 8

SAMPLES_AT_START: Final = 3

HELD_BACK_MS: Final = 1_000
"""So little it never goes back: it stands still until it is caught up with. More than that: the database's clock was
set."""


class _Sample(NamedTuple):
    took_s: float
    offset_ms: float


class DatabaseClock:
    """The clock of the database. ``monotonic`` gives seconds, from whenever it likes."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._samples: deque[_Sample] = deque(maxlen=SAMPLES_KEPT)
        self._offset_ms = 0.0
        self._last_ms = 0

    def sample(self, connection: Connection) -> None:
        """Ask the database what time it is. Synchronous; raises what the connection raises."""
        before_s = self._monotonic()
        (at_ms,) = connection.execute(
            "SELECT CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS bigint)"
        ).fetchone()
        self.add(at_ms, before_s, self._monotonic())

    def add(self, at_ms: int, before_s: float, after_s: float) -> None:
        """Take note that it was this late somewhen between these two moments."""
        self._samples.append(_Sample(after_s - before_s, at_ms - (before_s + after_s) / 2 * 1000))
        self._offset_ms = min(self._samples).offset_ms

    def now_ms(self) -> int:
        """Milliseconds since 1970. Sync, for one thread."""
        now_ms = int(self._monotonic() * 1000 + self._offset_ms)
        if not self._last_ms - HELD_BACK_MS < now_ms < self._last_ms:
            self._last_ms = now_ms
        return self._last_ms
