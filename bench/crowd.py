"""Many v1 clients in one thread, which do the same thing at the same time: for what each step of it costs a server."""

from __future__ import annotations

import re
import select
import socket
import struct
import time
from typing import TYPE_CHECKING

import attrs
import msgspec

from bench.measure import MeasureError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from typing import Self

SOURCES = 4
"""Addresses of this machine from which they come."""

AT_ONCE = 64
"""So many clients take a step at the same time."""

WAIT_S = 90.0

_HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: trio-chat.v1\r\n\r\n"
)
_HANDSHAKEN = "101"
_RESET = struct.pack("ii", 1, 0)
_TEXT, _PING = 0x81, 0x89
_LISTS = ("welcome", "room_added")
_STAMP = re.compile(rb'"stamp":"([^"]+)"')


@attrs.define(eq=False)
class Client:
    """One connection."""

    sock: socket.socket
    data: bytes = b""
    awaited: Collection[str] = ()
    """The types of frames of which it waits for one."""
    answer: bytes = b""
    """The frame that it waited for."""
    is_open: bool = False
    stamp: str = ""
    """What its lists are, as it was told last."""


class Crowd:
    """Connections to one server, which end with the ``with`` block. Nothing is heard but within a call.

    Whatever takes longer than `WAIT_S`, ends early or is answered with an error raises `MeasureError`.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._epoll = select.epoll()
        self._clients: dict[int, Client] = {}
        self._n_waiting = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut(list(self._clients.values()))
        self._epoll.close()

    def __len__(self) -> int:
        return len(self._clients)

    def open(self, count: int) -> list[Client]:
        """So many more connections, behind their handshakes."""
        opened: list[Client] = []
        for part in _parts(range(count)):
            clients = [self._connect() for _ in part]
            self._wait_for(clients, (_HANDSHAKEN,))
            opened += clients
        return opened

    def _connect(self) -> Client:
        # One address has so few ports that the kernel looks long for a free one when half of them are taken.
        source = f"127.0.0.{1 + len(self._clients) % SOURCES}"
        sock = socket.create_connection(("127.0.0.1", self._port), source_address=(source, 0))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(_HANDSHAKE)
        sock.setblocking(False)
        client = self._clients[sock.fileno()] = Client(sock)
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        return client

    def cut(self, clients: Sequence[Client]) -> None:
        """End these connections, as when a network goes away."""
        for client in clients:
            del self._clients[client.sock.fileno()]
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            client.sock.close()

    def say(
        self,
        clients: Sequence[Client],
        make: Callable[[int], Mapping[str, object]],
        *answers: str,
        heard_by: Sequence[Client] | None = None,
    ) -> list[bytes]:
        """Have each say the command that is made for its number, `AT_ONCE` at a time, and wait until it (or all who are
        to hear it) has heard a frame of one of these types; those frames."""
        heard: list[bytes] = []
        for part in _parts(range(len(clients))):
            waiting = [clients[number] for number in part] if heard_by is None else heard_by
            for client in waiting:
                client.awaited = answers
            for number in part:
                clients[number].sock.send(_text_frame(msgspec.json.encode(make(number))))
            self._wait_for(waiting, answers)
            heard += [client.answer for client in waiting]
        return heard

    def listen(self, seconds: float) -> None:
        """Hear, and answer pings, for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._hear(left)

    def _wait_for(self, clients: Sequence[Client], answers: Collection[str]) -> None:
        for client in clients:
            client.awaited = answers
        self._n_waiting = len(clients)
        end = time.monotonic() + WAIT_S
        while self._n_waiting:
            if time.monotonic() > end:
                raise MeasureError(f"{self._n_waiting} clients did not hear {'/'.join(answers)} in time.")
            self._hear(1.0)

    def _hear(self, timeout_s: float) -> None:
        for descriptor, _ in self._epoll.poll(timeout_s):
            client = self._clients[descriptor]
            try:
                data = client.sock.recv(1 << 18)
            except OSError as error:
                raise MeasureError(f"A connection was lost: {error}") from error
            if not data:
                raise MeasureError(f"The server closed a connection: {client.data[-200:]!r}")
            client.data += data
            self._read(client)

    def _read(self, client: Client) -> None:
        if not client.is_open:
            head, found, rest = client.data.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                raise MeasureError(f"The server refused a client: {client.data[:300]!r}")
            client.is_open, client.data = True, rest
            self._take(client, _HANDSHAKEN, head)
        at = 0
        while (frame := _frame(client.data, at)) is not None:
            first, start, end = frame
            payload, at = client.data[start:end], end
            if first == _TEXT:
                self._take(client, payload[9 : payload.index(b'"', 9)].decode(), payload)
            elif first == _PING:
                client.sock.send(b"\x8a\x80\0\0\0\0")
            else:
                raise MeasureError(f"The server ended a connection: {payload[:200]!r}")
        client.data = client.data[at:]

    def _take(self, client: Client, kind: str, payload: bytes) -> None:
        if kind in _LISTS and (found := _STAMP.search(payload)):
            client.stamp = found[1].decode()
        if kind in client.awaited:
            client.awaited, client.answer = (), payload
            self._n_waiting -= 1
        elif kind == "error":
            raise MeasureError(f"The server refused a command: {payload[:300]!r}")


def _parts(numbers: range) -> Iterator[range]:
    for start in range(0, len(numbers), AT_ONCE):
        yield numbers[start : start + AT_ONCE]


def _text_frame(payload: bytes) -> bytes:
    """A masked text frame, whose mask is zero."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return b"\x81" + length + b"\0\0\0\0" + payload


def _frame(data: bytes, at: int) -> tuple[int, int, int] | None:
    """The first byte of the frame of a server that begins at ``at``, and from where to where its payload goes."""
    if len(data) - at < 2:
        return None
    size, start = data[at + 1], at + 2
    if size >= 126:
        length = 2 if size == 126 else 8
        size, start = int.from_bytes(data[start : start + length], "big"), start + length
    return (data[at], start, start + size) if start + size <= len(data) else None
