"""Wires between the bridge and the machines of a `network`: a process that carries frames from one tap device to
another, late, twice or not at all. Some kernels have `netem` for that; tap devices they all have."""

from __future__ import annotations

import fcntl
import json
import os
import random
import selectors
import struct
import subprocess
import sys
import time
from collections import deque
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import trio

from tests.torture.disk import Skipped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

TUN = Path("/dev/net/tun")
TUNSETIFF: Final = 0x400454CA
IFF_TAP_WITHOUT_HEADER: Final = 0x0002 | 0x1000

MAX_FRAME: Final = 65_536
MAX_WAITING: Final = 5_000
"""Frames under way in one direction; what comes then is lost, as in a router whose queue is full."""


@attrs.frozen
class Quality:
    """How a wire carries frames, each way. Frames never overtake each other."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    """How much longer than that a frame may take, by chance."""
    loss: float = 0.0
    """The share that does not arrive."""
    doubled: float = 0.0
    """The share that arrives twice."""


@attrs.define
class Counts:
    """What a wire has done since it is there."""

    late: int = 0
    lost: int = 0
    doubled: int = 0


class Wires:
    """The process that carries frames, as its parent sees it. Made by `open_wires`."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._turn = trio.Lock()
        self._answers = b""

    async def ask(self, wire: int, quality: Quality | None = None) -> Counts:
        """Let a wire be of this quality from now on, if one is given; what it has done up to now."""
        question = [wire, None if quality is None else attrs.asdict(quality)]
        assert self._process.stdin is not None
        async with self._turn:
            await self._process.stdin.send_all(json.dumps(question).encode() + b"\n")
            return Counts(**json.loads(await self.read_line()))

    async def read_line(self) -> bytes:
        """The next line that it says. Raises `RuntimeError` if it has ended."""
        assert self._process.stdout is not None
        while b"\n" not in self._answers:
            data = await self._process.stdout.receive_some()
            if not data:
                raise RuntimeError("the process that carries frames has ended")
            self._answers += data
        line, _, self._answers = self._answers.partition(b"\n")
        return line


@asynccontextmanager
async def open_wires(pairs: Sequence[tuple[str, str]]) -> AsyncIterator[Wires]:
    """A wire between the two tap devices of each pair, which are made, and are gone on leaving. Raises `Skipped` where
    they cannot be made."""
    command = [sys.executable, "-m", "tests.torture.wires", *(name for pair in pairs for name in pair)]
    process = await trio.lowlevel.open_process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        wires = Wires(process)
        try:
            await wires.read_line()
        except RuntimeError as error:
            raise Skipped("tap devices cannot be made here") from error
        yield wires
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    await pipe.aclose()


class _Wire:
    def __init__(self, one: int, other: int) -> None:
        self.quality = Quality()
        self.counts = Counts()
        self.ways = (_Way(self, one, other), _Way(self, other, one))


class _Way:
    """One direction of a wire: from one device to another."""

    def __init__(self, wire: _Wire, source: int, target: int) -> None:
        self.source = source
        self._wire = wire
        self._target = target
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._last_due = 0.0

    def read(self) -> None:
        """Take in all frames that are there."""
        quality, counts = self._wire.quality, self._wire.counts
        with suppress(BlockingIOError):
            while True:
                frame = os.read(self.source, MAX_FRAME)
                if random.random() < quality.loss or len(self._waiting) >= MAX_WAITING:
                    counts.lost += 1
                    continue
                delay_s = quality.delay_s + random.uniform(0, quality.jitter_s)
                is_doubled = random.random() < quality.doubled
                counts.late += delay_s > 0
                counts.doubled += is_doubled
                self._last_due = max(self._last_due, time.monotonic() + delay_s)
                self._waiting.extend([(self._last_due, frame)] * (1 + is_doubled))

    def write_due(self, now: float) -> float | None:
        """Send what is due; how many seconds the next frame waits, None if there is none."""
        while self._waiting and self._waiting[0][0] <= now:
            frame = self._waiting.popleft()[1]
            with suppress(OSError):  # the device is down: it is cut off
                os.write(self._target, frame)
        return self._waiting[0][0] - now if self._waiting else None


def _open_tap(name: str) -> int:
    device = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP_WITHOUT_HEADER))
    return device


def carry(names: Sequence[str]) -> None:
    """Carry frames between the devices of each pair of names, and answer `Wires.ask`, until stdin ends."""
    devices = [_open_tap(name) for name in names]
    wires = [_Wire(one, other) for one, other in zip(devices[::2], devices[1::2], strict=True)]
    ways = [way for wire in wires for way in wire.ways]
    selector = selectors.DefaultSelector()
    for way in ways:
        selector.register(way.source, selectors.EVENT_READ, way)
    selector.register(sys.stdin, selectors.EVENT_READ, None)
    print("the wires are there", flush=True)
    while True:
        waits = [wait_s for way in ways if (wait_s := way.write_due(time.monotonic())) is not None]
        for key, _ in selector.select(max(0.0, min(waits)) if waits else None):
            if key.data is not None:
                key.data.read()
                continue
            question = sys.stdin.readline()
            if not question:
                return
            number, quality = json.loads(question)
            if quality is not None:
                wires[number].quality = Quality(**quality)
            print(json.dumps(attrs.asdict(wires[number].counts)), flush=True)


if __name__ == "__main__":
    carry(sys.argv[1:])
