"""What a machine holds in the database when it is cut off from it."""

from __future__ import annotations

import sys
from contextlib import closing
from functools import partial

import psycopg
import pytest
import trio

from tests.support.postgresql import new_cluster
from tests.torture.disk import Skipped
from tests.torture.network import open_network
from tests.torture.websocket import wait_until

PATIENCE_S = 60

HALF_A_PIPELINE = """
import sys, time
from trio_chat.store.postgresql.connect import connector
raw = connector(sys.argv[1])()
raw.pgconn.nonblocking = 1
raw.pgconn.enter_pipeline_mode()
for statement in (b"BEGIN", b"LOCK TABLE pg_catalog.pg_largeobject IN EXCLUSIVE MODE"):
    raw.pgconn.send_query_params(statement, None)
while raw.pgconn.flush():
    pass
time.sleep(3600)
"""
"""A node in the middle of sending what it writes: the database waits for the rest, in a transaction, with a lock."""


@pytest.mark.thorough
async def test_who_is_cut_off_while_it_sends_holds_its_locks_for_some_seconds() -> None:
    try:
        async with open_network(2) as (node, database):
            cluster = new_cluster()
            cluster.move(database.prefix, database.host)
            await trio.to_thread.run_sync(cluster.start)
            with closing(psycopg.connect(cluster.url(), autocommit=True)) as asking:

                def n_locks() -> int:
                    found = asking.execute(
                        "SELECT count(*) FROM pg_locks WHERE relation = 'pg_largeobject'::regclass AND granted"
                    ).fetchone()
                    assert found is not None
                    return int(found[0])

                async with trio.open_nursery() as nursery:
                    url = f"postgresql://postgres@/postgres?host={database.host}"
                    command = [*node.prefix, sys.executable, "-c", HALF_A_PIPELINE, url]
                    run = partial(trio.run_process, command, check=False)
                    sending: trio.Process = await nursery.start(run)
                    with trio.fail_after(PATIENCE_S):
                        await wait_until(n_locks)
                        await node.cut_off()
                        await wait_until(lambda: not n_locks())
                    sending.kill()
    except Skipped as skipped:
        pytest.skip(f"NOT TESTED: {skipped}")
