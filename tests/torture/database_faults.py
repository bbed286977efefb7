"""Fault injection into the PostgreSQL of nodes: see `tests.torture.node_faults`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import trio

from tests.support.postgresql import new_cluster
from tests.torture.target import HEAL_S
from tests.torture.websocket import wait_until

if TYPE_CHECKING:
    from typing import Any

    from tests.support.postgresql import Cluster
    from tests.torture.node_target import NodeFaultTarget

STANDBY = "standby"
"""The name of a standby, for which commits can wait."""


async def postgres(target: NodeFaultTarget) -> str | None:
    """SIGKILL of all of PostgreSQL, and a start."""
    await trio.to_thread.run_sync(target.cluster.kill)
    await trio.sleep(target.rng.uniform(0, 2))
    await trio.to_thread.run_sync(target.cluster.start)
    await target.wait_healed("the database was killed")
    return "all its processes were killed, and it recovered"


async def promote(target: NodeFaultTarget) -> str | None:
    """The database dies, and its standby, without which nothing was committed, takes its place; and gets a standby."""
    await trio.to_thread.run_sync(target.cluster.kill)
    await _put_standby_in_place(target)
    await target.wait_healed("a standby was promoted")
    return "it had everything, and took the place of the database"


async def promote_late(target: NodeFaultTarget) -> str | None:
    """The database dies, and its standby takes its place, which has missed what was written for a while."""
    assert target.standby is not None
    mark = len(target.recorder.records)
    await trio.to_thread.run_sync(target.standby.kill)
    with trio.move_on_after(HEAL_S):
        await wait_until(lambda: target.acks_since(mark))
        await trio.sleep(target.rng.uniform(0, 1))
    missed = target.acks_since(mark)
    await trio.to_thread.run_sync(target.cluster.kill)
    await trio.to_thread.run_sync(target.standby.start)
    await _put_standby_in_place(target)
    await target.wait_healed("a standby was promoted")
    return "it had missed what was acknowledged, and took the place of the database" if missed else None


async def _put_standby_in_place(target: NodeFaultTarget) -> None:
    old, new = target.cluster, target.standby
    assert new is not None
    await trio.to_thread.run_sync(new.promote)
    target.cluster = new
    for node in target.nodes:
        node.line.lead_to(new.folder)
    await trio.to_thread.run_sync(old.stop)
    target.standby = await trio.to_thread.run_sync(new_standby, new)


def new_standby(source: Cluster) -> Cluster:
    """Another standby, which follows that one, with its settings."""
    standby = new_cluster(source=source, name=STANDBY)
    standby.settings.update(source.settings)
    standby.start()
    return standby


async def block(target: NodeFaultTarget) -> str | None:
    """Somebody else locks the rows of rooms for some seconds."""
    hold_s = target.rng.uniform(0.3, 4)

    def lock() -> psycopg.Connection[Any]:
        connection = psycopg.connect(target.url, connect_timeout=10)
        connection.execute("SELECT 1 FROM rooms WHERE name IN ('lobby', 'workshop') ORDER BY id FOR UPDATE")
        return connection

    connection = await trio.to_thread.run_sync(lock)
    try:
        await trio.sleep(hold_s)
        waiting = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchone()
        assert waiting is not None
    finally:
        connection.close()
    await target.wait_healed("rooms were locked")
    return "somebody waited for the rooms" if waiting[0] else None


async def listener(target: NodeFaultTarget) -> str | None:
    """A listener is lost: its process is ended, or its line falls silent."""
    if target.rng.random() < 0.5:
        ended = await target.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND query LIKE 'LISTEN%%'"
        )
        return "the listeners' sessions were ended" if ended else None
    node = target.any_node()
    before = node.server.log_text().count("is not heard")
    node.line.hints_are_lost = True
    with trio.move_on_after(10):
        await wait_until(lambda: node.server.log_text().count("is not heard") > before)
        await trio.sleep(target.rng.uniform(0, 2))
    node.line.hints_are_lost = False
    noticed = node.server.log_text().count("is not heard") > before
    return "the line was silent, and was noticed to be" if noticed else None
