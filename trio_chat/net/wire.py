"""The wire, the transport of one connection: a Trio stream that can also be written to at once, without waiting.

Everything a connection writes goes through its `Wire`: the frames of trio-websocket (handshake, pongs, closing), the
batches of the rooms, the answers of HTTP. Its rules:

1. Whole frames only. A writer holds the wire until its last byte is taken, or leaves the rest to the wire, which sends
   it before anything else. So nothing ever lands in the middle of a frame.
2. A write that was cancelled or failed has torn a frame (trio#889): the wire is broken for good, and every later write
   raises.
3. After a close frame nothing follows (RFC 6455 section 5.5.1).
4. A wire does not own its transport: closing it writes a close frame and half-closes. Who opened the transport waits
   for the peer to read that, and closes it.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from trio_chat.net.socket_stream import RECEIVE_BYTES, SocketStream
from trio_chat.net.tls import TlsStream
from trio_chat.net.websocket_frames import CLOSE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CHUNK_BYTES = 16 * 1024
"""Bytes in one write to a transport that does not report its progress: so few that a deadline around the write means
"no progress" (16 KiB is also what Linux keeps unsent by default, TCP_NOTSENT_LOWAT; trio#76, trio#414)."""

MAX_PARTS = 256
"""So many parts one write takes: a quarter of what Linux does (IOV_MAX)."""

MUCH_BYTES = 1024
"""Behind a read of so many bytes there may be more already, and it is looked before anything is waited for."""

CLOSE_FRAME_S = 1.0
"""How long a transport that cannot be written to at once (streams in memory) may take for a close frame."""

_NOTHING = memoryview(b"")


class Wire(trio.abc.HalfCloseableStream):
    """One connection's stream.

    A write during which no byte is taken for ``stall_s`` seconds (0: no limit) breaks the wire with
    `trio.BrokenResourceError`. The transport stays the caller's to close.

    A read reports that the peer is gone only as fast as the semaphore ``cleanups`` allows. When a network fails, that
    happens to thousands of connections at once, and all others would wait until those are cleaned up (measured: 2,000
    took 1.5 s).
    """

    __slots__ = (
        "_cleanups",
        "_close_was_sent",
        "_is_broken",
        "_is_closed",
        "_may_have_more",
        "_reading_since",
        "_seal",
        "_stall_s",
        "_stream",
        "_unread",
        "_unsent",
        "_write_ended",
        "carries_frames",
        "inspect",
        "make_close_frame",
        "on_close",
        "transport",
    )

    def __init__(
        self,
        transport: trio.abc.Stream,
        *,
        stall_s: float = 0,
        cleanups: trio.Semaphore | None = None,
    ) -> None:
        self.transport = transport
        self.make_close_frame: Callable[[], bytes] | None = None
        """Gives the close frame that is written if the wire is closed and none was written before."""
        self.on_close: Callable[[], object] | None = None
        """Called once, when the wire is closed."""
        self.inspect: Callable[[bytes | bytearray], object] | None = None
        """Called with all bytes that were received, before they are returned; may raise `trio.BrokenResourceError`."""
        self.carries_frames = True
        """Whether WebSocket frames are written, of which a close frame is the last; else it is HTTP."""
        self._unread = b""
        self._stall_s = stall_s or float("inf")
        self._cleanups = cleanups
        self._unsent = _NOTHING
        # Set when the present write ends; other writers wait for it. Made for each write, since a lock takes 0.5 KiB.
        self._write_ended: trio.Event | None = None
        self._is_broken = False
        self._is_closed = False
        self._close_was_sent = False
        self._reading_since: float | None = None
        self._may_have_more = False  # whether it is looked before it is waited
        # What makes records of TLS of the frames. Whatever it returned has to be sent, and before what it returns next.
        self._seal = transport.seal if isinstance(transport, TlsStream) else None
        stream = transport.transport if isinstance(transport, TlsStream) else transport
        # None for transports that have no socket (streams in memory): there everything takes the waiting road.
        self._stream = stream if isinstance(stream, SocketStream) else None

    # -- state --

    @property
    def is_open(self) -> bool:
        """Whether data can still be written: not broken, not closed, and no close frame was sent."""
        return not (self._is_broken or self._is_closed or self._close_was_sent)

    @property
    def is_broken(self) -> bool:
        """Whether the transport failed, or a write was torn: nobody is there to be waited for."""
        return self._is_broken

    @property
    def unsent_bytes(self) -> int:
        """Bytes that `write_now` took and the transport did not take yet."""
        return len(self._unsent)

    def silent_s(self, now: float) -> float:
        """Seconds that the present read has waited for a byte; 0 while nothing is reading."""
        return 0.0 if self._reading_since is None else now - self._reading_since

    # -- writing --

    def write_now(self, data: bytes) -> bool:
        """Write whole frames without waiting; True if the wire took all of them.

        False if a write is going on, earlier bytes still wait, or the transport cannot do this: then nothing was done.
        True does not mean that all bytes were sent: see `unsent_bytes`. On a broken or closed wire the data is dropped
        (True), as it may be in any network. Sync, so it never writes into the middle of another frame.
        """
        if not self.is_open:
            return True
        if self._stream is None or self._unsent or self._write_ended is not None:
            return False
        try:
            if self._seal is not None:
                data = self._seal(data)
            taken = self._stream.sock.send(data)
        except BlockingIOError:
            if self._seal is None:
                return False
            taken = 0  # what is sealed has its place in the stream
        except (OSError, trio.BrokenResourceError):
            self._is_broken = True  # the reader gets an error of its own, and ends the connection
            return True
        if taken < len(data):
            # Not copied: a thousand peers that are behind share the batch which none of them took.
            self._unsent = memoryview(data)[taken:]
        return True

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """The same as `send_parts`, of one part."""
        await self.send_parts((data,))

    async def send_parts(self, parts: Sequence[bytes | bytearray | memoryview]) -> None:
        """Write whole frames, after what is being written now and what `write_now` left behind; a socket takes them
        without a copy. At most `MAX_PARTS`; only the first may be a close frame.

        Raises `trio.BrokenResourceError` when the wire is broken (also by a stall), `trio.ClosedResourceError` when it
        is closed. When cancelled in the middle, the wire is broken.
        """
        while self._write_ended is not None:
            await self._write_ended.wait()
        if self._is_closed:
            raise trio.ClosedResourceError("the wire is closed")
        if self._is_broken:
            raise trio.BrokenResourceError("the wire is broken")
        if self._close_was_sent:
            return  # rule 3; the session is over
        first = parts[0] if parts else b""
        self._close_was_sent = self.carries_frames and len(first) > 0 and first[0] == CLOSE
        self._write_ended = write_ended = trio.Event()
        try:
            if self._seal is not None:
                parts = (self._seal(b"".join(parts)),)
            unsent, self._unsent = self._unsent, _NOTHING
            if self._stream is not None:
                await self._write_to_socket(
                    self._stream, deque([unsent, *(memoryview(part) for part in parts)])
                )
            else:
                await self._write_in_chunks(b"".join([unsent, *parts]))
        except BaseException:
            self._is_broken = True
            raise
        finally:
            self._write_ended = None
            write_ended.set()

    async def _write_in_chunks(self, data: bytes) -> None:
        for start in range(0, len(data), CHUNK_BYTES):
            with trio.move_on_after(self._stall_s) as stall:
                await self.transport.send_all(data[start : start + CHUNK_BYTES])
            if stall.cancelled_caught:
                raise trio.BrokenResourceError("no byte was taken for too long")

    async def _write_to_socket(self, stream: SocketStream, parts: deque[memoryview]) -> None:
        await trio.lowlevel.checkpoint()
        while True:
            while parts and not parts[0]:
                parts.popleft()
            if not parts:
                return
            with trio.move_on_after(self._stall_s) as stall:
                taken = await stream.send_some(parts)
            if stall.cancelled_caught:
                raise trio.BrokenResourceError("no byte was taken for too long")
            while taken >= len(parts[0]):
                taken -= len(parts.popleft())
                if not parts:
                    return
            parts[0] = parts[0][taken:]

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the transport might take something."""
        await self.transport.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Half-close: the peer reads to the end of what was written, and then the end of the stream."""
        if isinstance(self.transport, trio.abc.HalfCloseableStream):
            await self.transport.send_eof()

    # -- reading --

    def unread(self, data: bytes) -> None:
        """Have these bytes read once more, before any others; `inspect` is not asked again."""
        self._unread = data + self._unread

    def receive_now(self, max_bytes: int) -> bytes:
        """What has arrived, without waiting: nothing if there is none, or the transport cannot do this; at the end as
        well, which `receive_some` reports."""
        if self._stream is None or self._seal is not None or self.inspect is not None:
            return b""
        try:
            return self._stream.receive_now(max_bytes) or b""
        except trio.BrokenResourceError:
            self._is_broken = True
            return b""

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """The next bytes from the peer; ``b""`` at the end."""
        if self._is_closed:
            raise trio.ClosedResourceError("the wire is closed")
        if self._unread:
            await trio.lowlevel.checkpoint()
            unread, self._unread = self._unread[:max_bytes], self._unread[max_bytes or len(self._unread) :]
            return unread
        self._reading_since = trio.current_time()
        data: bytes | bytearray = b""
        failure: str | None = None  # not the exception: its traceback holds this frame, a cycle
        try:
            while True:
                if self._stream is None or self._seal is not None:
                    data = await self.transport.receive_some(max_bytes)
                    break
                # Not by the stream: an idle connection waits here, and each function that waits is a quarter of a KiB.
                if self._may_have_more:
                    await trio.lowlevel.checkpoint()
                else:
                    await trio.lowlevel.wait_readable(self._stream.sock)
                received = self._receive_now(self._stream, max_bytes or RECEIVE_BYTES)
                if received is not None:
                    data = received
                    break
        except trio.BrokenResourceError as error:
            failure = str(error)
            self._is_broken = True
        finally:
            self._reading_since = None
        if not data:
            await self._wait_for_cleanup()
        if failure is not None:
            raise trio.BrokenResourceError(failure)
        if self.inspect is not None:
            self.inspect(data)
        return data

    def _receive_now(self, stream: SocketStream, max_bytes: int) -> bytes | None:
        if self._is_closed:
            raise trio.ClosedResourceError("the wire is closed")
        data = stream.receive_now(max_bytes)
        self._may_have_more = data is not None and len(data) >= MUCH_BYTES
        return data

    async def _wait_for_cleanup(self) -> None:
        if self._cleanups is not None:
            async with self._cleanups:
                await trio.lowlevel.checkpoint()  # so that few are cleaned up in each turn of the scheduler

    # -- closing --

    async def aclose(self) -> None:
        """Write a close frame (if there was none) and half-close, without waiting for the peer. Idempotent."""
        if not self._is_closed:
            await self._write_close_frame()
            self.abandon()
            if not self._is_broken and not self._unsent:
                try:
                    await self.send_eof()
                except (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError):
                    return  # the peer is gone already
        await trio.lowlevel.checkpoint()

    async def _write_close_frame(self) -> None:
        if self.make_close_frame is None or not self.is_open:
            return
        frame = self.make_close_frame()
        # It does not wait for a write that is going on: that may be the very one which the peer does not take.
        if frame and not self.write_now(frame) and self._write_ended is None and not self._unsent:
            # Shielded, since the library closes the wire in a task that is cancelled as soon as it has begun to.
            with trio.move_on_after(CLOSE_FRAME_S, shield=True), suppress(trio.BrokenResourceError):
                await self.send_all(frame)
        self._close_was_sent = True

    def abandon(self) -> None:
        """Release the transport at once: no byte is read or written through this wire from here on."""
        if not self._is_closed:
            self._is_closed = True
            self._stream = None  # it may be closed now
            on_close, self.on_close = self.on_close, None
            # What is called by the wire belongs to who holds it: a cycle, which only the garbage collector would free.
            self.make_close_frame = self.inspect = None
            if on_close is not None:
                on_close()
