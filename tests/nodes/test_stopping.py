"""A node that is to stop ends in time and as it should, whatever its database does meanwhile."""

from __future__ import annotations

import signal
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import trio

from tests.support.postgresql import cluster
from tests.support.postgresql_proxy import proxy
from tests.support.process import open_process
from trio_chat.app import LAST_WRITES_S
from trio_chat.client import ChatError, open_chat
from trio_chat.store.postgresql.connect import CONNECT_S, connector
from trio_chat.store.postgresql.connection import UNAVAILABLE
from trio_chat.store.postgresql.hints import _connected

if TYPE_CHECKING:
    from tests.support.postgresql_proxy import Proxy

DRAIN_S = 1

LIMIT_S = DRAIN_S + LAST_WRITES_S + 2 * CONNECT_S + 30
"""What docs/operating.md promises, and 30 s for a machine that has other work; where nothing ends the waits for the
database they take a minute."""


async def talk(port: int) -> None:
    """Say one thing after the other, whatever becomes of it."""
    with suppress(ChatError):
        async with open_chat(f"ws://127.0.0.1:{port}", name="Ada") as chat, trio.open_nursery() as nursery:
            for number in range(10_000):
                nursery.start_soon(chat.send, "lobby", f"text {number}")
                await trio.sleep(0.02)


@pytest.mark.parametrize("how", ["deaf", "stalled", "held", "gone"])
async def test_a_node_stops_in_time_whatever_its_database_does(
    tmp_path: Path, database: str, how: str
) -> None:
    with tempfile.TemporaryDirectory(prefix="pg-") as folder, closing(psycopg.connect(database)) as other:
        async with (
            proxy(Path(folder), cluster().folder) as line,
            open_process(
                tmp_path / "node", "--store", line.url(database), "--drain-timeout", str(DRAIN_S)
            ) as node,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(talk, node.port)
            await _wait_until_something_is_written(other)
            _harm(line, other, how)
            await trio.sleep(1)  # it waits for the database now
            node.signal(signal.SIGTERM)
            with trio.fail_after(LIMIT_S):
                finished = await node.wait()
            nursery.cancel_scope.cancel()
    assert finished.status == 0, finished.stderr
    assert "Traceback" not in finished.stderr


def _harm(line: Proxy, other: psycopg.Connection[tuple[object, ...]], how: str) -> None:
    match how:
        case "deaf":
            line.is_deaf = True
        case "stalled":
            line.stall()
        case "held":
            other.execute("LOCK TABLE rooms, nodes IN ACCESS EXCLUSIVE MODE")
        case "gone":
            line.lead_to(Path("/nowhere"))
            line.cut()


async def _wait_until_something_is_written(other: psycopg.Connection[tuple[object, ...]]) -> None:
    while True:
        found = other.execute("SELECT count(*) FROM events").fetchone()
        other.rollback()
        if found is not None and found[0]:
            return
        await trio.sleep(0.05)


async def test_a_line_that_falls_silent_as_it_is_made_ready_is_given_up(database: str) -> None:
    """Nobody watches it yet."""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        async with proxy(Path(folder), cluster().folder) as line:
            raw = await trio.to_thread.run_sync(connector(line.url(database)))
            line.is_deaf = True
            with trio.fail_after(CONNECT_S + 30), pytest.raises(UNAVAILABLE):
                await trio.to_thread.run_sync(_connected, lambda: raw, "LISTEN somewhere")
