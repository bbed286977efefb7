"""How the interpreter is tuned for a server with many connections: two settings, each with its number."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

SWITCH_INTERVAL_S = 0.0005
"""How long the log's thread may hold the interpreter while the main thread wants it. With Python's 5 ms a fan-out,
which gives it away at each system call, waits again and again (measured: a tenth more messages a second)."""

GC_THRESHOLDS = (50_000, 50, 1_000)
"""When the interpreter collects garbage by itself. A connection is some 300 objects that stay, so that with Python's
defaults it walks through all of them again and again while thousands come back: with 4,000 connections that took a
third of the processor time of accepting them, and held everybody up for 0.7 s (0.1 s without)."""

ENDED_BETWEEN_COLLECTIONS = 500
"""After how many ended connections all objects are looked at: what they leave behind in cycles is some 25 MB. With more
connections than twice that it is half as many as there are: so looking costs each that ended the same."""

LOOK_EVERY_S = 1.0


def tune_interpreter() -> None:
    """Set what can only be set for the whole process."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(*GC_THRESHOLDS)


async def collect_garbage(counts: Callable[[], tuple[int, int]]) -> None:
    """For ever: collect what ended connections left behind; ``counts`` says how many there are, and have ended."""
    collected = 0
    while True:
        await trio.sleep(LOOK_EVERY_S)
        alive, ended = counts()
        if ended - collected >= max(ENDED_BETWEEN_COLLECTIONS, alive // 2):
            collected = ended
            gc.collect()
