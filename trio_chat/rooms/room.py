"""A room: an inbox, one broadcaster task, and the audience it fans out to.

The way of a message: a session puts a `Submission` into the inbox, and this is the only place where anybody waits. The
broadcaster takes what has gathered, appends it to the log durably, and posts the logged events to every live
member's outbox, the sender's too (`subscribers`). Nothing flows back up, and the broadcaster never waits for a member.
"""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.errors import LOG_REPLACED, StoreError
from trio_chat.kinds import bodies, rules
from trio_chat.model.events import Event, Position
from trio_chat.protocol.encoding import Format
from trio_chat.rooms.submission import Submission, answer, answer_failed
from trio_chat.rooms.subscribers import Subscribers, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_chat.errors import Close
    from trio_chat.model.records import RoomState
    from trio_chat.net.outbox import Outbox
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

BATCH_BYTES = 256 * 1024
"""How much text goes into one batch at most: what an outbox may be asked to hold on top of its bound."""

EPOCH_PAUSE_S = 60.0
"""For how long a room's new epoch is safe from claims to have seen more than there is: a liar can make everybody in the
room load one page a minute."""

CUTS = frozenset({bodies.CREATED, bodies.MEMBER})
"""Kinds that change who may hear the room: nothing stands behind one in the same batch, so that whoever it sends away
is told nothing that comes after it."""


@attrs.frozen
class RoomStatistics:
    """What a room has done since it was opened; times in seconds."""

    members: int
    live_members: int
    inbox: int
    head: int
    batches: int
    messages: int
    largest_batch: int
    deliveries: int
    fell_behind: int
    claims_ahead: int
    """How often somebody said to have seen more than there is: the log lost something, or they lie."""
    fan_out_s: float
    longest_fan_out_s: float


