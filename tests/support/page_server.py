"""Server process for tests of the page: started and ended by functions that block, as drivers of browsers do."""

from __future__ import annotations

import os
import re
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.forks import FORKS, fork

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess
    from pathlib import Path

STOP_TIMEOUT_S = 15

UNHURRIED = ("--messages-per-second=0", "--new-people-per-address-per-hour=0")
"""Settings for tests, which type faster than people."""


class Server:
    """Server process, ``python -m`` a module, which can be ended and started again on the same port."""

    def __init__(self, data: Path, *arguments: str, module: str = "trio_chat") -> None:
        self._module = module
        self._data = data
        self.arguments = arguments
        """Options of the next start."""
        self._process: BaseProcess | None = None
        self._output: Connection | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start the process, and wait until it accepts connections."""
        arguments = ["--host=127.0.0.1", f"--port={self.port}", f"--data={self._data}", *self.arguments]
        self._process, self._output, line = self._fork(self._module, arguments)
        found = re.search(r"http://\S+?:(\d+)", line)
        assert found, f"no address in {line!r}; see {self._data / 'server.log'}"
        self.port = int(found[1])

    def stop(self) -> None:
        """End the process by SIGTERM, and wait for its end."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the process by SIGKILL."""
        self._end(signal.SIGKILL)

    def forget(self) -> None:
        """Remove the database from the data directory."""
        for file in self._data.glob("chat.db*"):
            file.unlink()

    def owner_link(self) -> str:
        """A new link that makes an owner of the server."""
        process, output, link = self._fork("trio_chat", ["owner-link", f"--data={self._data}"])
        process.join()
        output.close()
        return f"{self.url}#{link.strip().partition('/#')[2]}"

    def _fork(self, module: str, arguments: list[str]) -> tuple[BaseProcess, Connection, str]:
        """A process that runs the module, its output, and the first line of that; "" if it ends without one."""
        heard, out = FORKS.Pipe(duplex=False)
        process = fork(arguments, out, self._data / "server.log", module=module)
        with open(heard.fileno(), closefd=False) as lines:
            return process, heard, lines.readline()

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        assert self._process.pid is not None
        assert self._output is not None
        if self._process.is_alive():
            os.kill(self._process.pid, how)
        self._process.join(STOP_TIMEOUT_S)
        has_ended = not self._process.is_alive()
        self._process.kill()
        self._process.join()
        self._output.close()
        self._process = None
        assert has_ended, f"it was still there {STOP_TIMEOUT_S} s after {how.name}"


@contextmanager
def open_server(data: Path, *arguments: str, module: str = "trio_chat") -> Iterator[Server]:
    """Run a server with this data directory until the block is left."""
    server = Server(data, *arguments, module=module)
    try:
        server.start()
        yield server
    finally:
        server.stop()
