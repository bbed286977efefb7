"""The broadcaster: a room's task, which logs the submissions in the inbox and fans the log out to subscriptions.

It takes all submissions that wait as one batch, appends them to the log durably, has the follower post the log up to
them to every live subscription, the sender's included, and then settles the submissions. It never waits for a listener.
What hints say was written elsewhere is fanned out by the same task.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.errors import StoreError, StoreUnavailable
from trio_chat.kinds.table import CHANGE_ACCESS
from trio_chat.model.events import Event
from trio_chat.model.outcomes import Repeat
from trio_chat.rooms.follower import RETRY_S, Follower
from trio_chat.rooms.submission import NotLogged, Submission, settle
from trio_chat.rooms.subscribers import NotDense

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trio_chat.model.outcomes import Outcome
    from trio_chat.rooms.inbox import InboxItem
    from trio_chat.rooms.room_log import RoomLog
    from trio_chat.rooms.subscribers import Subscribers
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

CROWD = 10
"""When so many have subscribed since the last batch, a crowd is coming: after a restart, or an outage."""

CROWD_RESTS = 3
"""Then the broadcaster rests so many times as long as it would, so that those who are in the room already do not take
half of the processor from those who wait to come in."""

BATCH_BYTES = 256 * 1024
"""Max text in one batch: what an outbox may have to hold beyond its bound."""


@attrs.define
class BroadcastStatistics:
    """Counters of a broadcaster since it was started; times in seconds."""

    batches: int = 0
    messages: int = 0
    largest_batch: int = 0
    read: int = 0
    """Events that others had written."""
    rung: int = 0
    """Of these, how many came with hints."""
    fan_out_s: float = 0.0
    longest_fan_out_s: float = 0.0


class Broadcaster:
    """The broadcaster of one room: `run` is its task, which ends when the inbox's send end is closed.

    For ``on_access_changed``, ``on_position`` and ``on_begun`` see `Follower`.
    """

    def __init__(
        self,
        room: str,
        inbox: trio.MemoryReceiveChannel[InboxItem],
        subscribers: Subscribers,
        store: Store,
        log: RoomLog,
        *,
        pause_max_s: float,
        now_ms: Callable[[], int],
        on_access_changed: Callable[[Event, bool], object],
        on_begun: Callable[[], object],
    ) -> None:
        self._room = room
        self._inbox = inbox
        self._subscribers = subscribers
        self._n_subscribed = 0
        """How many had subscribed before the last rest."""
        self._store = store
        self._pause_max_s = pause_max_s
        self._now_ms = now_ms
        self._follower = Follower(
            room,
            subscribers,
            log,
            on_access_changed=on_access_changed,
            on_begun=on_begun,
            may_wait=lambda: inbox.statistics().open_send_channels > 0,
        )
        self._statistics = BroadcastStatistics()

    @property
    def is_waiting(self) -> bool:
        """Whether the broadcaster waits at an empty inbox: no submission is under way."""
        return self._inbox.statistics().tasks_waiting_receive > 0

    def hint(self, seq: int | None, events: Sequence[Event] = ()) -> bool:
        """See `Follower.hint`: if it returns True, None is to be put into the inbox, unless that is full."""
        return self._follower.hint(seq, events)

    def statistics(self) -> BroadcastStatistics:
        """The counters so far; a copy."""
        return attrs.evolve(self._statistics, read=self._follower.n_read, rung=self._follower.n_rung)

    async def run(self) -> None:
        """Log and fan out submissions, and what hints tell of, until the inbox is closed and empty.

        A bug rises. Before that, whatever was submitted is settled as not logged, which is safe: a repeat of what was
        logged is its repeat.
        """
        with self._inbox:
            while True:
                try:
                    first = await self._next()
                except trio.EndOfChannel:
                    return
                batch, flushed = self._gather(first)
                try:
                    spent_s = await self._broadcast(batch) if batch else 0.0
                    batch = []
                    if self._follower.is_behind:
                        spent_s += await self._look()
                except Exception:
                    self._give_up(batch, flushed)
                    raise
                for event in flushed:
                    event.set()
                # While nothing comes, they would keep the connections of their senders.
                del first, batch, flushed
                # Batch as the work allows: after a fan-out of t seconds rest about t, so that a busy room needs half as
                # many system calls each time its load doubles (this alone was worth a factor of five). An idle room
                # is not delayed at all: nothing waits behind its message.
                await trio.sleep(self._rest_s(spent_s))

    def _rest_s(self, spent_s: float) -> float:
        """How long to rest after a fan-out that took so long."""
        before, self._n_subscribed = self._n_subscribed, self._subscribers.n_subscribed
        rests = CROWD_RESTS if self._n_subscribed - before >= CROWD else 1
        return rests * min(spent_s, self._pause_max_s)

    async def _next(self) -> InboxItem:
        """The next item of the inbox; None after a while if what hints told of could not be read."""
        if not self._follower.is_behind:
            return await self._inbox.receive()
        with trio.move_on_after(RETRY_S):
            return await self._inbox.receive()
        return None

    async def _look(self) -> float:
        """Fan out what hints told of; the seconds that the fan-out took."""
        before_s = self._follower.fan_out_s
        try:
            await self._follower.look()
        except StoreError as error:
            LOGGER.warning(
                "what was written to the room %s elsewhere cannot be read yet: %s", self._room, error
            )
        return self._follower.fan_out_s - before_s

    def _give_up(self, batch: list[Submission], flushed: list[trio.Event]) -> None:
        """Settle this batch, and all that waits in the inbox: nobody waits for ever."""
        while True:
            settle(self._room, batch, [NotLogged(StoreUnavailable("The room failed."))] * len(batch))
            for event in flushed:
                event.set()
            try:
                batch, flushed = self._gather(self._inbox.receive_nowait())
            except (trio.WouldBlock, trio.EndOfChannel):
                return

    def _gather(self, first: InboxItem) -> tuple[list[Submission], list[trio.Event]]:
        """A batch of the submissions that wait, and the flushes among them."""
        batch: list[Submission] = []
        flushed: list[trio.Event] = []
        size = 0
        item = first
        while True:
            if isinstance(item, Submission):
                batch.append(item)
                size += len(item.draft.body)
                if item.draft.kind in CHANGE_ACCESS:
                    break
            elif item is not None:
                flushed.append(item)
            if size >= BATCH_BYTES:
                break
            try:
                item = self._inbox.receive_nowait()
            except (trio.WouldBlock, trio.EndOfChannel):
                break
        return batch, flushed

    async def _broadcast(self, batch: list[Submission]) -> float:
        """Log a batch, fan it out and settle it; the seconds that the fan-out and settling took."""
        drafts = [submission.draft for submission in batch]
        asked_at = trio.current_time()
        try:
            outcomes = await self._store.append(self._room, drafts, at_ms=self._now_ms())
        except StoreError as error:
            LOGGER.error("%d messages of room %s could not be logged: %s", len(batch), self._room, error)
            settle(self._room, batch, [NotLogged(error)] * len(batch))
            return 0.0
        started = time.perf_counter()
        events = [outcome for outcome in outcomes if isinstance(outcome, Event)]
        try:
            if events:
                await self._follower.fan_out(events, since=asked_at)
            if len(events) < len(outcomes):
                await self._follower.reach(self._last_repeated(outcomes))
        except NotDense:
            # The log lost events, but it has these: nobody is told that they failed.
            settle(self._room, batch, outcomes)
            batch.clear()
            raise
        except StoreError as error:
            # It cannot be read, and the server stops: those who came back are told by another.
            LOGGER.warning("the room %s stops behind its log, which cannot be read: %s", self._room, error)
        settle(self._room, batch, outcomes)
        spent_s = time.perf_counter() - started
        statistics = self._statistics
        statistics.batches += 1
        statistics.messages += len(events)
        statistics.largest_batch = max(statistics.largest_batch, len(events))
        statistics.fan_out_s += spent_s
        statistics.longest_fan_out_s = max(statistics.longest_fan_out_s, spent_s)
        return spent_s

    def _last_repeated(self, outcomes: Sequence[Outcome]) -> int:
        """The greatest number that was given before, by another node perhaps: no ack comes before its event."""
        repeated = (one.seq for one in outcomes if isinstance(one, Repeat) and one.room == self._room)
        return max(repeated, default=0)