class Room:
    """One room that is in use. Its owner runs `broadcast` in a task, and ends it with `close`.

    ``on_members`` is called with the room and the ids of those who became members or are members no more, when that is
    in the log and was told.
    """

    def __init__(
        self,
        name: str,
        state: RoomState,
        store: Store,
        *,
        inbox_messages: int,
        pause_max_s: float,
        wall_clock: Callable[[], float],
        on_members: Callable[[Room, frozenset[str]], object] = lambda room, people: None,
    ) -> None:
        self.name = name
        self.epoch = state.position.epoch
        self.kind = state.kind
        self.owner = state.owner
        self.subscribers = Subscribers(name, state.position.seq, store)
        self._members = set(state.members)
        self._store = store
        self._pause_max_s = pause_max_s
        self._wall_clock = wall_clock
        self._on_members = on_members
        self._inbox_send, self._inbox_receive = trio.open_memory_channel[Submission | trio.Event](
            inbox_messages
        )
        self._is_sealed = False
        self._claims_ahead = 0
        self._may_begin_epoch_at = -math.inf
        self._batches = self._messages = self._largest_batch = 0
        self._fan_out_s = self._longest_fan_out_s = 0.0

    # -- members --

    @property
    def head(self) -> int:
        """The number up to which the members were told."""
        return self.subscribers.head

    @property
    def position(self) -> Position:
        """Where the log ends, as far as it was told to the members."""
        return Position(self.head, self.epoch)

    @property
    def members(self) -> frozenset[str]:
        """The ids of its members, here or not. (Of a public room: of those who have it in their list.)"""
        return frozenset(self._members)

    def may_hear(self, person: str | None) -> bool:
        """Whether this person (None: a plain client) may be told what is said here."""
        return rules.may_hear(self.name, self.kind, person in self._members, person)

    @property
    def is_empty(self) -> bool:
        """Whether nobody is here and nothing is on its way: the broadcaster waits at the inbox."""
        return not len(self.subscribers) and self._inbox_receive.statistics().tasks_waiting_receive > 0

    def resume_point(
        self, after: int | None, epoch: str | None, *, page_size: int, max_gap: int
    ) -> tuple[int, bool]:
        """Where somebody who has seen everything up to ``after`` of ``epoch`` goes on, and whether that is a reset.

        A reset says that what they hold is of no use: they get the latest page, never a part that claims to be all.
        """
        latest_page = max(0, self.head - page_size)
        if after is None:
            return latest_page, False
        if epoch == self.epoch and after <= self.head and (not max_gap or self.head - after <= max_gap):
            return after, False
        return latest_page, True

    def must_begin_epoch(self, after: int | None, epoch: str | None) -> bool:
        """Whether a new epoch must begin because somebody has seen everything up to ``after`` of ``epoch``.

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

        Members that hold numbers of the old one are sent away, to come back and start afresh; plain ones hold none.
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
        for member in self.subscribers:
            if member.form is Format.V1:
                member.outbox.end(LOG_REPLACED)
                member.leave()

    async def read_before(self, before: int, *, limit: int, max_bytes: int) -> list[Event]:
        """The events before number ``before`` that members were told already, oldest first."""
        before = min(before, self.head + 1)
        return await self._store.read_before(self.name, before, limit=limit, max_bytes=max_bytes)

    async def read_after(self, after: int, *, limit: int, max_bytes: int) -> list[Event]:
        """The events after number ``after`` that members were told already, oldest first."""
        events = await self._store.read_after(self.name, after, limit=limit, max_bytes=max_bytes)
        return [event for event in events if event.seq <= self.head]

    def join(
        self, outbox: Outbox, form: Format, *, person: str | None = None, after: int | None = None
    ) -> Subscription:
        """Take somebody in who is to be told everything after number ``after`` (by default: from now on)."""
        return self.subscribers.join(outbox, form, person=person, after=after)

    # -- the inbox --

    def try_submit(self, submission: Submission) -> bool:
        """Put a submission into the inbox if there is room; False if one has to wait for it, with `submit`.

        Most of the time there is, and a checkpoint for each message would cost a tenth of what a message costs.
        """
        if self._is_sealed:
            return False
        try:
            self._inbox_send.send_nowait(submission)
        except trio.WouldBlock:
            return False
        return True

    async def submit(self, submission: Submission) -> None:
        """Put a submission into the inbox, waiting for room: how a flood is slowed by its own socket.

        When cancelled, it was not put there. Otherwise it will be logged, or its member told why not. In a sealed room
        one waits until one's connection is ended.
        """
        if self._is_sealed:
            await trio.sleep_forever()
        await self._inbox_send.send(submission)

    def seal(self) -> None:
        """Take no more submissions."""
        self._is_sealed = True

    async def flush(self) -> None:
        """Wait until everything that is in the inbox now was logged and fanned out."""
        done = trio.Event()
        await self._inbox_send.send(done)
        await done.wait()

    def send_away(self, close: Close) -> None:
        """End the connections of everybody who is here."""
        for member in self.subscribers:
            member.outbox.end(close)

    def close(self) -> None:
        """Take nothing more; the broadcaster ends when everything that is in the inbox has its outcome."""
        self._inbox_send.close()

    # -- the broadcaster --

    async def broadcast(self) -> None:
        """Log and fan out what comes in, until `close`."""
        with self._inbox_receive:
            while True:
                try:
                    first = await self._inbox_receive.receive()
                except trio.EndOfChannel:
                    return
                batch, flushed = self._gather(first)
                spent_s = await self._handle(batch) if batch else 0.0
                for event in flushed:
                    event.set()
                # Batch as the work allows: after a fan-out of t seconds rest about t, so that a busy room needs half as
                # many system calls each time its load doubles (this alone was worth a factor of five). An idle room
                # is not delayed at all: nobody is waiting behind its message.
                await trio.sleep(min(spent_s, self._pause_max_s))

    def _gather(self, first: Submission | trio.Event) -> tuple[list[Submission], list[trio.Event]]:
        batch: list[Submission] = []
        flushed: list[trio.Event] = []
        size = 0
        item = first
        while True:
            if isinstance(item, Submission):
                batch.append(item)
                size += len(item.draft.body)
                if item.draft.kind in CUTS:
                    break
            else:
                flushed.append(item)
            if size >= BATCH_BYTES:
                break
            try:
                item = self._inbox_receive.receive_nowait()
            except (trio.WouldBlock, trio.EndOfChannel):
                break
        return batch, flushed

    async def _handle(self, batch: list[Submission]) -> float:
        """Log a batch, fan it out, answer its senders; how long the last two took, in seconds."""
        drafts = [submission.draft for submission in batch]
        try:
            outcomes = await self._store.append(self.name, drafts, at_ms=int(self._wall_clock() * 1000))
        except StoreError as error:
            LOGGER.error("%d messages of room %s could not be logged: %s", len(batch), self.name, error)
            answer_failed(batch)
            return 0.0
        started = time.perf_counter()
        events = [outcome for outcome in outcomes if isinstance(outcome, Event)]
        if events:
            await self.subscribers.fan_out(events)
            self._heed(events[-1])
        answer(batch, outcomes, room=self.name)
        spent_s = time.perf_counter() - started
        self._batches += 1
        self._messages += len(events)
        self._largest_batch = max(self._largest_batch, len(events))
        self._fan_out_s += spent_s
        self._longest_fan_out_s = max(self._longest_fan_out_s, spent_s)
        return spent_s

    def _heed(self, event: Event) -> None:
        """Take notice of a change of who is a member; whoever may not hear the room any more is in it no more."""
        if event.kind not in CUTS or event.body is None:
            return
        before = self.members
        match bodies.read_body(event.kind, event.body):
            case bodies.Created(kind=kind, members=members):
                self.kind = kind
                self.owner = None if kind == rules.DIRECT else event.sender
                self._members.update(who.id for who in members)
            case bodies.Membership(person=person, on=True):
                self._members.add(person.id)
            case bodies.Membership(person=person):
                self._members.discard(person.id)
        if self.kind != rules.PUBLIC:
            for member in self.subscribers:
                if not self.may_hear(member.person):
                    member.leave()
        self._on_members(self, before ^ self._members)

    def statistics(self) -> RoomStatistics:
        """What was done so far, and what waits."""
        return RoomStatistics(
            members=len(self.subscribers),
            live_members=self.subscribers.n_live,
            inbox=self._inbox_send.statistics().current_buffer_used,
            head=self.head,
            batches=self._batches,
            messages=self._messages,
            largest_batch=self._largest_batch,
            deliveries=self.subscribers.deliveries,
            fell_behind=self.subscribers.fell_behind,
            claims_ahead=self._claims_ahead,
            fan_out_s=self._fan_out_s,
            longest_fan_out_s=self._longest_fan_out_s,
        )
