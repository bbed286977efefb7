"""A server that is measured while something grows: what an action costs it, in processor time."""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import build
from bench.crowd import Crowd
from bench.measure import MeasureError, cores, free_port, stop, wait_until_serving
from bench.peers import trio_chat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bench.crowd import Client

SAMPLE = 64
"""So many clients take a measured step."""

QUIET_S = 3.5
QUIET_SHARE = 0.03
SETTLE_S = 30.0
"""A server is quiet when it used less than this share of a core for so long: presence follows that late. It may take so
long to become quiet."""

BEHIND_S = 0.01
"""What a process runs at the moment is not counted yet: it is asked when it sleeps."""

FREE: Mapping[str, object] = {
    "max-connections": 19_000,
    "max-open-rooms": 20_000,
    "rooms-per-person-per-day": 0,
    "searches-per-minute": 0,
    "searches-per-minute-per-address": 0,
    "idle-ping": 0,
    "hello-timeout": 0,
}
"""Settings with which nobody is refused, and nothing happens by itself."""


class Server:
    """A server that is measured. Made by `serving`."""

    def __init__(self, pid: int, crowd: Crowd) -> None:
        self._pid = pid
        self.crowd = crowd
        self.start_s = self.cpu_s()
        """The processor time until it served."""

    def cpu_s(self) -> float:
        """The processor time that it has used."""
        return time.clock_gettime((~self._pid << 3) | 2)  # the process's clock: `clock_getcpuclockid`

    def rss_kib(self) -> float:
        """Its resident memory."""
        return int(Path(f"/proc/{self._pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1024

    def cost_us(self, action: Callable[[], object], count: int = 1) -> float:
        """The processor time of an action, for each of so many, with what follows its answer."""
        before = self.cpu_s()
        action()
        time.sleep(BEHIND_S)
        return (self.cpu_s() - before) / count * 1e6

    def settle(self) -> None:
        """Wait until it does nothing more."""
        end, quiet_since = time.monotonic() + SETTLE_S, time.monotonic()
        while (now := time.monotonic()) < min(end, quiet_since + QUIET_S):
            before = self.cpu_s()
            self.crowd.listen(0.25)
            if self.cpu_s() - before > QUIET_SHARE * (time.monotonic() - now):
                quiet_since = time.monotonic()

    def log_in(self, tokens: Sequence[str]) -> list[Client]:
        """These people, connected and with their lists."""
        clients = self.crowd.open(len(tokens))
        self.crowd.say(clients, lambda number: hello(tokens[number]), "welcome")
        return clients

    def each(self, client: Client, make: Callable[[int], Mapping[str, object]], answer: str) -> float:
        """What a command costs that one client says again and again."""
        numbers = iter(range(SAMPLE))
        return statistics.median(
            self.cost_us(lambda: self.crowd.say([client], lambda _: make(next(numbers)), answer))
            for _ in range(SAMPLE // 2)
        )


@contextlib.contextmanager
def serving(directory: Path) -> Iterator[Server]:
    """A server over this directory, alone on its core, and a crowd for it."""
    port, log = free_port(), directory / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            trio_chat(port, directory, more={**FREE, "data": directory}),
            stdout=output,
            stderr=output,
            preexec_fn=lambda: os.sched_setaffinity(0, {cores()[0]}),
        )
    try:
        wait_until_serving(process, port, log)
        with Crowd(port) as crowd:
            server = Server(process.pid, crowd)
            server.settle()
            yield server
        if process.poll() is not None:
            raise MeasureError(f"The server died: {log.read_text()[-300:]!r}")
    finally:
        stop(process)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """An empty directory."""
    directory = build.BUILD / "growth"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def hello(token: str | None = None, name: str | None = None) -> dict[str, object]:
    """The command of a known person, or of somebody new, who wants their lists."""
    who = {"name": name} if token is None else {"token": token}
    return {"type": "hello", "lists": True, **who}


def command(kind: str, number: int, /, **fields: object) -> dict[str, object]:
    """A command of this type, with an id of its own."""
    return {"type": kind, "id": f"{kind}-{number}-{time.monotonic_ns():x}", **fields}
