"""Server process: started as people start it, driven by arguments and signals, observed by its output."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import attrs
import trio

if TYPE_CHECKING:
    import signal
    from collections.abc import AsyncIterator, Mapping

PATIENCE_S = 30
"""Seconds that a start or a stop may take before the test fails; it is one on an idle machine."""

ROOT = Path(__file__).parents[2]

NAME = ("--allow-host", "chat.example")
"""The name by which raw clients ask for a server."""


def command(*arguments: str | Path) -> list[str]:
    """Command that starts the server."""
    return [sys.executable, "-m", "trio_chat", *map(str, arguments)]


def environment(**variables: str) -> dict[str, str]:
    """Environment without settings of the chat, and with warnings as errors."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("TRIO_CHAT_")}
    return mine | {"PYTHONWARNINGS": "error", "PYTHONPATH": str(ROOT)} | variables


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
    """Start the server where it must end by itself, and return what it left."""
    with trio.fail_after(PATIENCE_S):
        done = await trio.run_process(
            command(*arguments),
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            env=environment(**variables),
        )
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())


@attrs.define
class ServerProcess:
    """A running server process."""

    process: trio.Process
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
    ``ready`` matches its first line, with the port."""
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            partial(
                trio.run_process,
                command("--host", "127.0.0.1", "--port", str(port), "--data", data, *NAME, *arguments),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                check=False,
                env=environment(**(variables or {})),
                deliver_cancel=_kill,
            )
        )
        stderr, heard_all = bytearray(), trio.Event()
        nursery.start_soon(_collect, process, stderr, heard_all)
        with trio.fail_after(PATIENCE_S):
            ready_line, _, owner_line = (await _read_lines(process)).partition("\n")
        found = re.search(ready, ready_line)
        assert found, f"{ready_line!r}, {stderr.decode()}"
        yield ServerProcess(process, int(found[1]), ready_line, owner_line, stderr, heard_all)
        nursery.cancel_scope.cancel()


async def _kill(process: trio.Process) -> None:
    process.kill()


async def _read_lines(process: trio.Process) -> str:
    assert process.stdout is not None
    lines = b""
    while not lines.endswith(b"\n"):
        more = await process.stdout.receive_some()
        if not more:
            break
        lines += more
    return lines.decode().rstrip("\n")


async def _collect(process: trio.Process, into: bytearray, heard_all: trio.Event) -> None:
    assert process.stderr is not None
    async for data in process.stderr:
        into += data
    heard_all.set()
