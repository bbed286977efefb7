"""Tuning of the interpreter: the garbage of ended connections is collected, but not all the time."""

from __future__ import annotations

import gc
import weakref

import trio
import trio.testing

from trio_chat.ops.tuning import CHECK_EVERY_S, ENDED_BETWEEN_COLLECTIONS, collect_garbage


class Cycle:
    """A cycle of objects, as a closed connection leaves it."""

    def __init__(self) -> None:
        self.me = self


async def test_garbage_is_collected_after_enough_ended_connections(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gc.disable()
    try:
        left_behind = weakref.ref(Cycle())
        alive, ended = 0, ENDED_BETWEEN_COLLECTIONS - 1
        async with trio.open_nursery() as nursery:
            nursery.start_soon(collect_garbage, lambda: (alive, ended))
            await trio.sleep(2.5 * CHECK_EVERY_S)
            assert left_behind() is not None
            alive, ended = 3 * ENDED_BETWEEN_COLLECTIONS, ENDED_BETWEEN_COLLECTIONS
            await trio.sleep(CHECK_EVERY_S)
            assert left_behind() is not None, "with many it is worth while only after more have ended"
            alive = 2 * ENDED_BETWEEN_COLLECTIONS
            await trio.sleep(CHECK_EVERY_S)
            assert left_behind() is None
            nursery.cancel_scope.cancel()
    finally:
        gc.enable()
