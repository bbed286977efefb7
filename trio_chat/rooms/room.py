"""A room: an inbox, a broadcaster task, and the subscriptions that it fans its log out to.

The way of a message: a connection handler puts a `Submission` into the inbox, which is the only place where it waits.
The broadcaster (`broadcaster`) logs it, and posts the log to every subscription (`subscribers`). Nothing flows back.

Others may write to the same log (`Store.hints`). So what a client says of numbers and epochs is not judged by what this
room has fanned out, before it has looked at the log (`Room.catch_up`).
"""

from __future__ import annotations

import logging
import math
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.errors import LOG_REPLACED, StoreUnavailable
from trio_chat.kinds.facts import PUBLIC
from trio_chat.kinds.standing import BAN
from trio_chat.kinds.table import read_body
from trio_chat.model.events import Event, Position
from trio_chat.model.proofs import Prover
from trio_chat.rooms.access import RoomAccess
from trio_chat.rooms.broadcaster import Broadcaster, BroadcastStatistics
from trio_chat.rooms.fresh import FRESH_S, SharedLooks
from trio_chat.rooms.inbox import Inbox
from trio_chat.rooms.room_log import RoomLog
from trio_chat.rooms.subscribers import Subscribers, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from trio_chat.errors import Close
    from trio_chat.kinds.forms import Body
    from trio_chat.model.records import RoomState
    from trio_chat.net.outbox import Outbox
    from trio_chat.rooms.cursors import Cursor
    from trio_chat.rooms.encoding import Encoding
    from trio_chat.rooms.inbox import InboxItem
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

CATCH_UP_S = 10.0
"""How long one waits at most until a room has fanned out what its log had at the beginning."""


@attrs.frozen
class RoomStatistics:
    """Counters of a room since it was opened."""

    subscriptions: int
    live_subscriptions: int
    head: int
    deliveries: int
    fell_behind: int
    claims_ahead: int
    """How often a client claimed to have seen more than there is, proven or not: the log lost events, or it lies."""
    broadcast: BroadcastStatistics


