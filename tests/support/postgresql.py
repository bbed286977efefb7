"""A PostgreSQL of the tests' own: a cluster in a temporary folder, on a Unix socket, that ends with the process.

It runs as a user who is not root, since it refuses to otherwise. Its data are synced to the disk only when everything
is tried (``nox -s thorough``): a killed process loses nothing by that, and no test here takes the power away.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from functools import cache, cached_property
from pathlib import Path
from pwd import getpwnam
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import pytest
import trio
from psycopg import sql

from tests.support.thorough import IS_THOROUGH
from trio_chat.store.postgresql.epochs import IDENTITY, TIMELINE
from trio_chat.store.postgresql.open import open_postgresql_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NOT_TESTED = "NOT TESTED: PostgreSQL, as there is none on this machine (Debian: postgresql)"

START_S = 60.0


def programs() -> Path | None:
    """The folder of the newest PostgreSQL's programs; None if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).resolve().parent if on_path else None


class Cluster:
    """A PostgreSQL server. Made by `cluster` and `new_cluster`.

    A copy of ``source``, which is its standby until it is promoted and is called ``name`` there; without one a server
    of its own.
    """

    def __init__(
        self,
        folder: Path,
        bin_folder: Path,
        *,
        source: Cluster | None = None,
        name: str = "standby",
    ) -> None:
        self.folder = folder
        self.settings: dict[str, str] = {}
        """What is set whenever it starts."""
        self._bin = bin_folder
        self._user = "postgres" if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        self._n_databases = 0
        self._prefix: tuple[str, ...] = ()
        self._host = ""
        if self._user:
            shutil.chown(folder, "postgres", "postgres")
        data = str(folder / "data")
        if source is None:
            self._run(
                "initdb",
                "-D",
                data,
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-locale",
                "--no-sync",
            )
        else:
            address = f"host={source.folder} user=postgres application_name={name}"
            self._run(
                "pg_basebackup", "-D", data, "-d", address, "-R", "-X", "stream", "-c", "fast", "--no-sync"
            )

    def url(self, database: str = "postgres") -> str:
        """The address of a database."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def move(self, prefix: Sequence[str], host: str) -> None:
        """Let it run, from its next start on, where a command with this prefix runs (by ``nsenter``, as root), and
        listen at that address, for everybody."""
        account = getpwnam("postgres")
        self._prefix = (*prefix, "--setuid", str(account.pw_uid), "--setgid", str(account.pw_gid))
        self._host = host
        with (self.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all all trust\n")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = {
            "listen_addresses": self._host,
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "32MB",
            "max_connections": "200",
            "max_wal_size": "256MB",
            "autovacuum_naptime": "1h",
            **self.settings,
        }
        user = None if self._prefix else self._user
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *self._prefix, str(self._bin / "postgres"), "-D", str(self.folder / "data"),
                    *(f"-c{name}={value}" for name, value in options.items()),
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=user, group=user,
                extra_groups=None if user is None else [],
            )  # fmt: skip
        until = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError:
                # After SIGKILL it does not start while the processes of before are there.
                if self._process.poll() is not None:
                    return self.start()
                assert time.monotonic() < until, (self.folder / "log").read_text()
                time.sleep(0.05)
            else:
                return None

    def ask(self, statement: LiteralString) -> Any:  # noqa: ANN401
        """The value that a statement returns; None if it returns none."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            cursor = connection.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return row and row[0]

    def wait_for(self, statement: LiteralString) -> None:
        """Wait until a statement returns true."""
        until = time.monotonic() + START_S
        while not self.ask(statement):
            assert time.monotonic() < until, statement
            time.sleep(0.02)

    def promote(self) -> None:
        """Make a standby a server that is written to."""
        self.ask("SELECT pg_promote()")
        self.wait_for("SELECT NOT pg_is_in_recovery()")

    def copy(self, source: Path, target: Path) -> None:
        """Copy a folder, as the user that the server runs as."""
        subprocess.run(["cp", "-a", source, target], check=True)

    def run(self, program: str, *arguments: str) -> None:
        """Run a program of PostgreSQL's."""
        self._run(program, *arguments)

    def kill(self) -> None:
        """Kill it, and all its processes."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        self._process.kill()
        for pid in map(int, children):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def halt(self) -> None:
        """Stop it in good order."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait()

    def stop(self) -> None:
        """Stop it, and take its folder away."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_database(self, template: str | None = None) -> str:
        """Make a database, as a copy of another one or empty; its name."""
        self._n_databases += 1
        name = f"chat_{os.getpid()}_{self._n_databases}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                    sql.Identifier(name), sql.Identifier(template or "template0")
                )
            )
        return name

    @cached_property
    def template(self) -> str:
        """A database that is ready for a store, to be copied: quicker than to make it ready each time."""
        name = self.new_database()

        async def open_once() -> None:
            async with open_postgresql_store(self.url(name)):
                pass

        trio.run(open_once)
        with psycopg.connect(self.url(name)) as connection:  # else each copy would find that it is one
            connection.execute("DELETE FROM meta WHERE key IN (%s, %s)", (IDENTITY, TIMELINE))
        return name

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of an empty database of a store, which goes with the block."""
        name = self.new_database(self.template)
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    def drop(self, name: str) -> None:
        """Take a database away, with whatever is connected to it."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            capture_output=True,
            text=True,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
        )
        assert done.returncode == 0, done.stderr


@cache
def cluster() -> Cluster:
    """The cluster of this process, started when it is first asked for. Skips where there is none; fails in CI."""
    made = new_cluster()
    if IS_THOROUGH:
        made.settings |= {"fsync": "on", "full_page_writes": "on"}
    made.start()
    return made


def new_cluster(*, source: Cluster | None = None, name: str = "standby") -> Cluster:
    """Another cluster, not started yet, that ends with the process. Skips where there is none; fails in CI."""
    bin_folder = programs()
    if bin_folder is None:
        if os.environ.get("CI"):
            pytest.fail(NOT_TESTED)
        pytest.skip(NOT_TESTED)
    made = Cluster(Path(tempfile.mkdtemp(prefix="trio-chat-pg-")), bin_folder, source=source, name=name)
    atexit.register(made.stop)
    return made
