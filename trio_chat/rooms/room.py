"""A room: an inbox, a broadcaster task, and the subscriptions that it fans messages out to.

The way of a message: a connection handler puts a `Submission` into the inbox, and this is the only place where anybody
waits. The broadcaster (`broadcaster`) logs it and posts it to every subscription (`subscribers`). Nothing flows back.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.errors import LOG_REPLACED
from trio_chat.kinds import rules
from trio_chat.kinds.facts import DIRECT, PUBLIC
from trio_chat.kinds.rooms import Created, Membership
from trio_chat.kinds.table import read_body
from trio_chat.model.events import Draft, Event, Position
from trio_chat.rooms.broadcaster import Broadcaster, BroadcastStatistics
from trio_chat.rooms.submission import Submission, Waiter
from trio_chat.rooms.subscribers import Subscribers, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_chat.errors import Close
    from trio_chat.model.outcomes import Outcome
    from trio_chat.model.records import RoomState
    from trio_chat.net.outbox import Outbox
    from trio_chat.rooms.encoding import Encoding
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

EPOCH_PAUSE_S = 60.0
"""For how long a room's new epoch is safe from claims to have seen more than there is: a liar can make everybody in the
room load one page a minute."""


@attrs.frozen
class RoomStatistics:
    """What a room has done since it was opened."""

    subscriptions: int
    live_subscriptions: int
    head: int
    deliveries: int
    fell_behind: int
    claims_ahead: int
    """How often a client claimed to have seen more than there is: the log lost something, or they lie."""
    broadcast: BroadcastStatistics


class Room:
    """One open room. It is dormant, without an inbox and a broadcaster, until somebody writes to it.

    ``on_wake`` is called with the room when it needs its broadcaster: it starts `broadcast` in a task (which `close`
    ends), or raises `Refused`. ``on_members`` is called with the room and the ids of those who became members or are no
    longer members, when that is in the log and was fanned out.
    """

    def __init__(
        self,
        name: str,
        state: RoomState,
        store: Store,
        *,
        inbox_messages: int,
        pause_max_s: float,
        now_ms: Callable[[], int],
        on_wake: Callable[[Room], object],
        on_members: Callable[[Room, frozenset[str]], object] = lambda room, members: None,
    ) -> None:
        self.name = name
        self.epoch = state.position.epoch
        self.kind = state.kind
        self.owner = state.owner
        self.subscribers = Subscribers(name, state.position.seq, store)
        self._members = set(state.members)
        self._store = store
        self._inbox_messages = inbox_messages
        self._pause_max_s = pause_max_s
        self._now_ms = now_ms
        self._on_wake = on_wake
        self._on_members = on_members
        self._inbox: trio.MemorySendChannel[Submission | trio.Event] | None = None
        self._broadcaster: Broadcaster | None = None
        self._is_sealed = False
        self._claims_ahead = 0
        self._may_begin_epoch_at = -math.inf

    # -- who is in it --

    @property
    def head(self) -> int:
        """The number up to which the live subscriptions were told."""
        return self.subscribers.head

    @property
    def position(self) -> Position:
        """Where the log ends, as far as it was fanned out."""
        return Position(self.head, self.epoch)

    @property
    def members(self) -> frozenset[str]:
        """The ids of its members, connected or not. (Of a public room: of those who have it in their list.)"""
        return frozenset(self._members)

    def may_hear(self, person: str | None) -> bool:
        """Whether this person (None: a plain client) may be told what is said here."""
        return rules.may_hear(self.name, self.kind, person in self._members, person)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever written here, and nobody is about to."""
        return self.head == 0 and self._broadcaster is None

    @property
    def is_idle(self) -> bool:
        """Whether there is no subscription and nothing is on its way."""
        return not len(self.subscribers) and (self._broadcaster is None or self._broadcaster.is_waiting)

    def _apply_membership_change(self, event: Event) -> None:
        """Follow a logged change of the members; end the subscriptions of those who may not hear the room any more."""
        if event.body is None:
            return
        before = self.members
        match read_body(event.kind, event.body):
            case Created(kind=kind, members=members):
                self.kind = kind
                self.owner = None if kind == DIRECT else event.sender
                self._members.update(who.id for who in members)
            case Membership(person=person, on=True):
                self._members.add(person.id)
            case Membership(person=person):
                self._members.discard(person.id)
        if self.kind != PUBLIC:
            for subscription in self.subscribers:
                if not self.may_hear(subscription.person):
                    subscription.leave()
        self._on_members(self, before ^ self._members)

    # -- subscribing --

    def resume_point(
        self, after: int | None, epoch: str | None, *, page_size: int, max_gap: int
    ) -> tuple[int, bool]:
        """Where a client resumes that has seen everything up to ``after`` of ``epoch``, and whether that is a reset.

        A reset says that what it holds is of no use: it gets the latest page, never a part that claims to be all.
        """
        latest_page = max(0, self.head - page_size)
        if after is None:
            return latest_page, False
        if epoch == self.epoch and after <= self.head and (not max_gap or self.head - after <= max_gap):
            return after, False
        return latest_page, True

    def must_begin_epoch(self, after: int | None, epoch: str | None) -> bool:
        """Whether a new epoch must begin because a client claims to have seen everything up to ``after`` of ``epoch``.

        It must if that is more than there is: the log lost something that was told, and others may hold it too, so its
        numbers must not be used again (`begin_epoch`). But it may also be a lie, and in a new epoch everybody starts
        afresh: so for `EPOCH_PAUSE_S` after one began, claims are only counted. (Whoever holds something of the
        epoch before is told to start afresh in any case.)
        """
        if after is None or epoch != self.epoch or after <= self.head:
            return False
        self._claims_ahead += 1
        return trio.current_time() >= self._may_begin_epoch_at

    async def begin_epoch(self, *, seen: int | None) -> None:
        """Begin a new epoch, durably, because somebody has ``seen`` more than there is. Numbers go on from the head.

        Subscriptions with cursors are sent away, to come back and start afresh; plain ones know no numbers.
        Raises `StoreUnavailable`, and then nothing has changed.
        """
        LOGGER.error(
            "THE LOG LOST EVENTS: somebody has seen number %s of the room %s, which ends at %d. A new epoch of the "
            "room begins, and everybody in it starts afresh. If this comes with no damage to the disk, somebody lies",
            seen,
            self.name,
            self.head,
        )
        earlier = self._may_begin_epoch_at
        self._may_begin_epoch_at = trio.current_time() + EPOCH_PAUSE_S
        try:
            position = await self._store.begin_epoch(self.name)
        except BaseException:
            self._may_begin_epoch_at = earlier
            raise
        # No checkpoint from here on: nobody joins in between.
        self.epoch = position.epoch
        for subscription in self.subscribers:
            if subscription.encoding.has_cursors:
                subscription.outbox.end(LOG_REPLACED)
                subscription.leave()

    async def read_before(self, before: int, *, limit: int, max_bytes: int) -> list[Event]:
        """The events before number ``before`` that were fanned out already, oldest first."""
        before = min(before, self.head + 1)
        return await self._store.read_before(self.name, before, limit=limit, max_bytes=max_bytes)

    async def read_after(self, after: int, *, limit: int, max_bytes: int) -> list[Event]:
        """The events after number ``after`` that were fanned out already, oldest first."""
        events = await self._store.read_after(self.name, after, limit=limit, max_bytes=max_bytes)
        return [event for event in events if event.seq <= self.head]

    def subscribe(
        self, outbox: Outbox, encoding: Encoding, *, person: str | None = None, after: int | None = None
    ) -> Subscription:
        """Register an outbox, to be posted everything after number ``after`` (by default: from now on).

        `RoomRegistry.subscribe` does this for gateways, with all that has to come before it.
        """
        subscription = Subscription(self, outbox, encoding, person, self.head if after is None else after)
        self.subscribers.add(subscription)
        return subscription

    # -- the inbox --

    def try_submit(self, submission: Submission) -> bool:
        """Put a submission into the inbox unless it is full; False if the caller has to wait, with `submit`.

        Most of the time it is not, and a checkpoint for each message would cost a tenth of what a message costs. Raises
        `Refused` if the room is dormant and there is no place for one more that is written to.
        """
        if self._is_sealed:
            return False
        try:
            (self._inbox or self._wake()).send_nowait(submission)
        except trio.WouldBlock:
            return False
        return True

    async def submit(self, submission: Submission) -> None:
        """Put a submission into the inbox, waiting while that is full: back-pressure that slows a flood's own socket.

        When cancelled, it was not put there. Otherwise it will be settled. In a sealed room the caller waits until its
        connection is ended.
        """
        if self._is_sealed:
            await trio.sleep_forever()
        await (self._inbox or self._wake()).send(submission)

    async def write(self, draft: Draft) -> Outcome:
        """Have a draft logged and fanned out, and wait for its outcome.

        Raises `StoreError` if it could not be logged. When cancelled, it may be logged or not.
        """
        waiter = Waiter()
        await self.submit(Submission(draft, waiter))
        return await waiter.wait()

    def _wake(self) -> trio.MemorySendChannel[Submission | trio.Event]:
        self._on_wake(self)
        self._inbox, inbox = trio.open_memory_channel[Submission | trio.Event](self._inbox_messages)
        self._broadcaster = Broadcaster(
            self.name,
            inbox,
            self.subscribers,
            self._store,
            pause_max_s=self._pause_max_s,
            now_ms=self._now_ms,
            on_ends_batch=self._apply_membership_change,
        )
        return self._inbox

    def seal(self) -> None:
        """Take no more submissions."""
        self._is_sealed = True

    async def flush(self) -> None:
        """Wait until everything that is in the inbox now was logged, fanned out and settled."""
        if self._inbox is not None:
            done = trio.Event()
            await self._inbox.send(done)
            await done.wait()

    def send_away(self, close: Close) -> None:
        """End the connections of all subscriptions."""
        for subscription in self.subscribers:
            subscription.outbox.end(close)

    def close(self) -> None:
        """Take nothing more; the broadcaster ends when everything in the inbox is settled."""
        if self._inbox is not None:
            self._inbox.close()

    async def broadcast(self) -> None:
        """Log and fan out what comes in, until `close`: the room's task."""
        assert self._broadcaster is not None
        await self._broadcaster.run()

    def statistics(self) -> RoomStatistics:
        """What was done so far; a copy."""
        return RoomStatistics(
            subscriptions=len(self.subscribers),
            live_subscriptions=self.subscribers.n_live,
            head=self.head,
            deliveries=self.subscribers.deliveries,
            fell_behind=self.subscribers.fell_behind,
            claims_ahead=self._claims_ahead,
            broadcast=BroadcastStatistics()
            if self._broadcaster is None
            else attrs.evolve(self._broadcaster.statistics),
        )
