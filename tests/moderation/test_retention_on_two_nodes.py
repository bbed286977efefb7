"""What one node does for all: messages expire once, and released names are told once; by another when it is gone."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

from tests.support.core import AT_MS, open_core
from tests.support.memory_store import MemoryDisk
from tests.support.nodes import SharedStore
from tests.support.v1 import ack
from trio_chat.kinds.messages import DELETE
from trio_chat.model.times import DAY_MS
from trio_chat.moderation.retention import WALK_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from trio.testing import MockClock

    from tests.support.core import Core
    from trio_chat.model.events import Draft
    from trio_chat.model.outcomes import Outcome
    from trio_chat.model.records import RoomRetention


class WatchedStore(SharedStore):
    """A shared store that counts what is done for retention."""

    def __init__(self, disk: MemoryDisk) -> None:
        super().__init__(disk)
        self.deleted: list[str] = []
        self.walks = 0

    async def append(self, room: str, drafts: Sequence[Draft], *, at_ms: int) -> list[Outcome]:
        """See `Store`."""
        self.deleted += [draft.body for draft in drafts if draft.kind == DELETE]
        return await super().append(room, drafts, at_ms=at_ms)

    async def retentions(self, *, after: str, limit: int) -> list[RoomRetention]:
        """See `Store`."""
        self.walks += not after
        return await super().retentions(after=after, limit=limit)


@attrs.define
class Nodes:
    """Two servers, which keep messages for 30 days, and their clock."""

    store: WatchedStore
    one: Core
    two: Core
    now_ms: int

    async def go_on(self, days: float) -> None:
        """So many days pass, and a walk."""
        self.now_ms += int(days * DAY_MS)
        await trio.sleep(WALK_S + 10)


@asynccontextmanager
async def open_nodes() -> AsyncIterator[Nodes]:
    store = WatchedStore(MemoryDisk())

    def now_ms() -> int:
        return nodes.now_ms if nodes is not None else AT_MS

    nodes: Nodes | None = None
    async with (
        store.running(close_timeout_s=10),
        open_core(store=store.as_node(), now_ms=now_ms, retention=30) as one,
        open_core(store=store.as_node(), now_ms=now_ms, retention=30) as two,
    ):
        nodes = Nodes(store, one, two, AT_MS)
        yield nodes


async def test_what_has_expired_is_deleted_by_one_node(autojump_clock: MockClock) -> None:
    async with open_nodes() as nodes:
        ada = await nodes.two.open_person("Ada")
        await ack(ada, "send", room="lobby", text="old")
        await trio.sleep(WALK_S)
        nodes.store.walks = 0
        await nodes.go_on(31)
        assert nodes.store.walks == 2, "by each node there would have been two"
        assert len(nodes.store.deleted) == 1


async def test_when_that_node_is_gone_another_does_it(autojump_clock: MockClock) -> None:
    async with open_nodes() as nodes:
        ada = await nodes.two.open_person("Ada")
        await ack(ada, "send", room="lobby", text="old")
        await trio.sleep(WALK_S)
        gone = nodes.store.chores["retention"]
        del nodes.store.live[gone]
        await nodes.go_on(31)
        assert len(nodes.store.deleted) == 1
        assert nodes.store.chores["retention"] != gone
