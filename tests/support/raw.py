"""Raw client: sends bytes that no library would send, and sees bytes that no library would show.

Everything that a peer can do to the server over a socket can be done with a `RawPeer`; `open_peer` shakes hands for
those who begin as WebSocket clients.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
RSV1, RSV2, RSV3 = 0x40, 0x20, 0x10

PATIENCE_S = 60
"""Seconds that any one step may take before the test fails; long, since the machine may be busy."""


class Frame(NamedTuple):
    """One whole frame of the server."""

    opcode: int
    payload: bytes

    @property
    def close_code(self) -> int | None:
        """The code of a close frame; None for one without, and for other frames."""
        if self.opcode != CLOSE or len(self.payload) < 2:
            return None
        (code,) = struct.unpack("!H", self.payload[:2])
        return int(code)

    def json(self) -> Any:  # noqa: ANN401  (JSON is anything)
        """The payload, decoded from JSON."""
        return json.loads(self.payload)


class Answer(NamedTuple):
    """An HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @classmethod
    def of(cls, raw: bytes) -> Answer:
        """The response that these bytes are, all of them."""
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return cls(int(first.split()[1]), headers, body)


def get(target: str, *, method: str = "GET", **headers: str) -> bytes:
    """Bytes of a request without a body; ``headers`` (``if_none_match="*"``) add to the host, or replace it."""
    fields = {"host": "chat.example"} | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True, claim: int = -1
) -> bytes:
    """Bytes of a client's frame (RFC 6455 section 5.2); ``claim`` is a false length for its header."""
    length = len(payload) if claim < 0 else claim
    mask_bit = 0x80 if masked else 0
    if length < 126:
        header = struct.pack("!BB", (0x80 if fin else 0) | rsv | opcode, mask_bit | length)
    elif length < 2**16:
        header = struct.pack("!BBH", (0x80 if fin else 0) | rsv | opcode, mask_bit | 126, length)
    else:
        header = struct.pack("!BBQ", (0x80 if fin else 0) | rsv | opcode, mask_bit | 127, length)
    # A mask of zeros is a mask, and leaves the payload readable in a packet dump.
    return header + (b"\0\0\0\0" if masked else b"") + payload


def close_frame(code: int = 1000) -> bytes:
    """Bytes of a close frame."""
    return frame(CLOSE, struct.pack("!H", code))


