"""Pacing: all uploads together come no faster than the log's commits can bear beside them."""

from __future__ import annotations

from typing import Final

import trio

from trio_chat.net.limits import TokenBucket

BYTES_PER_S: Final = 25 * 1000 * 1000
"""Measured with three uploads (``python -m bench.uploads``), with a sync every 4 MiB: acknowledgements of messages take
1.9 times as long as on an idle server (95th percentile); with twice this rate 2.7 times."""

BURST_BYTES: Final = 1024 * 1024


class Pace:
    """A rate for all who wait for their turn, who came first first."""

    def __init__(self, *, bytes_per_s: float = BYTES_PER_S, burst: int = BURST_BYTES) -> None:
        self._bucket = TokenBucket(bytes_per_s, burst)
        self._burst = burst
        self._queue = trio.Lock()  # fair: it serves in the order in which they came

    async def wait(self, n: int) -> None:
        """Wait until ``n`` bytes may be written."""
        async with self._queue:
            while n > 0:
                wait_s = self._bucket.take(trio.current_time(), min(n, self._burst))
                if wait_s:
                    await trio.sleep(wait_s)
                else:
                    n -= self._burst
