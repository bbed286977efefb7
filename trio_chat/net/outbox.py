"""The outbox of one connection: the send end of a memory channel, with a short cut in front of it.

The write contract of `Outbox.post`, as the rooms rely on it:

1. It never blocks and never raises for anything the peer does.
2. It takes all of the frames or, returning False, none of them.
3. It keeps the order in which it was called.
4. Its memory is bounded: ``max_bytes``, and the frames that were posted last on top.

Most posts end in one system call: if nothing is pending they are written at once, because a task wake-up for each
delivery costs several times the call (measured: 0.14 against 0.68 million deliveries per CPU-second). Only what does
not fit goes to the channel, which the connection's speaker task drains. Channel and speaker exist only while something
waits: an idle connection has neither (measured: they would be a sixth of its memory).
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Protocol

import attrs
import trio

from trio_chat.errors import TRY_AGAIN_LATER, StoreError
from trio_chat.net.wire import MAX_PARTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trio_chat.errors import Close
    from trio_chat.net.wire import Wire

WRITE_BYTES = 64 * 1024
"""So many bytes go into one write, and what was posted last on top: enough to make system calls rare."""


class Laggard(Protocol):
    """A subscription that is catching up: it gets what it missed in pages, as fast as the peer reads."""

    async def read_page(self) -> bytes:
        """The next frames after its cursor; empty when there are none (or it has left)."""
        ...

    def try_go_live(self) -> bool:
        """Go live if the page that was written was the last. Sync, so nothing can be missed in between."""
        ...


@attrs.frozen
class OutboxStatistics:
    """How much waits in an outbox."""

    pending_bytes: int
    laggards: int


class Outbox:
    """The frames that wait to be written to one connection.

    ``start_speaker`` starts a task of the function it is given, whenever something has to wait; when that task returns,
    nothing is left waiting. It may raise what `speak` raises.
    """

    __slots__ = (
        "_is_abandoned",
        "_laggards",
        "_max_bytes",
        "_not_full",
        "_pending_bytes",
        "_send_channel",
        "_start_speaker",
        "close",
        "wire",
    )

    def __init__(
        self, wire: Wire, *, max_bytes: int, start_speaker: Callable[[Callable[[], Awaitable[None]]], object]
    ) -> None:
        self.wire = wire
        self.close: Close | None = None
        """How the connection ends, once that is decided; the first decision counts."""
        self._start_speaker = start_speaker
        self._is_abandoned = False
        self._send_channel: trio.MemorySendChannel[bytes] | None = None
        self._pending_bytes = 0
        self._max_bytes = max_bytes or math.inf
        self._laggards: list[Laggard] = []
        self._not_full: trio.Event | None = None

    # -- for rooms and sessions: all of it sync --

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be added before something was written."""
        return self._pending_bytes + self.wire.unsent_bytes >= self._max_bytes

    @property
    def is_speaking(self) -> bool:
        """Whether something waits, and a speaker task is writing it."""
        return self._send_channel is not None

    def post(self, frames: bytes) -> bool:
        """Write frames now or soon; False if the peer reads too slowly for that, and nothing was done."""
        if not self.is_speaking and self.wire.write_now(frames):
            if self.wire.unsent_bytes:
                self._enqueue(b"")
            return True
        if self.is_full:
            return False
        self._enqueue(frames)
        return True

    def reply(self, frames: bytes) -> None:
        """Like `post`, but always taken: for answers to this peer's own commands.

        Their number is bounded elsewhere: a session waits for `wait_not_full` before it takes the next command.
        """
        if not self.post(frames):
            self._enqueue(frames)

    def end(self, close: Close) -> None:
        """End the connection with ``close``, when everything that waits is written. Idempotent."""
        if self.close is None:
            self.close = close
            self._enqueue(b"")

    def add_laggard(self, laggard: Laggard) -> None:
        """Write this subscription what it missed, from now on."""
        self._laggards.append(laggard)
        self._enqueue(b"")

    def discard_laggard(self, laggard: Laggard) -> None:
        """Write nothing more of a subscription that has left. Idempotent."""
        if laggard in self._laggards:
            self._laggards.remove(laggard)

    def statistics(self) -> OutboxStatistics:
        """How much waits now."""
        return OutboxStatistics(
            pending_bytes=self._pending_bytes + self.wire.unsent_bytes, laggards=len(self._laggards)
        )

    def abandon(self) -> None:
        """Drop whatever is posted from now on: the connection is over, and with it any speaker.

        Outcomes of its submissions may come later.
        """
        self._is_abandoned = True
        self._start_speaker = _start_nothing  # who starts it holds this outbox: a cycle

    def _enqueue(self, frames: bytes) -> None:
        if self._is_abandoned:
            return
        if self._send_channel is None:
            # The bound is in bytes and kept by `post`: a number of items says nothing about memory.
            self._send_channel, receive_channel = trio.open_memory_channel[bytes](math.inf)
            self._start_speaker(partial(self.speak, receive_channel))
        self._pending_bytes += len(frames)
        self._send_channel.send_nowait(frames)

    # -- for the session --

    async def wait_not_full(self) -> None:
        """Wait while the outbox is full: back-pressure on a client that does not read its answers."""
        while self.is_full:
            if self._not_full is None:
                self._not_full = trio.Event()
            await self._not_full.wait()

    # -- for the speaker task --

    async def speak(self, receive_channel: trio.MemoryReceiveChannel[bytes]) -> None:
        """Write until nothing waits: the speaker's work.

        Raises `trio.BrokenResourceError` when the peer is gone or takes no byte for too long. When the log cannot be
        read for a laggard, the connection is to end; what waits is still said, as more may follow it and must not be
        heard without it. When cancelled, a frame may be torn, and the connection can only be cut.
        """
        try:
            while True:
                waiting = _take(receive_channel)
                if waiting or self.wire.unsent_bytes:
                    await self.wire.send_parts(waiting)
                    self._pending_bytes -= sum(map(len, waiting))
                    self._wake_waiters()
                elif self._laggards:
                    try:
                        await self._catch_up(self._laggards[0])
                    except StoreError:
                        self._laggards.clear()
                        self.end(TRY_AGAIN_LATER)
                else:
                    return
        finally:
            # Nothing can have been put into the channel since it was found empty: there was no checkpoint.
            self._send_channel = None
            self._pending_bytes = 0

    async def _catch_up(self, laggard: Laggard) -> None:
        page = await laggard.read_page()
        if laggard in self._laggards:
            if page:
                await self.wire.send_all(page)
            # It may have left while the page was written; otherwise it is another's turn.
            if laggard in self._laggards:
                self._laggards.remove(laggard)
                if not laggard.try_go_live():
                    self._laggards.append(laggard)

    def _wake_waiters(self) -> None:
        if self._not_full is not None and not self.is_full:
            self._not_full.set()
            self._not_full = None


def _start_nothing(speak: Callable[[], Awaitable[None]]) -> None:
    """Of an abandoned outbox."""


def _take(receive_channel: trio.MemoryReceiveChannel[bytes]) -> list[bytes]:
    """Frames out of the channel, for one write; none if there are none.

    They are not joined: a batch that waits for a thousand peers is in memory once.
    """
    waiting: list[bytes] = []
    size = 0
    while size < WRITE_BYTES and len(waiting) < MAX_PARTS:
        try:
            frames = receive_channel.receive_nowait()
        except trio.WouldBlock:
            break
        if frames:
            waiting.append(frames)
            size += len(frames)
    return waiting
