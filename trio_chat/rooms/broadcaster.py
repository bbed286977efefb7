"""The broadcaster: the task of a room that logs what comes into the inbox and fans it out to the subscriptions.

It takes what has gathered, appends it to the log durably, posts the logged events to every live subscription, the
sender's too, and then settles the submissions. It never waits for a listener.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.errors import StoreError
from trio_chat.kinds.table import CHANGE_MEMBERS
from trio_chat.model.events import Event
from trio_chat.rooms.submission import NotLogged, Submission, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_chat.rooms.subscribers import Subscribers
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

BATCH_BYTES = 256 * 1024
"""How much text goes into one batch at most: what an outbox may be asked to hold on top of its bound."""


@attrs.define
class BroadcastStatistics:
    """What a broadcaster has done since it was started; times in seconds."""

    batches: int = 0
    messages: int = 0
    largest_batch: int = 0
    fan_out_s: float = 0.0
    longest_fan_out_s: float = 0.0


class Broadcaster:
    """One room's broadcaster, at work in `run`, which ends when the inbox's send end is closed.

    ``on_ends_batch`` is called with each event of the kinds `CHANGE_MEMBERS`, when that was fanned out.
    """

    def __init__(
        self,
        room: str,
        inbox: trio.MemoryReceiveChannel[Submission | trio.Event],
        subscribers: Subscribers,
        store: Store,
        *,
        pause_max_s: float,
        now_ms: Callable[[], int],
        on_ends_batch: Callable[[Event], object],
    ) -> None:
        self._room = room
        self._inbox = inbox
        self._subscribers = subscribers
        self._store = store
        self._pause_max_s = pause_max_s
        self._now_ms = now_ms
        self._on_ends_batch = on_ends_batch
        self.statistics = BroadcastStatistics()

    @property
    def is_waiting(self) -> bool:
        """Whether nothing is on its way: the broadcaster waits at an empty inbox."""
        return self._inbox.statistics().tasks_waiting_receive > 0

    async def run(self) -> None:
        """Log and fan out what comes in, until the inbox is closed and empty."""
        with self._inbox:
            while True:
                try:
                    first = await self._inbox.receive()
                except trio.EndOfChannel:
                    return
                batch, flushed = self._gather(first)
                spent_s = await self._broadcast(batch) if batch else 0.0
                for event in flushed:
                    event.set()
                # Batch as the work allows: after a fan-out of t seconds rest about t, so that a busy room needs half as
                # many system calls each time its load doubles (this alone was worth a factor of five). An idle room
                # is not delayed at all: nobody is waiting behind its message.
                await trio.sleep(min(spent_s, self._pause_max_s))

    def _gather(self, first: Submission | trio.Event) -> tuple[list[Submission], list[trio.Event]]:
        """A batch, as far as it has come in, and the flushes that wait for it."""
        batch: list[Submission] = []
        flushed: list[trio.Event] = []
        size = 0
        item = first
        while True:
            if isinstance(item, Submission):
                batch.append(item)
                size += len(item.draft.body)
                if item.draft.kind in CHANGE_MEMBERS:
                    break
            else:
                flushed.append(item)
            if size >= BATCH_BYTES:
                break
            try:
                item = self._inbox.receive_nowait()
            except (trio.WouldBlock, trio.EndOfChannel):
                break
        return batch, flushed

    async def _broadcast(self, batch: list[Submission]) -> float:
        """Log a batch, fan it out, settle it; how long the last two took, in seconds."""
        drafts = [submission.draft for submission in batch]
        try:
            outcomes = await self._store.append(self._room, drafts, at_ms=self._now_ms())
        except StoreError as error:
            LOGGER.error("%d messages of room %s could not be logged: %s", len(batch), self._room, error)
            settle(self._room, batch, [NotLogged(error)] * len(batch))
            return 0.0
        started = time.perf_counter()
        events = [outcome for outcome in outcomes if isinstance(outcome, Event)]
        if events:
            await self._subscribers.fan_out(events)
            if events[-1].kind in CHANGE_MEMBERS:
                self._on_ends_batch(events[-1])
        settle(self._room, batch, outcomes)
        spent_s = time.perf_counter() - started
        statistics = self.statistics
        statistics.batches += 1
        statistics.messages += len(events)
        statistics.largest_batch = max(statistics.largest_batch, len(events))
        statistics.fan_out_s += spent_s
        statistics.longest_fan_out_s = max(statistics.longest_fan_out_s, spent_s)
        return spent_s
