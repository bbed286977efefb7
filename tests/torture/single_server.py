"""One server with its log in a file, as a system under test."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import trio

from tests.torture.check_files import left_over
from tests.torture.check_state import deleted_texts
from tests.torture.database import find_remains, read_files, read_heads, read_last_messages, read_logs
from tests.torture.disk import open_disk
from tests.torture.faults import FAULTS, NEED_DISK, NEED_FAULTY_VFS, FaultTarget, faked_clock
from tests.torture.history import DAMAGING_FAULTS, Trouble
from tests.torture.oracle import Oracle
from tests.torture.process import open_server, run_command
from tests.torture.websocket import wait_until

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from tests.torture.history import Recorder
    from tests.torture.options import Options
    from tests.torture.process import ServerProcess

DATABASE = "chat.db"

SWEEP_S = 10
"""Seconds that the server may take to remove files that nothing needs, when it was started."""


class SingleServer:
    """See `System`. Made by `open_single_server`."""

    def __init__(self, options: Options, target: FaultTarget) -> None:
        self.target = target
        self._options = options
        self._server = target.server
        self._data = target.server.data
        self.fault_names: Sequence[str] = sorted(options.faults & FAULTS.keys())

    @property
    def servers(self) -> Sequence[ServerProcess]:
        """See `System`."""
        return [self._server]

    async def inject(self, name: str) -> str | None:
        """See `System`."""
        return await FAULTS[name](self.target)

    async def heal(self) -> None:
        """See `System`. Each fault heals what it does."""

    def read_heads(self) -> dict[str, tuple[int, list[str]]]:
        """See `System`."""
        return read_heads(self._data / DATABASE)

    def read_last_messages(self) -> dict[str, int]:
        """See `System`."""
        return read_last_messages(self._data / DATABASE)

    async def stop(self) -> None:
        """See `System`."""
        await self._server.terminate()
        if (self._data / "files").is_dir():
            # Once more, for that removes what kills have left of files.
            await self._server.start()
            with trio.move_on_after(SWEEP_S):
                await wait_until(lambda: not left_over(read_files(self._data)))
            await self._server.terminate()
            self.target.recorder.add(read_files(self._data))

    async def read_end(self) -> None:
        """See `System`."""
        recorder = self.target.recorder
        for record in read_logs(self._data / DATABASE):
            recorder.add(record)
        if not self._options.faults & DAMAGING_FAULTS:
            verified = await run_command("verify", "--data", str(self._data))
            if verified.returncode:
                recorder.add(Trouble(what=f"the log is not whole: {verified.stdout.decode()}"))
        for remains in find_remains(self._data, deleted_texts(Oracle(recorder.records))):
            recorder.add(remains)

    def log_text(self) -> str:
        """See `System`."""
        return self._server.log_text()


@asynccontextmanager
async def open_single_server(
    options: Options, directory: Path, recorder: Recorder, rng: random.Random
) -> AsyncIterator[SingleServer]:
    """Start a server, on a disk of its own if a fault needs one; it is killed on leaving if it still runs. Raises
    `Skipped` and `ServerDied`."""
    control, clock = directory / "control", directory / "clock"
    command = options.program
    if options.faults & NEED_FAULTY_VFS or options.synchronous != "FULL":
        command = ("-m", "tests.torture.faulty_server", str(control), options.synchronous)
    async with AsyncExitStack() as stack:
        disk = None
        if options.faults & NEED_DISK:
            disk = await stack.enter_async_context(open_disk(directory))
        start = partial(
            open_server, (disk.path if disk else directory) / "data", directory / "server.log", recorder
        )
        environment = faked_clock(clock) if "clock" in options.faults else {}
        server = await stack.enter_async_context(start((*command, *options.settings), environment))
        yield SingleServer(options, FaultTarget(server, rng, recorder, control, clock, disk))
