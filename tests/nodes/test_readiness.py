"""Whether a node is ready, as a balancer asks it, over a real PostgreSQL and a line that can be lost."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from tests.support.http import ask
from tests.support.postgresql import cluster
from tests.support.postgresql_proxy import proxy
from trio_chat.app import serve_store
from trio_chat.blobs.places import SharedDirectory
from trio_chat.config.config import Config
from trio_chat.config.setting import Names
from trio_chat.server.listeners import open_listeners
from trio_chat.server.readiness import SILENT_S
from trio_chat.store.postgresql.open import open_postgresql_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LIMIT_S = 240
"""A crowded machine is slow."""


@asynccontextmanager
async def node(database: str, data: Path) -> AsyncIterator[int]:
    """A whole server over this database; its port."""
    stop = trio.Event()
    (data.parent / "files").mkdir(exist_ok=True)
    config = Config(
        files=SharedDirectory(data.parent / "files"),
        host="127.0.0.1",
        port=0,
        data=data,
        allow_host=Names(("chat.example",)),
        drain_timeout_s=0.1,
        close_timeout_s=0.1,
    )
    listeners = await open_listeners(config.host, config.port)
    port = listeners[0].socket.getsockname()[1]
    async with open_postgresql_store(database, max_wait_s=2) as store, trio.open_nursery() as nursery:

        async def serve(*, task_status: trio.TaskStatus[None]) -> None:
            on_ready = lambda *_: task_status.started()  # noqa: E731
            await serve_store(store, config, listeners, stop=stop, on_ready=on_ready)

        await nursery.start(serve)
        yield port
        stop.set()


async def wait_for(port: int, status: int) -> str:
    """Wait until ``/readyz`` is this; the sentence."""
    while True:
        answer = await ask(port, "/readyz")
        if answer.status == status:
            return answer.body.decode().strip()
        assert (await ask(port, "/healthz")).status == 200
        await trio.lowlevel.checkpoint()


async def test_a_node_whose_line_is_lost_is_not_ready_until_it_is_back(tmp_path: Path, database: str) -> None:
    """Neither where lines break, nor where they swallow what they carry; and not at the first beat that is missed."""
    (tmp_path / "line").mkdir()
    with trio.fail_after(LIMIT_S):
        async with (
            proxy(tmp_path / "line", cluster().folder) as line,
            node(line.url(database), tmp_path / "data") as port,
            node(database, tmp_path / "other") as other,
        ):
            assert await wait_for(port, 200) == "ready"
            line.cut()
            with trio.move_on_after(SILENT_S - 2):  # another line is there before
                await wait_for(port, 503)
                raise AssertionError("It was not ready though the line was only replaced.")
            line.is_deaf = True
            began_s = trio.current_time()
            assert "is the database there?" in await wait_for(port, 503)
            assert trio.current_time() - began_s > SILENT_S - 2
            assert await wait_for(other, 200) == "ready"
            line.is_deaf = False
            assert await wait_for(port, 200) == "ready"
