"""Network faults: a TCP proxy that delays, cuts, resets, falls silent, trickles, and doubles.

Each connection through it has one fault or none, drawn when it is accepted.
"""

from __future__ import annotations

import enum
import socket
import struct
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs
import trio

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

CHUNK = 65536


class NetworkFault(enum.Enum):
    """What the proxy does to a connection."""

    NONE = "passed on"
    DELAY = "each piece delayed"
    CUT_UP = "cut after some bytes from the client"
    CUT_DOWN = "cut after some bytes from the server"
    RESET_UP = "reset after some bytes from the client"
    RESET_DOWN = "reset after some bytes from the server"
    SILENCE = "silent after some bytes from the server"
    TRICKLE = "a few bytes at a time"
    DOUBLE = "what the client sends is sent twice, over two connections"


NETWORK_FAULTS = tuple(fault for fault in NetworkFault if fault is not NetworkFault.NONE)

BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError, OSError)


@attrs.define(eq=False)
class _Connection:
    """One connection through the proxy."""

    fault: NetworkFault
    budget: int
    """Bytes that pass before the fault hits."""
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    resets: bool = False
    is_silent: bool = False
    is_open: bool = False
    """Whether the server has sent something."""

    @contextmanager
    def closing(self, stream: trio.SocketStream) -> Iterator[None]:
        """Close a stream at the end of the block, by a reset if the connection is to be reset."""
        try:
            yield
        finally:
            if self.resets and stream.socket.fileno() >= 0:
                stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.socket.close()


class Proxy:
    """A proxy from one port of this machine to another, or to one of another host."""

    def __init__(
        self, target: int, rng: random.Random, faults: tuple[NetworkFault, ...], *, host: str = "127.0.0.1"
    ) -> None:
        self.port = 0
        self.hits: Counter[NetworkFault] = Counter()
        """Number of times that each fault has hit."""
        self._target = target
        self._host = host
        self._rng = rng
        self._faults = faults
        self._is_healed = False
        self._listeners: list[trio.SocketListener] = []
        self._connections: set[_Connection] = set()

    async def listen(self) -> None:
        """Listen on a free port, `port`; connections wait there for `run`."""
        self._listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = self._listeners[0].socket.getsockname()[1]

    async def run(self) -> None:
        """Accept and forward connections, until cancelled."""
        await trio.serve_listeners(self._serve, self._listeners)

    def heal(self) -> None:
        """Inject no more faults, and cut the connections that have one."""
        self._is_healed = True
        for connection in self._connections:
            if connection.fault is not NetworkFault.NONE:
                connection.scope.cancel()

    @property
    def connections(self) -> int:
        """Number of connections on which the server has sent something."""
        return sum(connection.is_open for connection in self._connections)

    def cut_all(self) -> None:
        """Cut all connections at this moment, half of them by a reset."""
        for connection in self._connections:
            connection.resets = self._rng.random() < 0.5
            connection.is_open = False
            connection.scope.cancel()

    async def _serve(self, near: trio.SocketStream) -> None:
        # Half of the connections have no fault, or no client would get anything done.
        is_bad = not self._is_healed and self._faults and self._rng.random() < 0.5
        fault = self._rng.choice(self._faults) if is_bad else NetworkFault.NONE
        # Small numbers cut handshakes, larger ones frames.
        connection = _Connection(
            fault, int(self._rng.expovariate(1 / self._rng.choice((100, 1_000, 30_000))))
        )
        self._connections.add(connection)
        try:
            with connection.closing(near), connection.scope:
                await self._connect(connection, near)
        except* BROKEN:
            pass
        finally:
            self._connections.discard(connection)

    async def _connect(self, connection: _Connection, near: trio.SocketStream) -> None:
        far = await trio.open_tcp_stream(self._host, self._target)
        with connection.closing(far):
            if connection.fault is not NetworkFault.DOUBLE:
                await self._forward(connection, near, far, None)
                return
            shadow = await trio.open_tcp_stream(self._host, self._target)
            with connection.closing(shadow):
                self.hits[NetworkFault.DOUBLE] += 1
                await self._forward(connection, near, far, shadow)

    async def _forward(
        self,
        connection: _Connection,
        near: trio.SocketStream,
        far: trio.SocketStream,
        shadow: trio.SocketStream | None,
    ) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pump, connection, near, far, shadow, True)
            nursery.start_soon(self._pump, connection, far, near, None, False)
            if shadow is not None:
                nursery.start_soon(_drain, shadow)

    async def _pump(
        self,
        connection: _Connection,
        source: trio.SocketStream,
        sink: trio.SocketStream,
        shadow: trio.SocketStream | None,
        is_up: bool,
    ) -> None:
        fault = connection.fault
        has_budget = {
            NetworkFault.CUT_UP: is_up,
            NetworkFault.RESET_UP: is_up,
            NetworkFault.CUT_DOWN: not is_up,
            NetworkFault.RESET_DOWN: not is_up,
            NetworkFault.SILENCE: not is_up,
        }.get(fault, False)
        while True:
            data = await source.receive_some(CHUNK)
            if not data:
                connection.scope.cancel()
                return
            connection.is_open = connection.is_open or not is_up
            if has_budget and len(data) > connection.budget:
                await sink.send_all(data[: connection.budget])
                await self._strike(connection)
            connection.budget -= len(data) if has_budget else 0
            if fault is NetworkFault.DELAY:
                self.hits[fault] += 1
                await trio.sleep(self._rng.uniform(0, 0.2))
            if fault is NetworkFault.TRICKLE and connection.budget > 0:
                self.hits[fault] += 1
                await self._trickle(connection, sink, data)
            elif not connection.is_silent:
                await sink.send_all(data)
            if shadow is not None:
                await shadow.send_all(data)

    async def _strike(self, connection: _Connection) -> None:
        self.hits[connection.fault] += 1
        if connection.fault is NetworkFault.SILENCE:
            connection.is_silent = True  # the other direction falls silent as well
            with trio.move_on_after(self._rng.uniform(1, 8)):
                await trio.sleep_forever()
        connection.resets = connection.fault in (NetworkFault.RESET_UP, NetworkFault.RESET_DOWN)
        connection.scope.cancel()
        await trio.lowlevel.checkpoint()

    async def _trickle(
        self, connection: _Connection, sink: trio.SocketStream, data: bytes | bytearray
    ) -> None:
        start = 0
        while start < len(data) and connection.budget > 0:
            size = self._rng.randint(1, 40)
            await sink.send_all(data[start : start + size])
            start += size
            connection.budget -= size
            await trio.sleep(0.002)
        await sink.send_all(data[start:])


async def _drain(stream: trio.SocketStream) -> None:
    """Read and drop everything."""
    while await stream.receive_some(CHUNK):
        pass
