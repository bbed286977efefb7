"""Server process: driven by arguments and signals, observed by its output."""

from __future__ import annotations

import os
import re
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import attrs
import trio

from tests.support.forks import FORKS, environment, fork

if TYPE_CHECKING:
    import signal
    from collections.abc import AsyncIterator, Mapping
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

PATIENCE_S = 120
"""Seconds that a start or a stop may take before the test fails; it is one on an idle machine."""

NAME = ("--allow-host", "chat.example")
"""The name by which raw clients ask for a server."""


def command(*arguments: str | Path) -> list[str]:
    """Command that starts the server."""
    return [sys.executable, "-m", "trio_chat", *map(str, arguments)]


def children(pid: int | str = "self") -> list[int]:
    """The processes that are a process's own: running, or ended and not reaped. Linux only."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(pid) for thread in threads for pid in (thread / "children").read_text().split()]


class Finished(NamedTuple):
    """Exit status and output of a process that has ended."""

    status: int
    stdout: str
    stderr: str


async def run_server(*arguments: str | Path, **variables: str) -> Finished:
    """Run a command, or a server that must end by itself, and return what it left."""
    with trio.fail_after(PATIENCE_S):
        done = await trio.run_process(
            command(*arguments),
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            env=environment(**variables),
        )
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())


class Forked:
    """A forked process, in Trio."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        assert process.pid is not None
        self.pid = process.pid

    def send_signal(self, signum: signal.Signals) -> None:
        """Send it a signal, if it is still there."""
        if self._process.is_alive():
            os.kill(self.pid, signum)

    def kill(self) -> None:
        """Send it SIGKILL."""
        self._process.kill()

    async def wait(self) -> int:
        """Wait until it has ended; its exit status, or minus the signal that ended it."""
        await trio.lowlevel.wait_readable(self._process.sentinel)
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode


@attrs.define
class ServerProcess:
    """A running server process."""

    process: Forked
    port: int
    ready_line: str
    owner_line: str
    """The line behind it: how to become the owner; empty if there is one."""
    _stderr: bytearray
    _heard_all: trio.Event

    def signal(self, signum: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(signum)

    async def wait(self) -> Finished:
        """Wait until the process has ended and all its output is read."""
        with trio.fail_after(PATIENCE_S):
            status = await self.process.wait()
            await self._heard_all.wait()
        return Finished(status, self.ready_line, self._stderr.decode())

    async def kill(self) -> None:
        """End the process by SIGKILL."""
        self.process.kill()
        with trio.fail_after(PATIENCE_S):
            await self.process.wait()


@asynccontextmanager
async def open_process(
    data: Path,
    *arguments: str,
    port: int = 0,
    ready: str = r"ready at .*\bhttps?://127\.0\.0\.1:(\d+)\)?$",
    variables: Mapping[str, str] | None = None,
) -> AsyncIterator[ServerProcess]:
    """Start a server on a free port or on ``port``, and wait until it is ready; killed on leaving if it still runs.
    ``ready`` matches its first line, with the port. It is forked (`tests.support.forks`); `run_server` starts one as
    people do."""
    out, error = FORKS.Pipe(duplex=False), FORKS.Pipe(duplex=False)
    options = ("--host", "127.0.0.1", "--port", str(port), "--data", str(data), *NAME, *arguments)
    process = Forked(fork(options, out[1], error[1], variables=variables))
    try:
        async with _stream(out[0]) as lines, _stream(error[0]) as errors, trio.open_nursery() as nursery:
            stderr, heard_all = bytearray(), trio.Event()
            nursery.start_soon(_collect, errors, stderr, heard_all)
            with trio.fail_after(PATIENCE_S):
                ready_line, _, owner_line = (await _read_lines(lines)).partition("\n")
            found = re.search(ready, ready_line)
            assert found, f"{ready_line!r}, {stderr.decode()}"
            yield ServerProcess(process, int(found[1]), ready_line, owner_line, stderr, heard_all)
            nursery.cancel_scope.cancel()
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


def _stream(connection: Connection) -> trio.lowlevel.FdStream:
    with connection:
        return trio.lowlevel.FdStream(os.dup(connection.fileno()))


async def _read_lines(stream: trio.lowlevel.FdStream) -> str:
    lines = b""
    while not lines.endswith(b"\n"):
        more = await stream.receive_some()
        if not more:
            break
        lines += more
    return lines.decode().rstrip("\n")


async def _collect(stream: trio.lowlevel.FdStream, into: bytearray, heard_all: trio.Event) -> None:
    async for data in stream:
        into += data
    heard_all.set()
