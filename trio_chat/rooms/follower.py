"""The follower: fans out the log of one room behind its head, whoever wrote it.

Others may write to the same log. So what was appended here is fanned out at once only if it is directly behind the
head; else what is between is read first. Nobody else fans out, and only the broadcaster calls this: so there is one
order, and nothing is told twice or left out.
"""

from __future__ import annotations

import logging
from time import perf_counter
from typing import TYPE_CHECKING

import trio

from trio_chat.errors import StoreError
from trio_chat.kinds.table import CHANGE_ACCESS
from trio_chat.rooms.fresh import FRESH_S
from trio_chat.rooms.subscribers import PAGE_BYTES, PAGE_EVENTS, NotDense

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from trio_chat.model.events import Event
    from trio_chat.rooms.room_log import RoomLog
    from trio_chat.rooms.subscribers import Subscribers

LOGGER = logging.getLogger(__name__)

RUNG_WAITING = 100
"""Events that came with hints and wait for their turn."""

RUNG_S = 0.1
"""So long they may wait: what was deleted meanwhile is not told any more."""

RETRY_S = 0.5
"""How long a log that cannot be read is left alone."""


class Follower:
    """Fans out the log of one room, and keeps what hints said of it.

    ``on_access_changed`` is called with each event of the kinds `CHANGE_ACCESS`, and whether it was appended here,
    directly after it was fanned out: it ends its run. ``on_begun`` is called when the room's first event was read and
    fanned out. ``may_wait`` says whether to wait for a log that cannot be read.
    """

    def __init__(
        self,
        room: str,
        subscribers: Subscribers,
        log: RoomLog,
        *,
        on_access_changed: Callable[[Event, bool], object],
        on_begun: Callable[[], object],
        may_wait: Callable[[], bool],
    ) -> None:
        self._room = room
        self._subscribers = subscribers
        self._log = log
        self._on_access_changed = on_access_changed
        self._on_begun = on_begun
        self._may_wait = may_wait
        self._heard_of = 0
        self._must_look = False
        self._rung: list[Event] = []
        self._rung_s = 0.0
        """When the first of them came."""
        self.n_read = 0
        """Events that others had written, and that were fanned out."""
        self.n_rung = 0
        """Of these, how many came with hints: all others were read from the log."""
        self.fan_out_s = 0.0
        """How long that fan-out took in all."""

    @property
    def is_behind(self) -> bool:
        """Whether the log may have more than was fanned out, as a hint said."""
        return self._must_look or self._heard_of > self._subscribers.head

    def hint(self, seq: int | None, events: Sequence[Event] = ()) -> bool:
        """Note that the log may have come to this number, by these events, or (None) that anything may have happened to
        it.

        Sync. Returns whether it `is_behind` only since this.
        """
        self._keep(events)
        was_behind = self.is_behind
        if seq is None:
            self._must_look = True
        else:
            self._heard_of = max(self._heard_of, seq)
        return self.is_behind and not was_behind

    def _keep(self, events: Sequence[Event]) -> None:
        """Keep those that follow directly on what was fanned out, or is kept: all others are read from the log."""
        now = trio.current_time()
        if now - self._rung_s > RUNG_S:
            self._rung.clear()
        for event in events:
            last = self._rung[-1].seq if self._rung else self._subscribers.head
            if event.seq > last + 1 or len(self._rung) == RUNG_WAITING:
                break
            if event.seq == last + 1:
                if not self._rung:
                    self._rung_s = now
                self._rung.append(event)

    async def look(self) -> None:
        """Fan out what hints said that there is: what came up to now, so that a busy log keeps nobody in here.

        Raises `StoreError` when the log cannot be read; then it still `is_behind`.
        """
        must_look, self._must_look = self._must_look, False
        seq, self._heard_of = self._heard_of, 0
        try:
            if must_look:
                seq = max(seq, await self._look_at_position())
            await self._fan_out_rung(seq)
            while self._subscribers.head < seq and await self._fan_out_page(PAGE_EVENTS):
                pass  # an empty page: the hint was wrong
        except BaseException:
            self._must_look = self._must_look or must_look
            self._heard_of = max(self._heard_of, seq)
            raise

    async def fan_out(self, events: Sequence[Event], *, since: float) -> None:
        """Fan out events that were appended here after the moment ``since`` of Trio's clock, of which only the last may
        be of the kinds `CHANGE_ACCESS`. What others wrote before them is fanned out first. Raises what `reach`
        raises."""
        if events[0].seq > self._subscribers.head + 1:
            await self.reach(events[0].seq - 1)
        if (
            self._log.is_shared and trio.current_time() - since > FRESH_S
        ):  # others may have deleted some since then
            await self.reach(events[-1].seq, is_own=True)
        else:
            await self._fan_out_run(events, is_own=True)

    async def reach(self, seq: int, *, is_own: bool = False) -> None:
        """Fan out the log up to a number that it has come to, waiting while it cannot be read; ``is_own``: it was
        appended here.

        Raises `StoreError` if it cannot be read and the room is closing, `NotDense` if the log does not have that
        number: it has lost events.
        """
        is_reported = False
        await self._fan_out_rung(seq)
        while (missing := seq - self._subscribers.head) > 0:
            try:
                is_there = await self._fan_out_page(min(missing, PAGE_EVENTS), is_own=is_own)
            except StoreError as error:
                if not self._may_wait():
                    raise
                if not is_reported:
                    LOGGER.error("the room %s waits for its log, which cannot be read: %s", self._room, error)
                is_reported = True
                await trio.sleep(RETRY_S)
                continue
            if not is_there:
                raise NotDense(
                    f"number {seq} of the room {self._room} was in its log, which ends at {self._subscribers.head}"
                )

    async def _fan_out_page(self, limit: int, *, is_own: bool = False) -> bool:
        """Read at most so many events behind the head, and fan them out; False if there are none. True as well when it
        is to be done again."""
        head = self._subscribers.head
        page = await self._log.read_to_fan_out(head, limit=limit, max_bytes=PAGE_BYTES)
        if page is None:
            await self._look_at_position()
            return True
        await self._fan_out_events(page, is_own=is_own)
        return bool(page)

    async def _look_at_position(self) -> int:
        """Look at the position of the log; the number that it has come to."""
        self._rung.clear()  # of an earlier epoch, perhaps
        return await self._log.look()

    async def _fan_out_rung(self, seq: int) -> None:
        """Fan out what came with hints, up to a number, as far as it is directly behind the head; forget the rest."""
        head = self._subscribers.head
        events, self._rung = self._rung, []
        events = [event for event in events if head < event.seq <= seq]
        if events and events[0].seq == head + 1 and trio.current_time() - self._rung_s <= RUNG_S:
            await self._fan_out_events(events, is_own=False)
            self.n_rung += len(events)

    async def _fan_out_events(self, events: Sequence[Event], *, is_own: bool) -> None:
        """Fan out events that were read, or came with hints."""
        is_first = not self._subscribers.head
        for run in _runs(events):
            started = perf_counter()
            await self._fan_out_run(run, is_own=is_own)
            self.fan_out_s += perf_counter() - started
            await trio.lowlevel.checkpoint()
        self.n_read += 0 if is_own else len(events)
        if events and is_first and not is_own:
            self._on_begun()

    async def _fan_out_run(self, run: Sequence[Event], *, is_own: bool) -> None:
        await self._subscribers.fan_out(run)
        if run[-1].kind in CHANGE_ACCESS:
            self._on_access_changed(run[-1], is_own)


def _runs(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """The events in runs, each of which ends behind an event that changes who may hear the next."""
    start = 0
    for end, event in enumerate(events, 1):
        if event.kind in CHANGE_ACCESS:
            yield events[start:end]
            start = end
    if start < len(events):
        yield events[start:]
