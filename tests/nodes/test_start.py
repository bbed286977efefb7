"""A node that starts refuses connections until it is ready, so that nobody waits for it where there are others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio

from tests.support.proxies import free_port
from trio_chat import app
from trio_chat.config.config import Config
from trio_chat.config.setting import StoreAddress
from trio_chat.errors import StartError
from trio_chat.ops.open_stores import open_aside
from trio_chat.server.listeners import open_listeners

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

HERE = "127.0.0.1"


async def connects(port: int) -> bool:
    """Whether connections are taken; they may have to wait."""
    try:
        stream = await trio.open_tcp_stream(HERE, port)
    except OSError:
        return False
    await stream.aclose()
    return True


@pytest.mark.parametrize("is_node", [True, False])
async def test_only_a_node_refuses_connections_until_it_is_ready(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_node: bool
) -> None:
    """One that is alone has them wait, which is sooner."""
    port = free_port()
    config = Config(data=tmp_path, host=HERE, port=port, store=StoreAddress(database) if is_node else None)
    stop, ready = trio.Event(), trio.Event()
    while_it_starts: list[bool] = []

    async def look(*arguments: Any) -> Any:  # noqa: ANN401
        while_it_starts.append(await connects(port))
        return await open_aside(*arguments)

    monkeypatch.setattr(app, "open_aside", look)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(app.serve, config, stop=stop, on_ready=lambda *_: ready.set()))
        await ready.wait()
        assert while_it_starts == [not is_node]
        assert await connects(port)
        stop.set()


async def test_a_port_that_another_server_takes_meanwhile_is_reported(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    config = Config(data=tmp_path, host=HERE, port=port, store=StoreAddress(database))
    others: list[trio.SocketListener] = []

    async def take(*arguments: Any) -> Any:  # noqa: ANN401
        others.extend(await open_listeners(HERE, port))
        return await open_aside(*arguments)

    monkeypatch.setattr(app, "open_aside", take)
    cannot = pytest.RaisesExc(StartError, match=f"Cannot listen on port {port} of {HERE}")
    with pytest.RaisesGroup(cannot, flatten_subgroups=True):
        await app.serve(config, stop=trio.Event())
    for listener in others:
        await listener.aclose()
