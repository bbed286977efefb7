"""The network, as bad as it gets: a TCP proxy that delays, cuts, resets, falls silent, trickles, and doubles.

Each connection through it has one fate, drawn when it is made.
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


class Fate(enum.Enum):
    """What becomes of a connection."""

    PASS = "passed on"
    DELAY = "each piece delayed"
    CUT_UP = "cut after some bytes from the client"
    CUT_DOWN = "cut after some bytes from the server"
    RESET_UP = "reset after some bytes from the client"
    RESET_DOWN = "reset after some bytes from the server"
    SILENCE = "silent after some bytes from the server"
    TRICKLE = "a few bytes at a time"
    DOUBLE = "what the client sends is sent twice, over two connections"


FAULTS = tuple(fate for fate in Fate if fate is not Fate.PASS)

BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError, OSError)


@attrs.define(eq=False)
class _Passage:
    """One connection on its way through."""

    fate: Fate
    budget: int
    """How many bytes pass before the fate strikes."""
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    resets: bool = False
    is_silent: bool = False
    is_open: bool = False
    """Whether the server has answered."""

    @contextmanager
    def closing(self, stream: trio.SocketStream) -> Iterator[None]:
        """Close a stream as this passage ends: politely or not."""
        try:
            yield
        finally:
            if self.resets and stream.socket.fileno() >= 0:
                stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.socket.close()


class Proxy:
    """Connections to a port of this machine, on their way to another one."""

    def __init__(self, target: int, rng: random.Random, fates: tuple[Fate, ...]) -> None:
        self.port = 0
        self.hits: Counter[Fate] = Counter()
        """How often each fate has really struck."""
        self._target = target
        self._rng = rng
        self._fates = fates
        self._is_healed = False
        self._listeners: list[trio.SocketListener] = []
        self._passages: set[_Passage] = set()

    async def listen(self) -> None:
        """Take a port; connections wait there for `run`."""
        self._listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = self._listeners[0].socket.getsockname()[1]

    async def run(self) -> None:
        """Accept and pass on, until cancelled."""
        await trio.serve_listeners(self._serve, self._listeners)

    def heal(self) -> None:
        """From now on pass everything on; whoever is silent is cut."""
        self._is_healed = True
        for passage in self._passages:
            if passage.fate is not Fate.PASS:
                passage.scope.cancel()

    @property
    def connections(self) -> int:
        """How many connections there are on which the server has answered."""
        return sum(passage.is_open for passage in self._passages)

    def cut_all(self) -> None:
        """Cut all connections at this moment, half of them by a reset; whoever comes back is let through."""
        for passage in self._passages:
            passage.resets = self._rng.random() < 0.5
            passage.is_open = False
            passage.scope.cancel()

    async def _serve(self, near: trio.SocketStream) -> None:
        # Half of the connections live, or nobody would get anything done.
        is_bad = not self._is_healed and self._fates and self._rng.random() < 0.5
        fate = self._rng.choice(self._fates) if is_bad else Fate.PASS
        # Small numbers cut handshakes, larger ones frames.
        passage = _Passage(fate, int(self._rng.expovariate(1 / self._rng.choice((100, 1_000, 30_000)))))
        self._passages.add(passage)
        try:
            with passage.closing(near), passage.scope:
                await self._connect(passage, near)
        except* BROKEN:
            pass
        finally:
            self._passages.discard(passage)

    async def _connect(self, passage: _Passage, near: trio.SocketStream) -> None:
        far = await trio.open_tcp_stream("127.0.0.1", self._target)
        with passage.closing(far):
            if passage.fate is not Fate.DOUBLE:
                await self._pass(passage, near, far, None)
                return
            shadow = await trio.open_tcp_stream("127.0.0.1", self._target)
            with passage.closing(shadow):
                self.hits[Fate.DOUBLE] += 1
                await self._pass(passage, near, far, shadow)

    async def _pass(
        self,
        passage: _Passage,
        near: trio.SocketStream,
        far: trio.SocketStream,
        shadow: trio.SocketStream | None,
    ) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pump, passage, near, far, shadow, True)
            nursery.start_soon(self._pump, passage, far, near, None, False)
            if shadow is not None:
                nursery.start_soon(_drain, shadow)

    async def _pump(
        self,
        passage: _Passage,
        source: trio.SocketStream,
        sink: trio.SocketStream,
        shadow: trio.SocketStream | None,
        is_up: bool,
    ) -> None:
        fate = passage.fate
        strikes = {
            Fate.CUT_UP: is_up,
            Fate.RESET_UP: is_up,
            Fate.CUT_DOWN: not is_up,
            Fate.RESET_DOWN: not is_up,
            Fate.SILENCE: not is_up,
        }.get(fate, False)
        while True:
            data = await source.receive_some(CHUNK)
            if not data:
                passage.scope.cancel()
                return
            passage.is_open = passage.is_open or not is_up
            if strikes and len(data) > passage.budget:
                await sink.send_all(data[: passage.budget])
                await self._strike(passage)
            passage.budget -= len(data) if strikes else 0
            if fate is Fate.DELAY:
                self.hits[fate] += 1
                await trio.sleep(self._rng.uniform(0, 0.2))
            if fate is Fate.TRICKLE and passage.budget > 0:
                self.hits[fate] += 1
                await self._trickle(passage, sink, data)
            elif not passage.is_silent:
                await sink.send_all(data)
            if shadow is not None:
                await shadow.send_all(data)

    async def _strike(self, passage: _Passage) -> None:
        self.hits[passage.fate] += 1
        if passage.fate is Fate.SILENCE:
            passage.is_silent = True  # the other direction falls silent as well
            with trio.move_on_after(self._rng.uniform(1, 8)):
                await trio.sleep_forever()
        passage.resets = passage.fate in (Fate.RESET_UP, Fate.RESET_DOWN)
        passage.scope.cancel()
        await trio.lowlevel.checkpoint()

    async def _trickle(self, passage: _Passage, sink: trio.SocketStream, data: bytes | bytearray) -> None:
        start = 0
        while start < len(data) and passage.budget > 0:
            size = self._rng.randint(1, 40)
            await sink.send_all(data[start : start + size])
            start += size
            passage.budget -= size
            await trio.sleep(0.002)
        await sink.send_all(data[start:])


async def _drain(stream: trio.SocketStream) -> None:
    """Read what nobody wants to know."""
    while await stream.receive_some(CHUNK):
        pass
