"""One WebSocket connection of a torture client: raw frames over a socket, and nothing of the product in between."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import trio

from tests.support.raw import CLOSE, PING, PONG, TEXT, close_frame, frame, upgrade

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SILENCE_S = 90
"""How long a server may say nothing at all, not even a ping, before the connection is given up: it pings after 25 s,
and a silent proxy lets nothing through."""


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds that nobody announces."""
    while not holds():  # noqa: ASYNC110
        await trio.sleep(0.05)


class Lost(Exception):
    """The connection is over; the text says how."""


class Link:
    """A connection that shook hands. Made by `open_link`."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._heard = bytearray()
        self._frames: deque[tuple[int, bytes]] = deque()
        self._sending = trio.Lock()

    async def say(self, **command: object) -> None:
        """Send one JSON object. Raises `Lost`."""
        await self.send(frame(TEXT, json.dumps(command).encode()))

    async def send_text(self, text: str) -> None:
        """Send a text as it is. Raises `Lost`."""
        await self.send(frame(TEXT, text.encode()))

    async def send(self, data: bytes) -> None:
        """Send bytes. Raises `Lost`."""
        async with self._sending:
            try:
                await self._stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise Lost("cannot send") from error

    async def hear(self) -> dict[str, Any]:
        """The next JSON object. Raises `Lost`."""
        said: dict[str, Any] = json.loads(await self.hear_text())
        return said

    async def hear_text(self) -> str:
        """The next text. Raises `Lost`."""
        while True:
            while not self._frames:
                await self._hear_more()
                self._parse()
            opcode, payload = self._frames.popleft()
            if opcode == TEXT:
                return payload.decode()
            if opcode == PING:
                await self.send(frame(PONG, payload))
            elif opcode == CLOSE:
                code = struct.unpack("!H", payload[:2])[0] if payload else None
                raise Lost(f"closed with {code}")

    def reset(self) -> None:
        """End it with a RST."""
        self._stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._stream.socket.close()

    async def say_goodbye(self) -> None:
        """Send a close frame, and hear what comes until the server has closed. Raises `Lost`."""
        await self.send(close_frame())
        while True:
            await self._hear_more()

    async def shake_hands(self, protocol: str | None) -> None:
        """Begin as a WebSocket client. Raises `Lost`."""
        key = os.urandom(16).hex()[:22] + "=="
        protocols = {"sec_websocket_protocol": protocol} if protocol else {}
        await self.send(upgrade(sec_websocket_key=key, **protocols))  # type: ignore[arg-type]  # as any header
        while b"\r\n\r\n" not in self._heard:
            await self._hear_more()
        head, _, rest = bytes(self._heard).partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise Lost(f"answered with {head[:12].decode('latin-1')}")
        self._heard = bytearray(rest)
        self._parse()

    async def _hear_more(self) -> None:
        with trio.move_on_after(SILENCE_S):
            try:
                data = await self._stream.receive_some(65536)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise Lost("reset") from error
            if not data:
                raise Lost("ended")
            self._heard += data
            return
        raise Lost("silence")

    def _parse(self) -> None:
        """Take whole frames out of what was heard."""
        heard, at = self._heard, 0
        while len(heard) - at >= 2:
            assert heard[at] & 0x80, "this server does not fragment"
            length, start = heard[at + 1], at + 2
            assert length < 128, "servers do not mask"
            if length >= 126:
                size = 2 if length == 126 else 8
                if len(heard) - start < size:
                    break
                length = int.from_bytes(heard[start : start + size], "big")
                start += size
            if len(heard) - start < length:
                break
            self._frames.append((heard[at] & 0x0F, bytes(heard[start : start + length])))
            at = start + length
        del heard[:at]


@asynccontextmanager
async def open_link(port: int, protocol: str | None = "trio-chat.v1") -> AsyncIterator[Link]:
    """A connection to a port of this machine, its handshake done. Raises `Lost`; cut off on leaving."""
    with trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        try:
            await sock.connect(("127.0.0.1", port))
        except OSError as error:
            raise Lost(f"cannot connect: {error.strerror}") from error
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(trio.SocketStream(sock))
        await link.shake_hands(protocol)
        yield link
