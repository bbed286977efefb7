"""One TCP connection, as a Trio stream over a plain socket that never blocks.

`trio.SocketStream` would do, but whoever writes at once (`Wire`) needs a second handle on its socket, and each
connection costs system calls for options that it can inherit from the listener, three objects, and a turn of the
scheduler for being accepted (docs/decisions/short-road.md).
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import trio

if TYPE_CHECKING:
    from collections.abc import Sequence

RECEIVE_BYTES: Final = 64 * 1024
"""How much is read at a time."""

UNSENT_BYTES: Final = 16 * 1024
"""So much that was not sent yet the system takes, beside what is under way: more would only make what is newer wait."""


def inherit_options(listening: trio.socket.SocketType) -> None:
    """Set what connections inherit from their listener: small frames leave at once, and little waits unsent."""
    with suppress(OSError):  # it is no TCP
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


class SocketStream(trio.abc.HalfCloseableStream):
    """A connection over ``sock``, which it closes. One task may read and one may write at a time.

    ``peer`` is the other end's host and port, as long as the system told them.
    """

    __slots__ = ("has_sent_eof", "peer", "sock")

    def __init__(self, sock: socket.socket, peer: tuple[str, int] | None = None) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.peer = peer
        self.has_sent_eof = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write all of it."""
        await trio.lowlevel.checkpoint()
        view = memoryview(data)
        while view:
            view = view[await self.send_some((view,)) :]

    async def send_some(self, parts: Sequence[memoryview]) -> int:
        """Write as much of these parts as the system takes, waiting until it takes something; how much that was. No
        checkpoint if it takes something at once."""
        while True:
            try:
                return self.sock.send(parts[0]) if len(parts) == 1 else self.sock.sendmsg(parts)
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self.sock)
            except OSError as error:
                raise self._error(error) from error

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the system might take something."""
        if self.sock.fileno() < 0:
            raise trio.ClosedResourceError("the socket is closed")
        await trio.lowlevel.wait_writable(self.sock)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What has arrived; ``b""`` at the end."""
        await trio.lowlevel.checkpoint()
        while True:
            data = self.receive_now(max_bytes or RECEIVE_BYTES)
            if data is not None:
                return data
            await trio.lowlevel.wait_readable(self.sock)

    def receive_now(self, max_bytes: int) -> bytes | None:
        """The same, sync: None if nothing has arrived."""
        try:
            return self.sock.recv(max_bytes)
        except BlockingIOError:
            return None
        except OSError as error:
            raise self._error(error) from error

    async def send_eof(self) -> None:
        """Half-close: the peer reads the end of the stream behind what was written. Idempotent."""
        await trio.lowlevel.checkpoint()
        if not self.has_sent_eof:
            self.has_sent_eof = True
            try:
                self.sock.shutdown(socket.SHUT_WR)
            except OSError as error:
                raise self._error(error) from error

    async def aclose(self) -> None:
        """Close the socket. Whoever waits for it gets `trio.ClosedResourceError`."""
        self.close()
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """The same, sync. Idempotent."""
        if self.sock.fileno() >= 0:
            trio.lowlevel.notify_closing(self.sock)
            self.sock.close()

    def _error(self, error: OSError) -> trio.BrokenResourceError | trio.ClosedResourceError:
        if self.sock.fileno() < 0:
            return trio.ClosedResourceError("the socket is closed")
        return trio.BrokenResourceError(f"the peer is gone: {error}")
