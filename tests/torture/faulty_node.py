"""The product with a law of nodes broken: ``python -m tests.torture.faulty_node HOW [options of trio-chat]``.

Negative controls: they show that the faults come where they hurt, and that the checker sees it. HOW is

- ``lost-hints``: nobody looks at the log without having heard of something, and a third of what is heard of is lost;
- ``own-outcomes``: a room tells what was appended here without what others appended before it;
- ``no-marker``: a commit without an answer is taken for none.
"""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING, Any

from tests.torture import traced_server
from trio_chat.rooms.follower import Follower
from trio_chat.store.hints import EVERYTHING, Bell
from trio_chat.store.postgresql.transactions import Transactions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trio_chat.model.events import Event


def lose_hints() -> None:
    """Break that a hint may be lost."""
    ring = Bell.ring

    def ring_mostly(bell: Any, what: Any) -> None:  # noqa: ANN401
        if what != EVERYTHING and random.random() < 2 / 3:
            ring(bell, what)

    setattr(Bell, "ring", ring_mostly)  # noqa: B010


def tell_own_outcomes() -> None:
    """Break that the log is what is told."""
    fan_out = Follower.fan_out

    async def fan_out_at_once(follower: Any, events: Sequence[Event], *, since: float) -> None:  # noqa: ANN401
        follower._subscribers.head = events[0].seq - 1
        await fan_out(follower, events, since=since)

    setattr(Follower, "fan_out", fan_out_at_once)  # noqa: B010


def forget_batches() -> None:
    """Break that a commit in doubt is not failed."""
    setattr(Transactions, "_was_committed", lambda transactions: False)  # noqa: B010


FAULTY: dict[str, Callable[[], None]] = {
    "lost-hints": lose_hints,
    "own-outcomes": tell_own_outcomes,
    "no-marker": forget_batches,
}

if __name__ == "__main__":
    FAULTY[sys.argv.pop(1)]()
    traced_server.main()
