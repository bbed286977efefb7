"""PostgreSQL behind a real pooler, pgbouncer: what keeps sessions is used, and what shares them is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import trio

from tests.support.postgresql import cluster
from trio_chat.errors import StartError
from trio_chat.model.events import Draft, Event
from trio_chat.store.postgresql.open import open_postgresql_store

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_TESTED = "NOT TESTED: a pooler, as there is no pgbouncer on this machine (Debian: pgbouncer)"

LIMIT_S = 240
"""A crowded machine is slow."""

START_S = 60


def pgbouncer() -> str:
    """The program. Skips where there is none; fails in CI."""
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(NOT_TESTED)
        pytest.skip(NOT_TESTED)
    return found


@contextmanager
def pooler(mode: str) -> Iterator[Path]:
    """A pgbouncer in this mode before the cluster of the tests, on a socket in the folder that is given. It runs as the
    user of the cluster, since it refuses to as root."""
    program, server = pgbouncer(), cluster()
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="pgb-") as name:
        folder = Path(name)
        (folder / "users").write_text('"postgres" ""\n')
        (folder / "ini").write_text(
            f"[databases]\n* = host={server.folder}\n"
            f"[pgbouncer]\nunix_socket_dir = {folder}\nlisten_port = 5432\nauth_type = trust\n"
            f"auth_file = {folder / 'users'}\npool_mode = {mode}\ndefault_pool_size = 50\n"
        )
        if user:
            for path in (folder, folder / "users", folder / "ini"):
                shutil.chown(path, user, user)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [program, str(folder / "ini")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=user,
                group=user,
                extra_groups=[] if user else None,
            )
        try:
            until = time.monotonic() + START_S
            while not _is_there(folder):
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < until, (folder / "log").read_text()
                time.sleep(0.02)
            yield folder
        finally:
            process.kill()
            process.wait()


def _is_there(folder: Path) -> bool:
    try:
        psycopg.connect(through(folder, cluster().url()), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def through(folder: Path, url: str) -> str:
    """The address of a database, by way of the pooler."""
    return f"{url.partition('?')[0]}?host={folder}"


async def test_a_pooler_that_keeps_sessions_is_used(database: str) -> None:
    with trio.fail_after(LIMIT_S), pooler("session") as folder:
        url = through(folder, database)
        async with open_postgresql_store(url) as one, open_postgresql_store(url) as two, two.hints() as hints:
            for number in range(1, 21):
                draft = Draft("message", "p-1", "Ada", f"c{number}", f"{number}")
                (written,) = await one.append("lobby", [draft], at_ms=1)
                assert isinstance(written, Event)
                while (await hints.receive()).seq != number:  # by NOTIFY, which needs a session
                    pass
            assert (await two.position("lobby")).seq == 20
            with psycopg.connect(database, autocommit=True) as connection:
                asked = (
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                    "WHERE application_name = 'trio-chat' AND datname = current_database()"
                )
                row = connection.execute(asked).fetchone()
                assert row is not None
                assert row[0] > 5
            (written,) = await two.append("lobby", [Draft("message", "p-1", "Ada", None, "more")], at_ms=1)
            assert isinstance(written, Event)
            assert written.seq == 21


@pytest.mark.parametrize("mode", ["transaction", "statement"])
async def test_a_pooler_that_shares_sessions_is_refused_at_the_start(database: str, mode: str) -> None:
    with trio.fail_after(LIMIT_S), pooler(mode) as folder:
        with pytest.raises(StartError) as caught:
            async with open_postgresql_store(through(folder, database)):
                pass
        assert "pool_mode = session" in str(caught.value)
