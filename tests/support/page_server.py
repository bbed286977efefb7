"""Server process for tests of the page: started and ended by functions that block, as drivers of browsers do."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).parents[2]

STOP_TIMEOUT_S = 15

UNHURRIED = ("--messages-per-second=0", "--new-people-per-address-per-hour=0")
"""Settings for tests, which type faster than people."""


class Server:
    """Server process, ``python -m`` a module, which can be ended and started again on the same port."""

    def __init__(self, data: Path, *arguments: str, module: str = "trio_chat") -> None:
        self._module = module
        self._data = data
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start the process, and wait until it accepts connections."""
        command = [sys.executable, "-m", self._module, "--host=127.0.0.1", f"--port={self.port}"]
        with (self._data / "server.log").open("a") as log:
            self._process = subprocess.Popen(
                [*command, f"--data={self._data}", *self._arguments],
                cwd=CHECKOUT,
                env=self._environment(),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()  # ends with the process at the latest
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
        command = [sys.executable, "-m", "trio_chat", "owner-link", f"--data={self._data}"]
        done = subprocess.run(
            command, cwd=CHECKOUT, env=self._environment(), capture_output=True, text=True, check=True
        )
        return self.url + done.stdout.strip().partition("/#")[2].join(("#", ""))

    @staticmethod
    def _environment() -> dict[str, str]:
        """The environment without the variables for these tests, which are no settings of the server."""
        return {key: value for key, value in os.environ.items() if not key.startswith("TRIO_CHAT_")}

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        finally:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None


@contextmanager
def open_server(data: Path, *arguments: str, module: str = "trio_chat") -> Iterator[Server]:
    """Run a server with this data directory until the block is left."""
    server = Server(data, *arguments, module=module)
    try:
        server.start()
        yield server
    finally:
        server.stop()
