"""Readiness: whether new clients should come to this server, as ``/readyz`` tells a balancer.

No single missed beat makes a server unready: nodes hear of each other every second, and look at the log every two. Nor
does load alone: what counts is for how long a room has not reached what was in the log then.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import trio

if TYPE_CHECKING:
    from trio_chat.hub import Hub

FAILING_S: Final = 30.0
"""So long after a commit that failed the server is not ready, unless another was made. Not for good: a balancer that
sends people only to servers that are ready would never try it again."""

SILENT_S: Final = 5.0
"""So long nothing was heard of any node, not even of this one: what others write comes late."""

NOT_READ_S: Final = 10.0
"""So long the log could not be looked at."""

BEHIND_S: Final = 10.0
"""So long a room has not reached what was in the log then."""


def readiness(hub: Hub) -> tuple[bool, str]:
    """Whether this server is ready, and what to say. Sync; it costs next to nothing."""
    statistics = hub.store.statistics()
    failed_at_s = statistics.failed_at_s
    if failed_at_s is not None and time.monotonic() - failed_at_s < FAILING_S:
        return False, "The log cannot be written: see the operator's log."
    if statistics.nodes is not None and (fault := _fault_of_node(hub, statistics.nodes.heard_at_s)):
        return False, fault
    may_write, sentence = hub.store.space.readiness()
    return may_write, f"ready\n{sentence}".strip() if may_write else sentence


def _fault_of_node(hub: Hub, heard_at_s: float) -> str:
    """Why this node should have no new clients; empty if it may."""
    now_s = trio.current_time()
    watch = hub.rooms.lag_watch
    if now_s - heard_at_s >= SILENT_S:
        return f"Nothing is heard of other nodes for {now_s - heard_at_s:.0f} s: is the database there?"
    if now_s - watch.looked_at_s >= NOT_READ_S:
        return f"The log could not be read for {now_s - watch.looked_at_s:.0f} s: is the database there?"
    lag = watch.lag(now_s)
    if lag.seconds >= BEHIND_S:
        return f"Rooms here are {lag.events} events behind the log, for {lag.seconds:.0f} s."
    return ""
