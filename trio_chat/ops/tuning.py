"""Tuning of the interpreter for a server with many connections: thread switching and garbage collection."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

SWITCH_INTERVAL_S = 0.0005
"""How long the store's thread may hold the interpreter while the main thread waits for it. With Python's 5 ms a
fan-out, which releases it at each system call, waits again and again (measured: a tenth more messages a second)."""

GC_THRESHOLDS = (1_000, 10_000, 1_000)
"""When the interpreter collects garbage by itself: the newest objects often, all others practically never.

The newest are more than the first number says, as it is a balance: while old objects end the new ones are not counted.
With 10,000 there were up to 56,000, and a collection stopped everybody for up to 90 ms; with 1,000 for 9.

A connection has some 300 long-lived objects, so that with Python's defaults it traverses all of them again and again
while thousands come back: with 4,000 connections that took a third of the processor time of accepting them, and delayed
everybody by 0.7 s (0.1 s without)."""

ENDED_BETWEEN_COLLECTIONS = 20_000
"""Ended connections between two full collections, each of which stops everybody (measured: 0.2 s with 400 connections).
Ended connections are freed without them (`tests/server/test_garbage.py`); this is for cycles that nobody knows of. With
more than twice as many connections alive, it is half of those."""

CHECK_EVERY_S = 1.0


def tune_interpreter() -> None:
    """Set the switch interval and the collection thresholds, for the whole process."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(*GC_THRESHOLDS)


async def collect_garbage(counts: Callable[[], tuple[int, int]]) -> None:
    """Collect all garbage now and then, for ever. ``counts``: how many connections are alive, and how many ended."""
    collected = 0
    while True:
        await trio.sleep(CHECK_EVERY_S)
        alive, ended = counts()
        if ended - collected >= max(ENDED_BETWEEN_COLLECTIONS, alive // 2):
            collected = ended
            gc.collect()
