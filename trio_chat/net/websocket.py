"""One WebSocket behind its handshake: what ordinary clients send is read here, everything else by trio-websocket.

Ordinary are whole text frames of less than 64 KiB, pings, pongs and closes. At the first frame that is anything else
(a fragment, binary, an extension, whatever is wrong) trio-websocket takes over, for good, and says what that means. It
is told a handshake of our own first, and what it answers to that is dropped: so only its public names are used.

Why it is not left everything: it has a task, a queue and a parser for each connection, which is half of what a message
costs that comes in, and a third of an idle connection's memory (docs/decisions/short-road.md). That both roads hear,
answer and say the same is tested, with the same bytes on both.
"""

from __future__ import annotations

import base64
import hashlib
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import trio
from trio_websocket import CloseReason, ConnectionClosed

from trio_chat.errors import Close
from trio_chat.net.websocket_frames import (
    CLOSE,
    MAX_CONTROL_BYTES,
    PING,
    PONG,
    TEXT,
    encode_close,
    encode_frame,
    frame_lengths,
)

if TYPE_CHECKING:
    from trio_websocket import WebSocketConnection, WebSocketRequest

    from trio_chat.net.wire import Wire

MESSAGES_AT_ONCE: Final = 16
"""So many messages of one client are given before others have their turn."""

TAKE_OVER_S: Final = 1.0
"""So long the library may take to begin: it waits for nobody but the processor."""

MASKED: Final = 0x80
"""Bit of the second byte of each frame of a client."""

SHORT_HEADER: Final = 6

_CONTROL: Final = MASKED + MAX_CONTROL_BYTES
ORDINARY: Final = {TEXT: _CONTROL + 1, PING: _CONTROL, PONG: _CONTROL, CLOSE: _CONTROL}
"""The frames that are read here by their first byte, and up to which second byte: of texts those as well whose length
is in two bytes more."""

OPCODE: Final = 0x0F

NO_STATUS: Final = 1005
ABNORMAL: Final = 1006
"""What is reported where there was no code, and no close frame (RFC 6455 section 7.4.1)."""

_NO_CODE: Final = frozenset({NO_STATUS, ABNORMAL, 1015})
"""None of them may be sent."""

USUAL_CODES: Final = frozenset({1000, 1001})
"""Of the codes of the protocol, those with which clients close when nothing is wrong."""

_GONE: Final = (trio.BrokenResourceError, trio.ClosedResourceError)

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

_HANDSHAKE: Final = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
"""What the library is told in place of the client's, which was answered long ago."""


def accept_handshake(key: bytes, subprotocol: str | None) -> bytes:
    """The answer to a handshake with this ``Sec-WebSocket-Key``: the connection is a WebSocket from then on."""
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    protocol = b"" if subprotocol is None else b"Sec-WebSocket-Protocol: %b\r\n" % subprotocol.encode()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n%b\r\n" % (accept, protocol)
    )


async def accept_by_library(
    request: WebSocketRequest, wire: Wire, subprotocol: str | None = None
) -> WebSocketConnection:
    """Have the library accept a handshake, and the wire write the close frame that it owes to a peer that breaks the
    protocol: it only records the code."""
    websocket = await request.accept(subprotocol=subprotocol)
    wire.make_close_frame = partial(_close_frame_for, websocket)
    return websocket


def _close_frame_for(websocket: WebSocketConnection) -> bytes:
    reason = websocket.closed
    if reason is None or reason.code in _NO_CODE:
        return b""
    return encode_close(Close(reason.code, "", come_back=False).because(reason.reason or ""))


class Messages(Protocol):
    """The messages of one client: a `WebSocket`, or trio-websocket's connection."""

    @property
    def closed(self) -> CloseReason | None:
        """Why it is closed or closing; None while it is open."""
        ...

    async def get_message(self) -> str | bytes:
        """The next message. Raises `ConnectionClosed` when there will be none."""
        ...

    async def aclose(self, code: int, reason: str) -> None:
        """Close it, politely."""
        ...


class Wrap(Protocol):
    """`trio_websocket.wrap_server_stream` with a nursery and the limits for its connection."""

    async def __call__(self, stream: trio.abc.Stream) -> WebSocketRequest:
        """Read the handshake. What reads on is cancelled when the connection is over."""
        ...


class UnusualFrame(Exception):
    """The library is to read what comes."""


