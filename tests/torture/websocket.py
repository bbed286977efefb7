"""WebSocket client over a raw socket, without code of the product: a bug there cannot hide one of the server."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import trio

from tests.support.raw import CLOSE, PING, PONG, TEXT, frame, upgrade

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SILENCE_S = 90
"""Seconds without a byte after which a connection is given up: the server pings after 25, so the proxy is silent."""

LIBRARYS_ROAD = "4"
"""Connections whose key, in hexadecimal, is less than this take the library's road (docs/decisions/short-road.md)."""

UNUSUAL_FIELD = " a value behind two spaces"
"""Nothing is wrong with it, but a server need not expect it."""


async def wait_until(holds: Callable[[], object]) -> None:
    """Wait, by polling, until a condition holds that no event announces."""
    while not holds():  # noqa: ASYNC110
        await trio.sleep(0.05)


class ConnectionLost(Exception):
    """The connection ended; the text says how."""


class WebSocket:
    """A WebSocket connection after its handshake. Made by `open_websocket`, which closes the socket."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._frames: deque[tuple[int, bytes]] = deque()
        self._sending = trio.Lock()

    async def send_json(self, **command: object) -> None:
        """Send one JSON object. Raises `ConnectionLost`."""
        await self.send_bytes(frame(TEXT, json.dumps(command).encode()))

    async def send_text(self, text: str) -> None:
        """Send one text message. Raises `ConnectionLost`."""
        await self.send_bytes(frame(TEXT, text.encode()))

    async def send_bytes(self, data: bytes) -> None:
        """Send raw bytes, whole frames or not. Raises `ConnectionLost`."""
        async with self._sending:
            try:
                await self._stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise ConnectionLost("cannot send") from error

    async def receive_json(self) -> dict[str, Any]:
        """Receive the next JSON object. Raises `ConnectionLost`."""
        received: dict[str, Any] = json.loads(await self.receive_text())
        return received

    async def receive_text(self) -> str:
        """Receive the next text message; answers pings. Raises `ConnectionLost`."""
        while True:
            while not self._frames:
                await self._receive_more()
                self._parse()
            opcode, payload = self._frames.popleft()
            if opcode == TEXT:
                return payload.decode()
            if opcode == PING:
                await self.send_bytes(frame(PONG, payload))
            elif opcode == CLOSE:
                code = struct.unpack("!H", payload[:2])[0] if payload else None
                raise ConnectionLost(f"closed with {code}")

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        self._stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._stream.socket.close()

    async def do_handshake(self, protocol: str | None) -> None:
        """Do the opening handshake, with a subprotocol or none; one in four is unusual. Raises `ConnectionLost`."""
        key = os.urandom(16).hex()[:22] + "=="
        fields = {"sec_websocket_protocol": protocol} if protocol else {}
        if key < LIBRARYS_ROAD:
            fields["x_road"] = UNUSUAL_FIELD
        await self.send_bytes(upgrade(sec_websocket_key=key, **fields))  # type: ignore[arg-type]  # as any header
        while b"\r\n\r\n" not in self._buffer:
            await self._receive_more()
        head, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise ConnectionLost(f"answered with {head[:12].decode('latin-1')}")
        self._buffer = bytearray(rest)
        self._parse()

    async def _receive_more(self) -> None:
        with trio.move_on_after(SILENCE_S):
            try:
                data = await self._stream.receive_some(65536)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise ConnectionLost("reset") from error
            if not data:
                raise ConnectionLost("ended")
            self._buffer += data
            return
        raise ConnectionLost("silence")

    def _parse(self) -> None:
        """Move whole frames out of the buffer."""
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 2:
            assert buffer[at] & 0x80, "this server does not fragment"
            length, start = buffer[at + 1], at + 2
            assert length < 128, "servers do not mask"
            if length >= 126:
                size = 2 if length == 126 else 8
                if len(buffer) - start < size:
                    break
                length = int.from_bytes(buffer[start : start + size], "big")
                start += size
            if len(buffer) - start < length:
                break
            self._frames.append((buffer[at] & 0x0F, bytes(buffer[start : start + length])))
            at = start + length
        del buffer[:at]


@asynccontextmanager
async def open_websocket(
    port: int, protocol: str | None = "trio-chat.v1", *, source: str = ""
) -> AsyncIterator[WebSocket]:
    """Connect to a port of this machine, from this ``source`` address (127.x.x.x), and do the handshake; cut off on
    leaving. Raises `ConnectionLost`."""
    with trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        try:
            if source:
                await sock.bind((source, 0))
            await sock.connect(("127.0.0.1", port))
        except OSError as error:
            raise ConnectionLost(f"cannot connect: {error.strerror}") from error
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        websocket = WebSocket(trio.SocketStream(sock))
        await websocket.do_handshake(protocol)
        yield websocket
