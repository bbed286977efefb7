"""What one connection still has to be told: the send end of a memory channel, with a short cut in front of it.

The write contract of `Outbox.post`, as the rooms rely on it:

1. It never blocks and never raises for anything the peer does.
2. It takes all of the frames or, returning False, none of them.
3. It keeps the order in which it was called.
4. What it keeps in memory is bounded: ``max_bytes``, and whatever it was given last on top.

Most posts end in one system call: if nothing is pending they are written at once, because a task wake-up for each
delivery costs several times the call (measured: 0.14 against 0.68 million deliveries per CPU-second). Only what does
not fit goes to the channel, which the connection's speaker task drains.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Protocol

import attrs
import trio

if TYPE_CHECKING:
    from trio_chat.errors import Close
    from trio_chat.wire import Wire

JOIN_BYTES = 64 * 1024
"""How much of what waits is joined into one write: enough to make system calls rare, small enough to be copied
without being noticed."""


class Laggard(Protocol):
    """A membership that is catching up: it is told what it missed in pages, as fast as the peer reads."""

    async def read_page(self) -> bytes:
        """The next frames it has missed; empty when there are none (or it has left)."""
        ...

    def try_go_live(self) -> bool:
        """The page was written: go live if that was all. Sync, so nothing can be missed in between."""
        ...


@attrs.frozen
class OutboxStatistics:
    """What waits in an outbox."""

    pending_bytes: int
    laggards: int


class Outbox:
    """What is waiting to be written to one connection. `speak` must be running in one task."""

    def __init__(self, wire: Wire, *, max_bytes: int) -> None:
        self.wire = wire
        self.close: Close | None = None
        """How the connection is to end, once somebody has decided that it ends; the first word counts."""
        # The bound is in bytes and kept by `post`: a number of items says nothing about memory.
        self._send_channel, self._receive_channel = trio.open_memory_channel[bytes](math.inf)
        self._pending_bytes = 0
        self._max_bytes = max_bytes or math.inf
        self._laggards: deque[Laggard] = deque()
        self._room_again: trio.Event | None = None

    # -- for rooms and sessions: all of it sync --

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be added before something has left."""
        return self._pending_bytes + self.wire.unsent_bytes >= self._max_bytes

    def post(self, frames: bytes) -> bool:
        """Write frames now or soon; False if the peer reads too slowly for that, and nothing was done."""
        if self._pending_bytes == 0 and self.wire.write_now(frames):
            if self.wire.unsent_bytes:
                self._wake_speaker()
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
        """Let the speaker say what is waiting and stop; the connection then closes with ``close``. Idempotent."""
        if self.close is None:
            self.close = close
            self._send_channel.close()

    def add_laggard(self, laggard: Laggard) -> None:
        """From now on, tell this membership what it misses."""
        self._laggards.append(laggard)
        self._wake_speaker()

    def discard_laggard(self, laggard: Laggard) -> None:
        """It has left: tell it nothing more."""
        if laggard in self._laggards:
            self._laggards.remove(laggard)

    def statistics(self) -> OutboxStatistics:
        """What waits here now."""
        return OutboxStatistics(
            pending_bytes=self._pending_bytes + self.wire.unsent_bytes, laggards=len(self._laggards)
        )

    def _enqueue(self, frames: bytes) -> None:
        if self.close is None:
            self._pending_bytes += len(frames)
            self._send_channel.send_nowait(frames)

    def _wake_speaker(self) -> None:
        self._enqueue(b"")

    # -- for the session --

    async def wait_not_full(self) -> None:
        """Wait until there is room: how a client that does not read its answers is slowed down."""
        while self.is_full:
            if self._room_again is None:
                self._room_again = trio.Event()
            await self._room_again.wait()

    # -- for the speaker task --

    async def speak(self) -> None:
        """Write what waits, until the outbox has ended and nothing is left.

        Raises `trio.BrokenResourceError` when the peer is gone or takes no byte for too long. When cancelled, a frame
        may be torn, and the connection can only be cut.
        """
        with self._receive_channel:
            while True:
                frames = self._take()
                if frames or self.wire.unsent_bytes:
                    await self.wire.send_all(frames)
                    self._pending_bytes -= len(frames)
                    self._tell_there_is_room()
                elif self._laggards:
                    await self._catch_up(self._laggards[0])
                else:
                    try:
                        frames = await self._receive_channel.receive()
                    except trio.EndOfChannel:
                        return
                    if frames:
                        await self.wire.send_all(frames)
                        self._pending_bytes -= len(frames)
                        self._tell_there_is_room()

    def _take(self) -> bytes:
        frames, size = [], 0
        try:
            while size < JOIN_BYTES:
                frames.append(self._receive_channel.receive_nowait())
                size += len(frames[-1])
        except (trio.WouldBlock, trio.EndOfChannel):
            pass
        return b"".join(frames)

    async def _catch_up(self, laggard: Laggard) -> None:
        page = await laggard.read_page()
        if self._laggards and self._laggards[0] is laggard:
            if page:
                await self.wire.send_all(page)
            # It may have left while the page was written; otherwise it is another's turn.
            if laggard in self._laggards:
                self._laggards.remove(laggard)
                if not laggard.try_go_live():
                    self._laggards.append(laggard)

    def _tell_there_is_room(self) -> None:
        if self._room_again is not None and not self.is_full:
            self._room_again.set()
            self._room_again = None