class WebSocket:
    """The messages that a client sends, for one task. It never closes the transport.

    ``wrap`` is called if the library has to take over.
    """

    __slots__ = ("_at", "_closed", "_data", "_library", "_n_given", "_wire", "_wrap")

    def __init__(self, wire: Wire, wrap: Wrap) -> None:
        self._wire = wire
        self._wrap = wrap
        self._data: bytes | bytearray = b""
        """What was received last; from ``_at`` on it is not used up."""
        self._at = 0
        self._n_given = 0
        self._closed: CloseReason | None = None
        self._library: WebSocketConnection | None = None

    @property
    def closed(self) -> CloseReason | None:
        """Why it is closed or closing; None while it is open."""
        return self._closed if self._library is None else self._library.closed

    async def get_message(self) -> str | bytes:
        """The next message. Pings are answered meanwhile, and a close is.

        Raises `ConnectionClosed` when there will be none: the client has closed, is gone or broke the protocol. When
        cancelled, nothing is lost.
        """
        while self._library is None:
            if self._n_given == MESSAGES_AT_ONCE:
                self._n_given = 0
                await trio.lowlevel.checkpoint()  # not for each message: it would double what one costs
            try:
                frame = read_frame(self._data, self._at)
                if frame is None:
                    if self._closed is not None:
                        raise ConnectionClosed(self._closed)
                    self._data = self._data[self._at :]  # so that nothing used up is kept meanwhile
                    self._at = self._n_given = 0
                    try:
                        data = await self._wire.receive_some()
                    except _GONE:
                        data = b""
                    if not data:
                        raise self._gone()
                    self._data += data
                    del data  # it is to be kept once, if at all, while more is waited for
                    continue
                first, payload, end = frame
                if first == TEXT:
                    text = payload.decode()
                    self._at = end
                    self._n_given += 1
                    return text
                if first == CLOSE:
                    code, reason = read_close(payload)
            except (UnusualFrame, UnicodeDecodeError):
                self._library = await self._take_over()
                break
            self._at = end
            if first == PING:
                await self._send(PONG, payload)
            elif first == CLOSE:
                self._closed = CloseReason(code, reason)
                self._data, self._at = b"", 0  # what comes behind it is nothing
                await self._send(CLOSE, payload)
                await self._wire.aclose()
        return await self._library.get_message()

    async def _send(self, first: int, payload: bytes) -> None:
        try:
            await self._wire.send_all(encode_frame(first, payload))
        except _GONE:
            raise self._gone() from None

    def _gone(self) -> ConnectionClosed:
        self._closed = self._closed or CloseReason(ABNORMAL, None)
        return ConnectionClosed(self._closed)

    async def _take_over(self) -> WebSocketConnection:
        """The library's connection, which reads from here on."""
        self._wire.unread(bytes(self._data[self._at :]))
        self._data = b""
        # It is shielded, as one half of it would leave two that read.
        with trio.fail_after(TAKE_OVER_S, shield=True):
            request = await self._wrap(_BehindHandshake(self._wire))
            return await accept_by_library(request, self._wire)

    async def aclose(self, code: int, reason: str) -> None:
        """Say that the connection is closed, wait until the client has said so as well, and close the wire. Idempotent.

        What is received meanwhile is dropped. When cancelled, the wire is closed.
        """
        if self._library is not None:
            await self._library.aclose(code, reason)
        elif self._closed is None:
            self._closed = CloseReason(1000, None)
            try:
                await self._send(CLOSE, code.to_bytes(2, "big") + reason.encode())
                await self._wait_for_close()
            except (ConnectionClosed, *_GONE):
                pass
            finally:
                await self._wire.aclose()

    async def _wait_for_close(self) -> None:
        data, at = self._data, self._at
        while True:
            while (lengths := frame_lengths(data, at)) is not None:
                if data[at] & OPCODE == CLOSE & OPCODE:
                    return
                at += sum(lengths)
            more = await self._wire.receive_some()
            if not more:
                return
            data, at = data[at:] + more, max(0, at - len(data))


class _BehindHandshake(trio.abc.Stream):
    """The wire, as it looks to the library: with its own handshake in front."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._was_read = False
        self._was_answered = trio.Event()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if not self._was_read:
            self._was_read = True
            return _HANDSHAKE
        await self._was_answered.wait()
        return await self._wire.receive_some(max_bytes)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self._was_answered.is_set():
            await self._wire.send_all(data)
        self._was_answered.set()

    async def wait_send_all_might_not_block(self) -> None:
        await self._wire.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._wire.aclose()


def read_frame(data: bytes | bytearray, at: int) -> tuple[int, bytes, int] | None:
    """The frame that begins at ``at``: its first byte, its payload, and where the next one begins; None if it is not
    whole. Raises `UnusualFrame`, and `UnicodeDecodeError` for the begin of what is no text."""
    if len(data) - at < 2:
        return None
    first, second = data[at], data[at + 1]
    longest = ORDINARY.get(first)
    if longest is None or not MASKED <= second <= longest:
        raise UnusualFrame
    lengths = frame_lengths(data, at)
    if lengths is None:
        return None
    header, size = lengths
    if header > SHORT_HEADER and size <= MAX_CONTROL_BYTES:  # it had no need of so long a one
        raise UnusualFrame
    start, end = at + header, at + header + size
    if len(data) < start:
        return None
    payload = _unmasked(data[start:end], data[start - 4 : start])
    if len(data) >= end:
        return first, payload, end
    if first == TEXT:
        _check_begin(payload)
    return None


def _unmasked(payload: bytes | bytearray, mask: bytes | bytearray) -> bytes:
    """RFC 6455 section 5.3. As one number each: ten times as fast as byte by byte."""
    size = len(payload)
    key = (bytes(mask) * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")).to_bytes(size, "little")


def _check_begin(payload: bytes) -> None:
    """Raise `UnicodeDecodeError` unless this may be the begin of a text."""
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        if error.end < len(payload) or error.reason != "unexpected end of data":
            raise


def read_close(payload: bytes) -> tuple[int, str | None]:
    """The code and the reason of a close. Raises `UnusualFrame` and `UnicodeDecodeError`."""
    if not payload:
        return NO_STATUS, None
    code = int.from_bytes(payload[:2], "big")
    if code not in USUAL_CODES and not 3000 <= code < 5000:  # also what has one byte
        raise UnusualFrame
    return code, payload[2:].decode() or None
