"""Two nodes over one store, in one process: each a whole server without listeners, and hints between them that a test
can lose, delay, double or falsify."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs

from tests.support.core import open_core
from tests.support.memory_store import MemoryDisk, MemoryStore
from trio_chat.model.events import Event
from trio_chat.store.hints import Hint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from tests.support.core import Core
    from trio_chat.model.events import Draft, Position
    from trio_chat.model.outcomes import Outcome
    from trio_chat.store.base import NodeStatistics, StoreStatistics


class SharedStore(MemoryStore):
    """A store that rings for what it has committed, as it does for other nodes where there are any."""

    def __init__(self, disk: MemoryDisk) -> None:
        super().__init__(disk)
        self.deliver: Callable[[Hint], object] = self.bell.ring
        """What becomes of a hint: a test may put something else in place of this."""
        self.nodes: NodeStatistics | None = None

    def statistics(self) -> StoreStatistics:
        """See `Store`."""
        return attrs.evolve(super().statistics(), nodes=self.nodes)

    async def append(self, room: str, drafts: Sequence[Draft], *, at_ms: int) -> list[Outcome]:
        """See `Store`."""
        outcomes = await super().append(room, drafts, at_ms=at_ms)
        last = max((one.seq for one in outcomes if isinstance(one, Event)), default=0)
        if last:
            self.deliver(Hint(room, last))
        return outcomes

    async def begin_epoch(self, room: str, *, replacing: str | None = None) -> Position:
        """See `Store`."""
        position = await super().begin_epoch(room, replacing=replacing)
        self.deliver(Hint(room))
        return position

    def lose_hints(self) -> None:
        """Deliver no hint from now on."""
        self.deliver = lambda hint: None

    def keep_hints(self) -> list[Hint]:
        """Deliver no hint from now on, but give the list of them."""
        kept: list[Hint] = []
        self.deliver = kept.append
        return kept


@asynccontextmanager
async def open_nodes(*, max_open_rooms: int = 1000) -> AsyncIterator[tuple[SharedStore, Core, Core]]:
    """Run two servers over one store: the store, and the two."""
    store = SharedStore(MemoryDisk())
    async with (
        store.running(close_timeout_s=10),
        open_core(store=store, max_open_rooms=max_open_rooms) as one,
        open_core(store=store, max_open_rooms=max_open_rooms) as two,
    ):
        yield store, one, two
