"""Two nodes over one store, in one process: each a whole server without listeners, and hints and messages between them
that a test can lose, delay, double or falsify."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import attrs
import trio

from tests.support.core import open_core
from tests.support.memory_store import MemoryDisk, MemoryStore
from trio_chat.kinds.table import CHANGE_ACCESS
from trio_chat.model.events import Event
from trio_chat.store.hints import Bell, Hint
from trio_chat.store.node_messages import Told, decode_message, encode_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence
    from contextlib import AbstractAsyncContextManager

    from tests.support.core import Core
    from trio_chat.kinds.standing import Mode
    from trio_chat.model.events import Draft, Position
    from trio_chat.model.outcomes import Outcome
    from trio_chat.model.records import Profile, ReadMarker
    from trio_chat.store.contract.statistics import NodeStatistics, StoreStatistics
    from trio_chat.store.node_messages import NodeMessage


class SharedStore(MemoryStore):
    """A store that rings for what it has committed, as it does for other nodes where there are any; each node has it
    in its own way (`as_node`)."""

    def __init__(self, disk: MemoryDisk) -> None:
        super().__init__(disk)
        self.deliver: Callable[[Hint], object] = self.bell.ring
        """What becomes of a hint: a test may put something else in place of this."""
        self.brings_events = False
        """Whether hints bring events as well."""
        self.deliver_message: Callable[[Told], object] = self.ring_nodes
        """What becomes of a message."""
        self.live: dict[str, NodeStore] = {}
        """The nodes, by their ids, that have not died."""
        self.changed: dict[str, None] = {}
        """Whose profiles were changed."""
        self.nodes: NodeStatistics | None = None
        self.chores: dict[str, str] = {}
        """Which node has which chore."""
        self.on_gone = lambda: [node.on_gone() for node in self.live.values()]

    def as_node(self) -> MemoryStore:
        """The same store for one more node."""
        node = NodeStore(self)
        self.live[node.node] = node
        return cast("MemoryStore", node)

    def ring_nodes(self, told: Told) -> None:
        """Deliver a message, unless its node has died."""
        for node in () if told.node not in self.live else self.live.values():
            if node.node != told.node:
                node.node_bell.ring(told)

    def statistics(self) -> StoreStatistics:
        """See `Store`."""
        return attrs.evolve(super().statistics(), nodes=self.nodes)

    async def append(self, room: str, drafts: Sequence[Draft], *, at_ms: int) -> list[Outcome]:
        """See `Store`."""
        outcomes = await super().append(room, drafts, at_ms=at_ms)
        written = tuple(one for one in outcomes if isinstance(one, Event))
        if written:
            is_told = self.brings_events and not any(event.kind in CHANGE_ACCESS for event in written)
            self.deliver(Hint(room, written[-1].seq, written if is_told else ()))
        return outcomes

    async def begin_epoch(self, room: str, *, replacing: str | None = None) -> Position:
        """See `Store`."""
        position = await super().begin_epoch(room, replacing=replacing)
        self.deliver(Hint(room))
        return position

    def lose_last(self, room: str) -> None:
        """Lose the newest event of the room, by which somebody became a member, as after a failover."""
        newest = """
            (room_id, seq) IN (
                SELECT room_id, max(seq) FROM events WHERE room_id = (SELECT id FROM rooms WHERE name = ?)
            )
        """
        for table in ("members", "events"):
            self.disk.connection.execute(f"DELETE FROM {table} WHERE {newest}", (room,))

    def lose_hints(self) -> None:
        """Deliver no hint from now on."""
        self.deliver = lambda hint: None

    def keep_hints(self) -> list[Hint]:
        """Deliver no hint from now on, but give the list of them."""
        kept: list[Hint] = []
        self.deliver = kept.append
        return kept

    def lose_messages(self) -> None:
        """Deliver no message between nodes from now on."""
        self.deliver_message = lambda told: None

    def die(self, core: Core) -> None:
        """Let a node be dead without a word, for the others: it is not heard of any more, and its lease is over."""
        del self.live[core.store.node]


class NodeStore:
    """A shared store as one node has it: with an id, and told by others. Anything else is the shared one's."""

    has_nodes = True

    def __init__(self, shared: SharedStore) -> None:
        self._shared = shared
        self.node = secrets.token_urlsafe(9)
        self.node_bell = Bell[Told]()
        self.on_gone: Callable[[], object] = lambda: None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._shared, name)

    @property
    def default_mode(self) -> Mode:
        """See `Store`."""
        return self._shared.default_mode

    @default_mode.setter
    def default_mode(self, mode: Mode) -> None:
        self._shared.default_mode = mode

    async def live_nodes(self) -> frozenset[str]:
        """See `Store`."""
        return frozenset(self._shared.live)

    async def set_profile(self, person_id: str, **changes: Any) -> Profile:  # noqa: ANN401
        """See `Store`."""
        self._shared.changed[person_id] = None
        return await self._shared.set_profile(person_id, **changes)

    async def changed_profiles(self, *, within_s: int, limit: int) -> list[Profile]:
        """See `Store`. No clock is asked here: the latest of all that were ever changed."""
        assert within_s < limit
        return await self._shared.people(list(self._shared.changed)[-limit:])

    async def moved_read_markers(
        self, rooms: Collection[str], *, within_s: int, limit: int
    ) -> list[ReadMarker]:
        """See `Store`. All that there are."""
        assert within_s < limit
        return [marker for room in rooms for marker in await self._shared.read_markers(room)]

    async def take_chore(self, chore: str) -> bool:
        """See `Store`."""
        await trio.lowlevel.checkpoint()
        if self._shared.chores.get(chore) not in self._shared.live:
            self._shared.chores[chore] = self.node
        return self._shared.chores[chore] == self.node

    def tell_nodes(self, message: NodeMessage) -> None:
        """See `Store`. As over a line: what cannot be read on the other side is not heard."""
        heard = decode_message(encode_message(message))
        assert heard == message
        self._shared.deliver_message(Told(self.node, message))

    def node_messages(self) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[Told]]:
        """See `Store`."""
        return self.node_bell.listen()


@asynccontextmanager
async def open_nodes(*, max_open_rooms: int = 1000) -> AsyncIterator[tuple[SharedStore, Core, Core]]:
    """Run two servers over one store: the store, and the two."""
    store = SharedStore(MemoryDisk())
    async with (
        store.running(close_timeout_s=10),
        open_core(store=store.as_node(), max_open_rooms=max_open_rooms) as one,
        open_core(store=store.as_node(), max_open_rooms=max_open_rooms) as two,
    ):
        yield store, one, two
