"""A PostgreSQL of the benchmark's own: a cluster in a temporary folder, on a Unix socket, that syncs to the disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import MeasureError, stop

if TYPE_CHECKING:
    from collections.abc import Iterator

START_S = 60.0

SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "256MB",
    "max_connections": "100",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
}
"""As docs/scaling.md advises, but for the memory."""


class Cluster:
    """A running PostgreSQL. Made by `running_cluster`."""

    def __init__(self, folder: Path, programs: Path, user: str | None) -> None:
        self._folder = folder
        self._programs = programs
        self._user = user
        self._made = 0
        self.pid = 0

    def new_database(self) -> str:
        """The address of a new, empty database."""
        self._made += 1
        name = f"bench_{self._made}"
        self.call(
            "createdb", "-h", str(self._folder), "-U", "postgres", "-E", "UTF8", "-T", "template0", name
        )
        return f"postgresql://postgres@/{name}?host={self._folder}"

    def call(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs. Raises `MeasureError`."""
        done = subprocess.run(
            [self._programs / program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            user=self._user,
        )
        if done.returncode != 0:
            raise MeasureError(f"{program} failed: {done.stderr.strip()[-300:]}")

    def processes(self) -> list[int]:
        """All processes of it now: connections have one each."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [self.pid, *map(int, children.split())]


def find_programs() -> Path | None:
    """The folder of the newest PostgreSQL's programs; None if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("postgres")
    if found:
        return found[-1].parent
    return Path(on_path).resolve().parent if on_path else None


@contextlib.contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A new cluster, which ends and goes with the block. Raises `MeasureError`."""
    programs = find_programs()
    if programs is None:
        raise MeasureError("There is no PostgreSQL on this machine (Debian: apt install postgresql).")
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="trio-chat-bench-"))
    if user:
        shutil.chown(folder, user, user)
    cluster = Cluster(folder, programs, user)
    try:
        data = str(folder / "data")
        cluster.call("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale")
        options = [f"-c{name}={value}" for name, value in SETTINGS.items()]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-k", str(folder), *options],
                stdout=log,
                stderr=log,
                user=user,
            )
        cluster.pid = server.pid
        try:
            _wait_until_ready(cluster, folder, server)
            yield cluster
        finally:
            stop(server)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(cluster: Cluster, folder: Path, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_S
    while True:
        try:
            cluster.call("pg_isready", "-h", str(folder))
        except MeasureError:
            if server.poll() is not None or time.monotonic() > end:
                raise MeasureError(
                    f"PostgreSQL did not start: {(folder / 'log').read_text()[-300:]}"
                ) from None
            time.sleep(0.1)
        else:
            return
