"""TLS on one connection, such that a frame can be sealed and written at once.

`trio.SSLStream` can only write by waiting. A room tells thousands at once, and a task for each of them costs several
times what telling them does (docs/performance.md), so `Wire` seals what it writes by itself and sends it over the
socket, in the order in which it was sealed.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import trio

from trio_chat.net.socket_stream import RECEIVE_BYTES

if TYPE_CHECKING:
    from trio_chat.net.socket_stream import SocketStream

CLOSE_S: Final = 1.0
"""How long a peer may take for the last record, which says that nothing follows."""

_HANDSHAKE_RECORD: Final = 0x16
"""How TLS begins; HTTP begins with a letter."""


class NotTls(Exception):
    """What the peer said first is not TLS; `data` is that."""

    def __init__(self, data: bytes) -> None:
        super().__init__("the peer does not speak TLS")
        self.data = data


class TlsStream(trio.abc.HalfCloseableStream):
    """The server's side of TLS over a socket. `shake_hands` comes first.

    Renegotiation must be off in ``context``: then reading never has to write. Closing it closes the socket.
    """

    __slots__ = ("_incoming", "_is_sealed", "_outgoing", "_tls", "transport")

    def __init__(self, transport: SocketStream, context: ssl.SSLContext) -> None:
        self.transport = transport
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._is_sealed = False

    async def shake_hands(self, steps: trio.Semaphore) -> None:
        """Do the handshake, taking each step, which costs up to a millisecond, under ``steps``.

        Raises `NotTls` at once, and `trio.BrokenResourceError` when it fails or the peer is gone.
        """
        data = await self.transport.receive_some(RECEIVE_BYTES)
        if data and data[0] != _HANDSHAKE_RECORD:
            raise NotTls(bytes(data))
        while True:
            self._received(data)
            async with steps:
                is_done = self._step()
                await trio.lowlevel.checkpoint()  # few steps in each turn of the scheduler
            if is_done and self._tls.version() == "TLSv1.3":
                return  # session tickets go with what is written first: not all clients read before they write
            await self.transport.send_all(self._outgoing.read())
            if is_done:
                return
            data = await self.transport.receive_some(RECEIVE_BYTES)

    def _step(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise trio.BrokenResourceError(f"TLS handshake: {error}") from error
        return True

    def seal(self, data: bytes | bytearray | memoryview) -> bytes:
        """The records of this data. They have to be written after those of each earlier call, all of them."""
        view = memoryview(data)
        try:
            while view:
                view = view[self._tls.write(view) :]
        except ssl.SSLError as error:
            raise trio.BrokenResourceError(f"TLS: {error}") from error
        return self._outgoing.read()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Seal and write; one task at a time."""
        await self.transport.send_all(self.seal(data))

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the socket might take something."""
        await self.transport.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Tell the peer that nothing follows, in TLS and in TCP. It can still be read from. Idempotent."""
        if not self._is_sealed:
            self._is_sealed = True
            with suppress(ssl.SSLError):
                self._tls.unwrap()  # raises that the peer has not said so yet
        farewell = self._outgoing.read()
        if farewell:
            with trio.move_on_after(CLOSE_S):
                await self.transport.send_all(farewell)
        await self.transport.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """The next bytes from the peer; ``b""`` at the end, whether it was said in TLS or only in TCP: WebSocket and
        HTTP know by themselves whether something is missing. Raises `trio.BrokenResourceError`."""
        await trio.lowlevel.checkpoint_if_cancelled()
        has_waited = False
        while True:
            try:
                data = self._tls.read(max_bytes or RECEIVE_BYTES)
                break
            except ssl.SSLWantReadError:
                has_waited = True
                self._received(await self.transport.receive_some(RECEIVE_BYTES))
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                data = b""
                break
            except ssl.SSLError as error:
                raise trio.BrokenResourceError(f"TLS: {error}") from error
        if not has_waited:
            await trio.lowlevel.cancel_shielded_checkpoint()
        return data

    def _received(self, data: bytes | bytearray) -> None:
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def aclose(self) -> None:
        """Close the socket."""
        await self.transport.aclose()
