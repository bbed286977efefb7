"""The `Store` over PostgreSQL connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from trio_chat.model.events import Event
from trio_chat.store.contract.statistics import NodeStatistics
from trio_chat.store.postgresql import buckets, chores, leases, looks
from trio_chat.store.sql import blobs, name_claims
from trio_chat.store.sql.store import SqlStore, reads, writes_always

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trio_chat.model.events import Draft, Position
    from trio_chat.model.outcomes import Outcome
    from trio_chat.store.base import Store
    from trio_chat.store.contract.statistics import StoreStatistics
    from trio_chat.store.node_messages import NodeMessage
    from trio_chat.store.postgresql.clock import DatabaseClock
    from trio_chat.store.postgresql.watchdog import Patience


class PostgresqlStore(SqlStore):
    """`SqlStore` with what PostgreSQL does in its own way."""

    has_nodes = True

    ring: Callable[[str, int | None, Sequence[Event]], object] = staticmethod(lambda room, seq, events: None)
    """Tells other nodes what was committed: see `Ringer.note`."""
    tell: Callable[[NodeMessage], object] = staticmethod(lambda message: None)
    """Tells other nodes this: see `Ringer.tell`."""
    clock: DatabaseClock
    """Of the database."""
    patience: Patience
    """Of its connections."""
    node_statistics: Callable[[], NodeStatistics] = NodeStatistics

    def statistics(self) -> StoreStatistics:
        """See `Store`."""
        return attrs.evolve(super().statistics(), nodes=self.node_statistics())

    async def append(self, room: str, drafts: Sequence[Draft], *, at_ms: int) -> list[Outcome]:
        """See `Store`."""
        outcomes = await super().append(room, drafts, at_ms=at_ms)
        if written := [one for one in outcomes if isinstance(one, Event)]:
            self.ring(room, written[-1].seq, written)
        return outcomes

    async def begin_epoch(self, room: str, *, replacing: str | None = None) -> Position:
        """See `Store`."""
        position = await super().begin_epoch(room, replacing=replacing)
        self.ring(room, None, ())
        return position

    def tell_nodes(self, message: NodeMessage) -> None:
        """See `Store`."""
        self.tell(message)

    async def take_chore(self, chore: str) -> bool:
        """See `Store`."""
        return await self._take_chore(self.node, chore)

    def stop_waiting_at(self, moment: float) -> None:
        """See `Store`."""
        self.patience.end_at(moment)

    def now_ms(self) -> int:
        """See `Store`."""
        return self.clock.now_ms()

    charge = writes_always(buckets.charge)
    _take_chore = writes_always(chores.take_chore)
    live_nodes = reads(leases.live_nodes)
    changed_profiles = reads(looks.changed_profiles)
    moved_read_markers = reads(looks.moved_read_markers)
    claim_name = writes_always(name_claims.claim_name)
    keep_claims = writes_always(name_claims.keep_claims)
    name_blob = writes_always(blobs.name_blob)
    take_gone = writes_always(blobs.take_gone)
    give_gone_back = writes_always(blobs.give_gone_back)
    reusable_bytes = reads(lambda _connection: 0)
    """Nobody but PostgreSQL knows what is free in its files."""


if TYPE_CHECKING:
    _fulfils: type[Store] = PostgresqlStore