class Room:
    """One open room. It is dormant, without an inbox and a broadcaster, until the first submission or hint.

    ``on_wake`` is called with the room before its first submission; it may raise `Refused`. ``on_start`` is called when
    it needs its broadcaster, and starts `broadcast` in a task (which ends when the inbox is closed). ``on_begun`` is
    called when its first event was fanned out, which somebody else had written. ``on_members`` is called with the room
    and the ids of those who became members, are no longer members, or are (no longer) asked to, when that was logged
    and fanned out; ``on_access`` before it, with the event, its body, and whether it was written at this node.
    """

    def __init__(
        self,
        name: str,
        state: RoomState,
        store: Store,
        *,
        proof_key: bytes,
        inbox_messages: int,
        pause_max_s: float,
        now_ms: Callable[[], int],
        looked_at: float = -math.inf,
        on_start: Callable[[Room], object],
        on_wake: Callable[[Room], object] = lambda room: None,
        on_begun: Callable[[Room], object] = lambda room: None,
        on_idle: Callable[[Room], object] = lambda room: None,
        on_members: Callable[[Room, frozenset[str]], object] = lambda room, members: None,
        on_access: Callable[[Event, Body, bool], object] = lambda event, body, is_own: None,
    ) -> None:
        self.name = name
        self.epoch = state.position.epoch
        self.access = RoomAccess(name, state, now_ms=now_ms)
        self._proof_key = proof_key
        self.prover = Prover(proof_key, name, self.epoch)
        self._log = RoomLog(name, store, on_position=self._heed, have_looked=self._have_looked)
        self.subscribers = Subscribers(name, state.position.seq, self._log, self.prover)
        self.looked_at = looked_at
        """A moment on trio's clock: what the log had then was fanned out."""
        self._looks = SharedLooks(self._look)
        self._store = store
        self._pause_max_s = pause_max_s
        self._now_ms = now_ms
        self._on_start = on_start
        self._on_begun = on_begun
        self.on_idle = on_idle
        self._on_members = on_members
        self._on_access = on_access
        self.inbox = Inbox(inbox_messages, on_open=self._start, on_wake=lambda: on_wake(self))
        self._broadcaster: Broadcaster | None = None
        self._claims_ahead = 0
        self._is_beginning_epoch = False

    @property
    def head(self) -> int:
        """The sequence number up to which the log was fanned out."""
        return self.subscribers.head

    @property
    def position(self) -> Position:
        """The head and the epoch."""
        return Position(self.head, self.epoch)

    @property
    def kind(self) -> str:
        """What kind of room it is."""
        return self.access.kind

    @property
    def members(self) -> frozenset[str]:
        """Ids of the members, connected or not. (Members of a public room are those who have it in their list.)"""
        return self.access.members

    def may_hear(self, person: str | None) -> bool:
        """Whether this person (None: a plain client) may hear the room."""
        return self.access.may_hear(person)

    @property
    def is_empty(self) -> bool:
        """Whether the log is empty, and no submission was ever made."""
        return self.head == 0 and not self.inbox.was_used

    @property
    def is_idle(self) -> bool:
        """Whether there is no subscription, and no submission under way."""
        return not len(self.subscribers) and (self._broadcaster is None or self._broadcaster.is_waiting)

    def _apply_access_change(self, event: Event, is_own: bool) -> None:
        """Apply a logged change of access; end the subscriptions of those who may no longer hear the room."""
        if event.body is None:
            return
        access = self.access
        body = read_body(event.kind, event.body)
        changed = access.apply(event, body)
        if access.kind != PUBLIC or event.kind == BAN:
            for subscription in self.subscribers:
                if not access.may_hear(subscription.person):
                    subscription.leave()
        self._on_access(event, body, is_own)
        self._on_members(self, changed)

    # -- subscribing --

    def must_begin_epoch(self, cursor: Cursor) -> bool:
        """Whether a new epoch must begin because of what this client claims to have seen.

        It must if that is beyond the head, and the client has the proof of it: the log lost events that had been
        fanned out, and other clients may hold them as well, so their numbers must not be used again
        (`begin_epoch`). Without the proof it is a lie, as far as anybody can tell, and the client gets a reset alone.
        (So does one with a cursor of an earlier epoch.) To be asked only after `catch_up`: most often another node has
        told the client more than this one has heard of yet.
        """
        after = cursor.after
        if after is None or cursor.epoch != self.epoch or after <= self.head:
            return False
        self._claims_ahead += 1
        if self.prover.is_proven(after, cursor.proof):
            return not self._is_beginning_epoch
        LOGGER.debug(
            "a client claims number %d of room %s without its proof: a reset for it", after, self.name
        )
        return False

    async def begin_epoch(self, *, seen: int | None) -> None:
        """Begin a new epoch, durably, since a client has ``seen`` more than there is; unless another node has just
        done so. Numbers go on from the head.

        Connections with cursors are ended (4002), to come back and start afresh; plain ones know no numbers.
        Raises `StoreUnavailable`, and then nothing has changed.
        """
        LOGGER.error(
            "THE LOG LOST EVENTS: somebody has seen number %s of the room %s, which ends at %d, and has the proof. A "
            "new epoch of the room begins, and everybody in it starts afresh. Check the disk; a backup may have more",
            seen,
            self.name,
            self.head,
        )
        self._is_beginning_epoch = True
        try:
            position = await self._store.begin_epoch(self.name, replacing=self.epoch)
        finally:
            self._is_beginning_epoch = False
        # No checkpoint from here on, so that nobody joins in between.
        if position.epoch != self.epoch:  # else the follower has found it first
            self._adopt(position.epoch)

    def _adopt(self, epoch: str) -> None:
        """Go on in this epoch, and end the connections with cursors of the one before. Sync."""
        self.epoch = epoch
        self.prover = Prover(self._proof_key, self.name, self.epoch)
        self.subscribers.prove_by(self.prover)
        for subscription in self.subscribers:
            if subscription.encoding.has_cursors:
                subscription.outbox.end(LOG_REPLACED)
                subscription.leave()

    async def _heed(self, position: Position) -> None:
        """Take note of where the log is, while nothing is being appended here. Raises `StoreError`."""
        if position.epoch == self.epoch:
            return
        # Where events were lost, so was what followed from them.
        state = await self._store.state(self.name)
        LOGGER.warning(
            "the room %s has a new epoch, begun elsewhere: everybody in it starts afresh", self.name
        )
        before = self.access
        self.access = RoomAccess(self.name, state, now_ms=self._now_ms)
        # Also if others have written as much since: it is something else, and nothing that is kept is told again.
        self.subscribers.go_back(min(self.head, state.position.seq))
        self._adopt(state.position.epoch)
        self._on_members(self, (before.members ^ self.access.members) | (before.asked ^ self.access.asked))

    async def read_before(self, before: int, *, limit: int, max_bytes: int) -> list[Event]:
        """Events before number ``before``, as far as they were fanned out, oldest first. Raises `StoreError`."""
        before = min(before, self.head + 1)
        return await self._log.read_before(before, limit=limit, max_bytes=max_bytes)

    async def read_after(self, after: int, *, limit: int, max_bytes: int) -> list[Event]:
        """Events after number ``after``, as far as they were fanned out, oldest first. Raises `StoreError`."""
        events = await self._log.read_after(after, limit=limit, max_bytes=max_bytes)
        return [event for event in events if event.seq <= self.head]

    def subscribe(
        self, outbox: Outbox, encoding: Encoding, *, person: str | None = None, after: int | None = None
    ) -> Subscription:
        """Register an outbox: all events after number ``after`` (by default: new ones) will be posted to it.

        Gateways use `RoomRegistry.subscribe`, which also checks permission and cursor.
        """
        subscription = Subscription(self, outbox, encoding, person, self.head if after is None else after)
        self.subscribers.add(subscription)
        return subscription

    # -- following the log --

    def hint(self, seq: int | None = None, events: Sequence[Event] = ()) -> None:
        """Look at the log soon: it may have come to this number, by these events, or (None) anything may have happened
        to it. Sync."""
        if self.inbox.is_closed or (seq is not None and seq <= self.head):
            return
        self.inbox.open()
        assert self._broadcaster is not None
        if self._broadcaster.hint(seq, events):
            self.inbox.nudge()

    def heed(self, position: Position) -> None:
        """Look at the log soon, if it is somewhere else than this room. Sync."""
        if position.epoch != self.epoch:
            self.hint()
        else:
            self.hint(position.seq)

    async def catch_up(self, seq: int | None = None) -> None:
        """Have everything fanned out that the log has now, and be in its epoch; only if the log has number ``seq``,
        which one would like to judge, and that is beyond the head. No checkpoint if it is not.

        Raises `StoreError`, also when that takes too long. A room that is closed meanwhile has no more to say.
        """
        if seq is None or seq > self.head:
            await self._looks.look()

    async def freshen(self) -> None:
        """Catch up if the room's last look at its log was long ago, and others may have deleted since then what is told
        from memory. Raises what `catch_up` raises."""
        if self._store.has_nodes and trio.current_time() - self.looked_at > FRESH_S:
            await self.catch_up()

    async def _look(self) -> None:
        before, asked_at = self.epoch, trio.current_time()
        position = (await self._store.positions([self.name]))[self.name]
        await self.reach(position, before, asked_at=asked_at)

    async def reach(self, position: Position, before: str, *, asked_at: float) -> None:
        """Have everything fanned out up to a position of the log, which was asked for at that moment of trio's clock,
        when the room was in the epoch ``before``. Raises what `catch_up` raises."""
        if not self._is_there(position, before):
            with self._while_it_looks():
                self.heed(position)
                await self.inbox.flush()
            if not (self.inbox.is_closed or self._is_there(position, before)):
                raise StoreUnavailable("The room is behind its log.")
        self.looked_at = max(self.looked_at, asked_at)

    async def _have_looked(self) -> None:
        """Have the broadcaster look at the log, if it can be looked at in time."""
        with self._while_it_looks():
            self.hint()
            await self.inbox.flush()

    @contextmanager
    def _while_it_looks(self) -> Iterator[None]:
        """The block, for so long as one waits for the broadcaster; and none if the room is closed."""
        with (
            trio.move_on_after(CATCH_UP_S),
            suppress(trio.ClosedResourceError, trio.BrokenResourceError),
        ):
            yield

    def _is_there(self, position: Position, before: str) -> bool:
        """Whether the room is where its log was, or in a later epoch than the one ``before``."""
        if self.epoch == position.epoch:
            return self.head >= position.seq
        return self.epoch != before

    # -- the broadcaster --

    def _start(self, inbox: trio.MemoryReceiveChannel[InboxItem]) -> None:
        self._broadcaster = Broadcaster(
            self.name,
            inbox,
            self.subscribers,
            self._store,
            self._log,
            pause_max_s=self._pause_max_s,
            now_ms=self._now_ms,
            on_access_changed=self._apply_access_change,
            on_begun=lambda: self._on_begun(self),
        )
        self._on_start(self)

    def disconnect_all(self, close: Close) -> None:
        """End the connections of all subscriptions."""
        for subscription in self.subscribers:
            subscription.outbox.end(close)

    async def broadcast(self) -> None:
        """Log and fan out submissions, until the inbox is closed: the room's task."""
        assert self._broadcaster is not None
        try:
            await self._broadcaster.run()
        finally:
            self.inbox.is_closed = True

    def statistics(self) -> RoomStatistics:
        """The counters so far; a copy."""
        return RoomStatistics(
            subscriptions=len(self.subscribers),
            live_subscriptions=self.subscribers.n_live,
            head=self.head,
            deliveries=self.subscribers.deliveries,
            fell_behind=self.subscribers.fell_behind,
            claims_ahead=self._claims_ahead,
            broadcast=BroadcastStatistics() if self._broadcaster is None else self._broadcaster.statistics(),
        )
