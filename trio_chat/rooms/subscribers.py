"""The subscriptions of one room: live ones, ones that are catching up, and the change between the two.

A subscription is live or catching up, never lost. Live: everything up to the head was posted to it. Catching up: it has
a cursor, and its connection's speaker reads pages from the log for it. The change has no checkpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.kinds.messages import DELETE, Delete
from trio_chat.kinds.reports import RESOLVE, Resolve
from trio_chat.kinds.table import read_body
from trio_chat.rooms.recent_events import CachedEvent, RecentEvents, is_text_of, redacted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Self

    from trio_chat.model.events import Event
    from trio_chat.model.proofs import Prover
    from trio_chat.net.outbox import Outbox
    from trio_chat.rooms.encoding import Encoding
    from trio_chat.rooms.room import Room
    from trio_chat.rooms.room_log import RoomLog

PAGE_BYTES = 64 * 1024
"""Bytes read from the log at a time for a subscription that is catching up."""

PAGE_EVENTS = 500
"""Max events read at a time: as many ordinary chat lines fill `PAGE_BYTES`."""

RECENT_EVENTS = 2048
"""Events kept in memory: ten seconds of a very busy room (200 a second), some 3 MiB."""

OLD_EVENTS = 64
"""Events kept that are more than a minute old: more than the latest page, which everybody who joins gets.

An event takes 1.4 KiB with its frames. Without this bound memory grew by 100 MiB in a quarter of an hour in which a
hundred rooms were created."""

FAN_OUT_STEP = 1000
"""A checkpoint follows so many posts: some 8 ms of system calls."""


class NotDense(Exception):
    """The log has lost events, or numbers were given twice: what comes next is not directly behind the head.

    It ends the room's connections; whoever comes back with a proof of what was lost begins a new epoch.
    """


@attrs.define(eq=False)
class Subscription:
    """A connection's outbox, the send end of its memory channel, registered in a room.

    It ends with its ``with`` block, or with `leave`.
    """

    room: Room
    outbox: Outbox
    encoding: Encoding
    person: str | None
    """The connection's person; None for a plain client, which has no identity."""
    cursor: int
    """The last number that was posted; only kept while it is catching up."""
    is_live: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.leave()

    @property
    def is_registered(self) -> bool:
        """Whether it has not ended."""
        return self in self.room.subscribers

    def leave(self) -> None:
        """End the subscription: no event is posted from here on. Sync and idempotent: safe in any ``finally``."""
        self.room.subscribers.remove(self)
        if not len(self.room.subscribers):
            self.room.on_idle(self.room)
        self.outbox.discard_laggard(self)

    async def read_page(self) -> bytes:
        """The next frames after the cursor, which moves past them. Raises `StoreError`."""
        await self.room.freshen()
        before = self.cursor
        frames, after = await self.room.subscribers.read_page(before, self.encoding)
        if self.cursor != before:  # meanwhile the log went back
            return b""
        self.cursor = after
        return frames

    def try_go_live(self) -> bool:
        """Go live if the cursor is at the head."""
        return self.room.subscribers.promote(self)