def upgrade(path: str = "/", *, method: str = "GET", drop: tuple[str, ...] = (), **headers: str) -> bytes:
    """Bytes of a handshake; ``headers`` (``sec_websocket_version="8"``) add to the usual ones, or replace them."""
    fields = {
        "host": "chat.example",
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        "sec-websocket-version": "13",
    }
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {fields[name]}" for name in fields if name not in drop)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class RawPeer:
    """One TCP connection to the server. What does not come in time fails the test."""

    def __init__(
        self, stream: trio.SocketStream, tls: trio.SSLStream[trio.SocketStream] | None = None
    ) -> None:
        self.stream = stream
        self._talk: trio.abc.Stream = tls or stream
        self._heard = bytearray()
        self.patience_s: float = PATIENCE_S
        """Seconds that it waits for bytes."""

    async def send(self, data: bytes) -> None:
        """Send these bytes; fails the test if the server does not read them in time."""
        with trio.fail_after(self.patience_s):
            await self._talk.send_all(data)

    async def send_text(self, text: str) -> None:
        """Send one text message."""
        await self.send(frame(TEXT, text.encode()))

    async def say(self, **command: object) -> None:
        """Send one v1 frame."""
        await self.send_text(json.dumps(command))

    async def receive(self) -> bytes:
        """Some bytes; empty at the end, also after a reset."""
        if self._heard:
            data, self._heard = bytes(self._heard), bytearray()
            return data
        with trio.fail_after(self.patience_s):
            try:
                return bytes(await self._talk.receive_some(65536))
            except trio.BrokenResourceError:
                return b""

    async def receive_to_the_end(self) -> bytes:
        """All bytes until the server closes."""
        data = b""
        while more := await self.receive():
            data += more
        return data

    async def receive_head(self) -> bytes:
        """The head of an HTTP response; empty if there is none before the end."""
        while b"\r\n\r\n" not in self._heard:
            if not await self._hear_more():
                return b""
        head, _, rest = bytes(self._heard).partition(b"\r\n\r\n")
        self._heard = bytearray(rest)
        return head + b"\r\n\r\n"

    async def receive_answer(self, *, to_head: bool = False) -> Answer:
        """One HTTP response on a connection that stays open; with ``to_head`` it has no body."""
        answer = Answer.of(await self.receive_head())
        length = 0 if to_head or answer.status in (204, 304) else int(answer.headers["content-length"])
        while len(self._heard) < length:
            assert await self._hear_more(), "the server closed"
        body = bytes(self._heard[:length])
        del self._heard[:length]
        return answer._replace(body=body)

    async def receive_frame(self) -> Frame | None:
        """The next frame; None when the server closed without one."""
        while (found := self._parse()) is None:
            if not await self._hear_more():
                return None
        return found

    async def receive_data(self) -> Frame | None:
        """The next frame that is no ping or pong."""
        while (found := await self.receive_frame()) is not None and found.opcode in (PING, PONG):
            pass
        return found

    async def receive_text(self) -> str:
        """The next text message; anything else fails the test."""
        found = await self.receive_data()
        assert found is not None, "the server closed"
        assert found.opcode == TEXT, found
        return found.payload.decode()

    async def hear(self, wanted: Callable[[dict[str, Any]], bool] | str) -> dict[str, Any]:
        """The next v1 frame of this type, or for which this holds; drops those before it."""
        matches = (lambda said: said["type"] == wanted) if isinstance(wanted, str) else wanted
        while True:
            said: dict[str, Any] = json.loads(await self.receive_text())
            if matches(said):
                return said

    async def receive_close_code(self) -> int | None:
        """The server's close code, after dropping all before it; None if it closes without one."""
        while (found := await self.receive_frame()) is not None:
            if found.opcode == CLOSE:
                return found.close_code
        return None

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        self.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.stream.socket.close()

    async def _hear_more(self) -> bool:
        with trio.fail_after(self.patience_s):
            try:
                data = await self._talk.receive_some(65536)
            except trio.BrokenResourceError:
                return False
        self._heard += data
        return bool(data)

    def _parse(self) -> Frame | None:
        heard = self._heard
        if len(heard) < 2:
            return None
        assert heard[0] & 0x80, "servers of this project do not fragment"
        assert not heard[1] & 0x80, "servers do not mask"
        length, start = heard[1], 2
        if length >= 126:
            size = 2 if length == 126 else 8
            start += size
            if len(heard) < start:
                return None
            length = int.from_bytes(heard[2:start], "big")
        if len(heard) < start + length:
            return None
        found = Frame(heard[0] & 0x0F, bytes(heard[start : start + length]))
        del heard[: start + length]
        return found


@asynccontextmanager
async def open_raw(port: int, *, receive_buffer: int = 0) -> AsyncIterator[RawPeer]:
    """Open a TCP connection, cut off on leaving. A small ``receive_buffer`` (bytes) fills up soon."""
    sock = trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with sock:
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        with trio.fail_after(PATIENCE_S):
            await sock.connect(("127.0.0.1", port))
        yield RawPeer(trio.SocketStream(sock))


@asynccontextmanager
async def open_peer(port: int, *, receive_buffer: int = 0, **headers: str) -> AsyncIterator[RawPeer]:
    """Open a WebSocket connection, its handshake done."""
    async with open_raw(port, receive_buffer=receive_buffer) as peer:
        await peer.send(upgrade(**headers))  # type: ignore[arg-type]  # mypy sees any keyword in them
        head = await peer.receive_head()
        assert head.startswith(b"HTTP/1.1 101 "), head
        yield peer


@asynccontextmanager
async def open_v1(
    port: int,
    *,
    room: str = "lobby",
    after: int | None = None,
    epoch: str | None = None,
    proof: str | None = None,
    **hello: str,
) -> AsyncIterator[tuple[RawPeer, dict[str, Any], dict[str, Any]]]:
    """Open a v1 connection that has said hello and joined, with both answers. ``after`` is of the current epoch
    if none is given."""
    async with open_peer(port, sec_websocket_protocol="trio-chat.v1") as peer:
        await peer.say(type="hello", **hello)
        welcome = await peer.hear("welcome")
        cursor: dict[str, Any] = {}
        if after is not None:
            cursor = {"after": after, "epoch": epoch or welcome["rooms"][0]["epoch"], "proof": proof}
        await peer.say(type="join", id=f"join-{os.urandom(6).hex()}", room=room, **cursor)
        yield peer, welcome, await peer.hear("joined")
