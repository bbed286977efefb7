"""Loaded by a Python whose clock is faked (`tests.torture.faults.faked_clock`), before anything else.

libfaketime 0.9.10 lets ``clock_nanosleep``, with which Python sleeps, fail with EINVAL when it leaves the monotonic
clock alone.
"""

import select
import time


def sleep(seconds: float) -> None:
    """Sleep in another way."""
    select.select((), (), (), seconds)


setattr(time, "sleep", sleep)  # noqa: B010
