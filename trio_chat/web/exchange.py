"""One request and its answer, as a stream for a server that believes to have the whole connection.

Hypercorn gets a connection with a single request on it for each request. What comes after that is not for it to read:
the gate does, since the next request may ask for a WebSocket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from trio_chat.net.wire import Wire


class Exchange:
    """The part of a wire that one request and its answer take. Closing it leaves the wire open.

    With ``keeps_connection`` the request is whole, and nothing that comes after it is read; else its body may follow,
    up to the connection's end.
    """

    def __init__(self, wire: Wire, request: bytes, *, keeps_connection: bool) -> None:
        self._wire = wire
        self._request = request
        self._keeps_connection = keeps_connection
        self.is_over = trio.Event()
        self.is_answered = False
        """Whether the application gave its answer to the end."""

    def watching(self, app: ASGIApp) -> ASGIApp:
        """The same application; the exchange is over with the last byte of its answer."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            async def watched_send(message: Message) -> None:
                await send(message)
                if message["type"] == "http.response.body" and not message.get("more_body"):
                    self.is_answered = True
                    self.is_over.set()

            await app(scope, receive, watched_send)

        return watched

    # -- what Hypercorn uses of a stream --

    @property
    def socket(self) -> trio.socket.SocketType:
        """The socket, for its addresses."""
        return self._wire.socket

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """The request's bytes."""
        if self._request:
            await trio.lowlevel.checkpoint()
            request = self._request[:max_bytes]
            self._request = self._request[len(request) :]
            return request
        if self._keeps_connection:
            await (
                trio.sleep_forever()
            )  # until the answer is given; that the peer left, whoever writes it will notice
        return await self._wire.receive_some(max_bytes)

    async def send_all(self, data: bytes) -> None:
        """Write some of the answer."""
        try:
            await self._wire.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.is_over.set()
            raise

    async def send_eof(self) -> None:
        """Nothing: how the connection ends is not said here."""
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Nobody reads or writes any more."""
        self.is_over.set()
        await trio.lowlevel.checkpoint()