class Subscribers:
    """The subscriptions of one room, and the head up to which events were fanned out. Everything except `read_page` and
    `fan_out` is sync, so that no event is missed or posted twice."""

    def __init__(self, room: str, head: int, log: RoomLog, prover: Prover) -> None:
        self.head = head
        self._prover = prover
        self._room = room
        self._log = log
        self._all: set[Subscription] = set()
        # Live ones by encoding, in the order in which they joined. Dictionaries, so that leaving is cheap.
        self._live: dict[Encoding, dict[Subscription, None]] = {}
        self._recent = RecentEvents(max_events=RECENT_EVENTS)
        # Of each page that is being read: the messages that were deleted meanwhile.
        self._deleted_meanwhile: list[set[int]] = []
        self.deliveries = self.fell_behind = 0
        self.n_subscribed = 0
        """How many subscriptions were ever registered."""

    def prove_by(self, prover: Prover) -> None:
        """A new epoch has begun: events are told with its proofs from now on."""
        self._prover = prover
        self._recent.prove_by(prover)

    def go_back(self, head: int) -> None:
        """The log lost events, and ends here now: others follow under numbers that were fanned out already."""
        self.head = head
        self._recent = RecentEvents(max_events=RECENT_EVENTS)
        for subscription in self._all:
            subscription.cursor = min(subscription.cursor, head)

    def age(self) -> None:
        """Drop most of the recent events that are more than a minute old; called once a minute."""
        self._recent.age(keep=OLD_EVENTS)

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, subscription: object) -> bool:
        return subscription in self._all

    def __iter__(self) -> Iterator[Subscription]:
        return iter(list(self._all))

    @property
    def n_live(self) -> int:
        """The number of live subscriptions."""
        return sum(map(len, self._live.values()))

    def add(self, subscription: Subscription) -> None:
        """Register a subscription: all events after its cursor will be posted to it."""
        self._all.add(subscription)
        self.n_subscribed += 1
        if not self.promote(subscription):
            subscription.outbox.add_laggard(subscription)

    def promote(self, subscription: Subscription) -> bool:
        """Make a subscription live if its cursor is at the head; False if it must catch up. True if it has ended."""
        if subscription not in self._all:
            return True
        if subscription.cursor != self.head:
            return False
        subscription.is_live = True
        self._live.setdefault(subscription.encoding, {})[subscription] = None
        return True

    def remove(self, subscription: Subscription) -> None:
        """Remove a subscription. Idempotent."""
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
        """The frames of the events directly after number ``after``, and the number of the last of them."""
        page = self._recent.page_after(after, max_bytes=PAGE_BYTES, encoding=encoding)
        if page is not None:
            await trio.lowlevel.checkpoint()
            return page
        deleted: set[int] = set()
        self._deleted_meanwhile.append(deleted)
        try:
            read = await self._log.read_after(after, limit=PAGE_EVENTS, max_bytes=PAGE_BYTES)
        finally:
            self._deleted_meanwhile = [other for other in self._deleted_meanwhile if other is not deleted]
        # Events that are in the log but not fanned out yet are left to the fan-out, or they would be posted twice.
        events = [
            redacted(event) if any(is_text_of(event, target) for target in deleted) else event
            for event in read
            if event.seq <= self.head
        ]
        frames = b"".join([encoding.event(event, self._prover) for event in events])
        return frames, events[-1].seq if events else after

    async def fan_out(self, events: Sequence[Event]) -> None:
        """Post the next events of the log to every live subscription, and move the head.

        Raises `NotDense`, and then nothing was posted, if they are not those directly behind the head.
        """
        if events[0].seq != self.head + 1 or events[-1].seq != self.head + len(events):
            numbers = f"{events[0].seq} to {events[-1].seq}"
            raise NotDense(
                f"{len(events)} events of the room {self._room}, {numbers}, came behind {self.head}"
            )
        cached = [CachedEvent(event, self._prover) for event in events]
        before = self.head
        # A subscription that is not live at this moment will read these events as pages: the head includes them.
        listeners = [(encoding, list(live)) for encoding, live in self._live.items()]
        self._recent.extend(cached)
        self._redact(events)
        self.head = events[-1].seq
        posted = 0
        for encoding, subscriptions in listeners:
            frames = b"".join([event.frames(encoding) for event in cached])
            for subscription in subscriptions:
                # Since the list was made there may have been a checkpoint: this subscription may have ended.
                if subscription.is_live and frames and not subscription.outbox.post(frames):
                    self._fall_behind(subscription, before)
                posted += 1
                if posted % FAN_OUT_STEP == 0:
                    await trio.lowlevel.cancel_shielded_checkpoint()
        self.deliveries += posted * len(cached)

    def _redact(self, events: Iterable[Event]) -> None:
        """Drop the texts that these events delete from the recent events, and from the pages that are being read, so
        that catching up does not post them."""
        for event in events:
            if event.kind in (DELETE, RESOLVE) and event.body is not None:
                match read_body(event.kind, event.body):
                    case Delete(target=target) | Resolve(target=target, state="done"):
                        self._recent.redact(target)
                        for deleted in self._deleted_meanwhile:
                            deleted.add(target)

    def _fall_behind(self, subscription: Subscription, cursor: int) -> None:
        self.fell_behind += 1
        self._demote(subscription)
        subscription.cursor = cursor
        subscription.outbox.add_laggard(subscription)
