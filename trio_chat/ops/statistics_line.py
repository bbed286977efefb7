"""Statistics as one line for the operator's log: the counters that each part keeps where things happen.

The same counters explain a benchmark (docs/performance.md), so that production can see what the benchmark saw.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from trio_chat.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.rooms.lag import Lag
    from trio_chat.rooms.registry import RoomRegistry
    from trio_chat.rooms.room import RoomStatistics
    from trio_chat.server.server import Server
    from trio_chat.store.base import Store
    from trio_chat.store.contract.statistics import NodeStatistics

LOGGER = logging.getLogger(__name__)

LOG_EVERY_S = 300.0

ROOMS_AT_ONCE = 100
"""Rooms that are asked before others have their turn: ten thousand take 0.1 s."""


async def log_statistics(server: Server, rooms: RoomRegistry, store: Store) -> None:
    """Log the statistics line every `LOG_EVERY_S` if it has changed, for ever; when cancelled, a last time."""
    logged = ""
    alive = 1
    try:
        alive = await _count_nodes(store, alive)
        while True:
            await trio.sleep(LOG_EVERY_S)
            each = []
            for number, room in enumerate(rooms, 1):
                each.append(room.statistics())
                if number % ROOMS_AT_ONCE == 0:
                    await trio.lowlevel.checkpoint()
            alive = await _count_nodes(store, alive)
            lag = rooms.lag_watch.lag(trio.current_time())
            line = statistics_line(server, each, store, lag, alive=alive)
            if line != logged:
                LOGGER.info("%s", line)
                logged = line
    finally:
        lag = rooms.lag_watch.lag(trio.current_time())
        each = [room.statistics() for room in rooms]
        LOGGER.info("%s", statistics_line(server, each, store, lag, alive=alive))


async def _count_nodes(store: Store, before: int) -> int:
    """How many nodes there are; as many as before if that cannot be asked."""
    with suppress(StoreUnavailable):
        return len(await store.live_nodes())
    return before


def statistics_line(
    server: Server, each: Sequence[RoomStatistics], store: Store, lag: Lag, *, alive: int
) -> str:
    """The counters since the start as one line; those of ``each`` room count since it was opened."""
    served = server.statistics()
    logged = store.statistics()
    batches = sum(room.broadcast.batches for room in each)
    messages = sum(room.broadcast.messages for room in each)
    fan_out_s = sum(room.broadcast.fan_out_s for room in each)
    return (
        f"clients {served.connected} (of {served.websockets}, {served.refused} turned away, {served.faults} faults); "
        f"rooms {len(each)}, messages {messages} in {batches} batches "
        f"(largest {max((room.broadcast.largest_batch for room in each), default=0)}), "
        f"deliveries {sum(room.deliveries for room in each)}, fan-out {_mean_ms(fan_out_s, batches)} ms "
        f"(longest {max((room.broadcast.longest_fan_out_s for room in each), default=0) * 1e3:.1f}), "
        f"fell behind {sum(room.fell_behind for room in each)}, waiting {served.waiting_bytes} bytes; "
        f"commits {logged.commits}, {_mean_ms(logged.commit_s, logged.commits)} ms "
        f"(longest {logged.longest_commit_s * 1e3:.1f}), {logged.repeats} repeats, {logged.failures} failures"
        f"{_of_nodes(logged.nodes, lag, alive=alive, read=sum(room.broadcast.read for room in each))}"
    )


def _of_nodes(nodes: NodeStatistics | None, lag: Lag, *, alive: int, read: int) -> str:
    if nodes is None:
        return ""
    return (
        f"; nodes {alive}, behind the log {lag.events} events for {lag.seconds:.1f} s, "
        f"{read} events of others read, "
        f"{nodes.retries} retries, {nodes.in_doubt} in doubt, rings {nodes.rings} sent, {nodes.heard} heard"
    )


def _mean_ms(total_s: float, count: int) -> str:
    return f"{total_s / count * 1e3:.1f}" if count else "0"
