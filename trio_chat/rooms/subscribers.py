"""The subscriptions of one room: which are live, which are catching up, and how one becomes the other.

A subscription is live or catching up, never lost. Live: it has been posted everything up to the head. Catching up: it
has a cursor, and its connection's speaker reads it pages from the log. One becomes the other without a checkpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.kinds.messages import DELETE, Delete
from trio_chat.kinds.table import read_body
from trio_chat.rooms.recent_events import CachedEvent, RecentEvents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Self

    from trio_chat.model.events import Event
    from trio_chat.net.outbox import Outbox
    from trio_chat.rooms.encoding import Encoding
    from trio_chat.rooms.room import Room
    from trio_chat.store.base import Store

PAGE_BYTES = 64 * 1024
"""How much is read from the log at a time for a subscription that catches up."""

PAGE_EVENTS = 500
"""How many events are read at a time: as many as a page of ordinary chat lines holds."""

RECENT_EVENTS = 2048
"""How many events are kept in memory: ten seconds of a very busy room (200 a second), some 3 MiB."""

OLD_EVENTS = 64
"""How many of those that are a minute or two old: more than the latest page that everybody who joins gets.

An event takes 1.4 KiB with its frames. Without this memory grew by 100 MiB in a quarter of an hour in which a
hundred rooms came into being."""

FAN_OUT_STEP = 1000
"""After how many posts other tasks get their turn: some 8 ms of system calls."""


@attrs.define(eq=False)
class Subscription:
    """A connection's outbox, the send end of its memory channel, registered in a room.

    It ends with the ``with`` block, or with `leave`.
    """

    room: Room
    outbox: Outbox
    encoding: Encoding
    person: str | None
    """Whose connection it is; None for a plain one, which has no identity."""
    cursor: int
    """The last number it was told; only kept while it is catching up."""
    is_live: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.leave()

    @property
    def is_registered(self) -> bool:
        """Whether it has not left, and was not sent away."""
        return self in self.room.subscribers

    def leave(self) -> None:
        """End the subscription: nothing more is posted. Sync and idempotent: safe in any ``finally``."""
        self.room.subscribers.remove(self)
        self.outbox.discard_laggard(self)

    async def read_page(self) -> bytes:
        """The next frames after the cursor, which moves past them."""
        frames, self.cursor = await self.room.subscribers.read_page(self.cursor, self.encoding)
        return frames

    def try_go_live(self) -> bool:
        """Go live if the cursor is at the head."""
        return self.room.subscribers.promote(self)


class Subscribers:
    """The subscriptions of one room, and the head up to which they have been told. All but `read_page` and `fan_out` is
    sync, so that nothing is missed or told twice."""

    def __init__(self, room: str, head: int, store: Store) -> None:
        self.head = head
        self._room = room
        self._store = store
        self._all: set[Subscription] = set()
        # Live ones by encoding, in the order in which they joined: dictionaries, so that leaving is cheap.
        self._live: dict[Encoding, dict[Subscription, None]] = {}
        self._recent = RecentEvents(max_events=RECENT_EVENTS)
        self.deliveries = self.fell_behind = 0

    def age(self) -> None:
        """Keep few of the events that are a minute old in memory; called once a minute."""
        self._recent.age(keep=OLD_EVENTS)

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, subscription: object) -> bool:
        return subscription in self._all

    def __iter__(self) -> Iterator[Subscription]:
        return iter(list(self._all))

    @property
    def n_live(self) -> int:
        """How many subscriptions are live."""
        return sum(map(len, self._live.values()))

    def add(self, subscription: Subscription) -> None:
        """Register a subscription, which will be told everything after its cursor."""
        self._all.add(subscription)
        if not self.promote(subscription):
            subscription.outbox.add_laggard(subscription)

    def promote(self, subscription: Subscription) -> bool:
        """Make a subscription live if it has been told everything. (One that has left has nothing left to be told.)"""
        if subscription not in self._all:
            return True
        if subscription.cursor != self.head:
            return False
        subscription.is_live = True
        self._live.setdefault(subscription.encoding, {})[subscription] = None
        return True

    def remove(self, subscription: Subscription) -> None:
        """Forget a subscription. Idempotent."""
        self._all.discard(subscription)
        if subscription.is_live:
            self._demote(subscription)

    def _demote(self, subscription: Subscription) -> None:
        subscription.is_live = False
        live = self._live[subscription.encoding]
        del live[subscription]
        if not live:
            del self._live[subscription.encoding]

    async def read_page(self, after: int, encoding: Encoding) -> tuple[bytes, int]:
        """The frames directly after number ``after``, and the number of the last of them."""
        page = self._recent.page_after(after, max_bytes=PAGE_BYTES, encoding=encoding)
        if page is not None:
            await trio.lowlevel.checkpoint()
            return page
        events = await self._store.read_after(self._room, after, limit=PAGE_EVENTS, max_bytes=PAGE_BYTES)
        # What is in the log but was not fanned out yet is left to the fan-out, or it would be told twice.
        events = [event for event in events if event.seq <= self.head]
        return b"".join(map(encoding.event, events)), events[-1].seq if events else after

    async def fan_out(self, events: Sequence[Event]) -> None:
        """Post the next events of the log to every live subscription, and move the head."""
        cached = [CachedEvent(event) for event in events]
        before = self.head
        # What is not live at this moment will find these events in the log: they are at the head from here on.
        listeners = [(encoding, list(live)) for encoding, live in self._live.items()]
        self._recent.extend(cached)
        self._redact(events)
        self.head = events[-1].seq
        posted = 0
        for encoding, subscriptions in listeners:
            frames = b"".join([event.frames(encoding) for event in cached])
            for subscription in subscriptions:
                # Other tasks had their turn meanwhile: it may have left, and even joined again as another one.
                if subscription.is_live and frames and not subscription.outbox.post(frames):
                    self._fall_behind(subscription, before)
                posted += 1
                if posted % FAN_OUT_STEP == 0:
                    await trio.lowlevel.cancel_shielded_checkpoint()
        self.deliveries += posted * len(cached)

    def _redact(self, events: Iterable[Event]) -> None:
        """From now on nobody who catches up is told what these events delete."""
        for event in events:
            if event.kind == DELETE and event.body is not None:
                body = read_body(event.kind, event.body)
                assert isinstance(body, Delete)
                self._recent.redact(body.target)

    def _fall_behind(self, subscription: Subscription, cursor: int) -> None:
        self.fell_behind += 1
        self._demote(subscription)
        subscription.cursor = cursor
        subscription.outbox.add_laggard(subscription)
