"""Server process: the real server on a real data directory, to be killed, stopped, paused and started again."""

from __future__ import annotations

import os
import random
import resource
import signal
import socket
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import trio

from tests.torture import traced_server
from tests.torture.history import Trouble

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from tests.torture.history import Recorder

ROOT = Path(__file__).parents[2]

PRODUCT = ("-m", "trio_chat")
"""Arguments of Python for the product's own command."""

SERVER = ("-m", "tests.torture.traced_server")
"""The product's server, which says where it stands when it is asked."""

START_S = 60
"""Seconds that a start may take; long, since the machine may be busy."""

STOP_S = 30
"""Seconds that a stop by SIGTERM may take: the server's own drain timeout, and closing."""

ASKED_S = 5
"""Seconds that it has to say where it stands."""

PAGE = os.sysconf("SC_PAGE_SIZE")


@attrs.frozen
class Place:
    """Where a server runs: its address, and the command by which a program is run there."""

    host: str
    port: int
    prefix: tuple[str, ...] = ()


class ServerProcess:
    """One server through all its restarts. Made by `open_server`, which ends the process."""

    def __init__(
        self,
        data: Path,
        place: Place,
        output: Path,
        command: Sequence[str],
        environment: Mapping[str, str],
        recorder: Recorder,
    ) -> None:
        self.data = data
        self.place = place
        self.starts = 0
        self.rss: list[int] = []
        """Resident bytes, a sample a second while `watch` runs."""
        self._output = output
        self._command = command
        self._environment = {**os.environ, **environment}
        self._recorder = recorder
        self._process: trio.Process | None = None

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return self.place.port

    @property
    def pid(self) -> int:
        """Id of the process."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    async def start(self, *, wait: bool = True) -> None:
        """Start the process, and wait until it is ready. Raises `ServerDied`."""
        self.starts += 1
        with self._output.open("ab") as output:
            self._process = await trio.lowlevel.open_process(
                [
                    *self.place.prefix,
                    sys.executable,
                    *self._command,
                    *("--host", self.place.host, "--port", str(self.port), "--data", str(self.data)),
                    *("--drain-timeout", "5"),
                ],
                stdout=subprocess.PIPE,
                stderr=output,
                cwd=ROOT,
                env=self._environment,
            )
        if wait:
            await self.wait_ready()

    async def wait_ready(self) -> None:
        """Wait until the server says that it is ready. Raises `ServerDied` if it does not in time."""
        assert self._process is not None
        assert self._process.stdout is not None
        output = b""
        with trio.move_on_after(START_S):
            while b"is ready" not in output:
                data = await self._process.stdout.receive_some()
                if not data:
                    raise ServerDied(
                        f"the server ended with {await self._process.wait()} when it was started"
                    )
                output += data
            return
        raise ServerDied(
            f"the server was not ready within {START_S} seconds\n{await self._where_it_stands()}"
        )

    async def kill(self) -> None:
        """End the process by SIGKILL, and wait for its end."""
        assert self._process is not None
        if self.is_running:
            self._process.kill()
        await self._process.wait()
        await self._close()

    async def terminate(self) -> None:
        """End the process by SIGTERM. Anything but a clean exit in time is recorded as a `Trouble`."""
        assert self._process is not None
        self._process.terminate()
        with trio.move_on_after(STOP_S) as scope:
            code = await self._process.wait()
            if code != 0:
                self._recorder.add(Trouble(what=f"the server ended with {code} after SIGTERM"))
        if scope.cancelled_caught:
            stands = await self._where_it_stands()
            self._recorder.add(Trouble(what=f"the server did not stop within {STOP_S} seconds\n{stands}"))
            await self.kill()
        await self._close()

    async def _where_it_stands(self) -> str:
        """What the process says of its threads and tasks; as much of it as comes in time."""
        before = len(self.log_text())
        os.kill(self.pid, traced_server.ASK)
        with trio.move_on_after(ASKED_S):
            while self.is_running and traced_server.TASKS_END not in self.log_text()[before:]:  # noqa: ASYNC110
                await trio.sleep(0.05)
        return self.log_text()[before:]

    async def pause(self, seconds: float) -> None:
        """Stop the process for some seconds."""
        self.freeze()
        try:
            await trio.sleep(seconds)
        finally:
            self.thaw()

    def freeze(self) -> None:
        """SIGSTOP; a system call that is under way may go on for a moment."""
        os.kill(self.pid, signal.SIGSTOP)

    async def wait_frozen(self) -> None:
        """Wait until all threads are stopped."""
        while not _stands_still(self.pid):  # noqa: ASYNC110
            await trio.sleep(0.001)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def limit_files(self, count: int) -> tuple[int, int]:
        """Limit its file descriptors to that number; returns the limits it had."""
        hard = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)[1]
        return resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (count, hard))

    def unlimit_files(self, limits: tuple[int, int]) -> None:
        """Put back the limits that `limit_files` returned."""
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, limits)

    def memory(self) -> int:
        """Resident memory in bytes."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE

    def open_files(self) -> int:
        """Number of open file descriptors."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    async def watch(self) -> None:
        """Sample the memory into `rss` each second, until cancelled."""
        while True:
            await trio.sleep(1)
            if self.is_running:
                with suppress(FileNotFoundError, ProcessLookupError, IndexError):
                    self.rss.append(self.memory())

    def log_text(self) -> str:
        """The operator's log: all that the server wrote to stderr since the first start."""
        return self._output.read_text(errors="replace") if self._output.exists() else ""

    async def _close(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        await self._process.stdout.aclose()


async def run_command(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run one of the product's other commands to its end, and return its output."""
    command = [sys.executable, *PRODUCT, *arguments]
    return await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False, cwd=ROOT)


async def kill_command(*arguments: str, after_s: float) -> None:
    """Run one of them, and kill it after so long, unless it has ended."""
    process = await trio.lowlevel.open_process(
        [sys.executable, *PRODUCT, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )
    with trio.move_on_after(after_s):
        await process.wait()
    process.kill()
    await process.wait()


class ServerDied(Exception):
    """The server does not run, or does not serve, although it should."""


def _stands_still(pid: int) -> bool:
    """Whether all threads of a process are stopped (proc(5))."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return all((thread / "stat").read_text().rpartition(")")[2].split()[0] == "T" for thread in threads)


def free_port() -> int:
    """A free port outside of the system's ephemeral range, so that it stays free between two starts.

    Not by the run's seed: two runs of one seed at the same time would connect to each other's server.
    """
    rng = random.SystemRandom()
    while True:
        port = rng.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@asynccontextmanager
async def open_server(
    data: Path,
    output: Path,
    recorder: Recorder,
    command: Sequence[str],
    environment: Mapping[str, str],
    place: Place | None = None,
) -> AsyncIterator[ServerProcess]:
    """Start a server, on a free port of this machine unless it has a place; it is killed on leaving if it still runs.
    Raises `ServerDied`."""
    place = place or Place("127.0.0.1", free_port())
    server = ServerProcess(data, place, output, command, environment, recorder)
    try:
        await server.start()
        yield server
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + STOP_S):
            if server.is_running:
                await server.kill()
