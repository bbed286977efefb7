"""The interpreter's tuning: garbage of ended connections is collected, and not looked for all the time."""

from __future__ import annotations

import gc
import weakref

import trio
import trio.testing

from trio_chat.ops.tuning import ENDED_BETWEEN_COLLECTIONS, LOOK_EVERY_S, collect_garbage


class Cycle:
    """What a closed connection leaves behind, in small."""

    def __init__(self) -> None:
        self.me = self


async def test_garbage_is_collected_after_so_many_connections_and_not_before(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gc.disable()
    try:
        left_behind = weakref.ref(Cycle())
        alive, ended = 0, ENDED_BETWEEN_COLLECTIONS - 1
        async with trio.open_nursery() as nursery:
            nursery.start_soon(collect_garbage, lambda: (alive, ended))
            await trio.sleep(2.5 * LOOK_EVERY_S)
            assert left_behind() is not None
            alive, ended = 3 * ENDED_BETWEEN_COLLECTIONS, ENDED_BETWEEN_COLLECTIONS
            await trio.sleep(LOOK_EVERY_S)
            assert left_behind() is not None, "with many it is worth while only after more have ended"
            alive -= 1000
            await trio.sleep(LOOK_EVERY_S)
            assert left_behind() is None
            nursery.cancel_scope.cancel()
    finally:
        gc.enable()
