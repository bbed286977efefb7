"""Server in process over real sockets, so that tests can look inside."""

from __future__ import annotations

import logging
import time
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING

import attrs
import trio

from tests.support.memory_store import open_memory_store
from tests.support.raw import PATIENCE_S, RawPeer, open_peer
from trio_chat.config.config import Config
from trio_chat.hub import Hub, open_hub
from trio_chat.net.limits import ConnectionLimits
from trio_chat.server.listeners import accept_connections, open_listeners
from trio_chat.server.server import Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from tests.support.memory_store import MemoryStore
    from trio_chat.rooms.room import Room
    from trio_chat.server.certificates import Certificates


@attrs.frozen
class Serving:
    """Server in this process, and those of its parts that tests look at."""

    port: int
    server: Server
    limits: ConnectionLimits
    lobby: Room
    store: MemoryStore
    hub: Hub

    async def wait_connected(self, count: int) -> None:
        """Wait until exactly so many WebSocket clients are connected, and nothing else that counts as a connection."""
        with trio.fail_after(PATIENCE_S):
            while self.server.statistics().connected != count or self.limits.total != count:
                await trio.lowlevel.checkpoint()


@asynccontextmanager
async def open_server(
    certificates: Certificates | None = None,
    *,
    network_url: str | None = None,
    store: MemoryStore | None = None,
    **settings: object,
) -> AsyncIterator[Serving]:
    """Serve a memory store on a free port until the block is left; then all connections are cut. With ``store`` that
    one, as one of several nodes."""
    defaults: dict[str, object] = {
        "host": "127.0.0.1",
        "port": 0,
        "allow_host": ("chat.example",),
        "messages_per_second": 0,
        "new_people_per_hour": 0,
        "new_people_per_address_per_hour": 0,
        "close_timeout_s": 0.5,
        "handshake_timeout_s": PATIENCE_S,  # who is connected and speaks only later in a test is no stranger
        "hello_timeout_s": PATIENCE_S,
    }
    config = Config(**(defaults | settings))  # type: ignore[arg-type]  # tests know the settings' types
    limits = ConnectionLimits(
        max_total=config.max_connections, max_per_address=config.max_connections_per_address
    )
    async with (
        open_memory_store() if store is None else nullcontext(store) as store,
        open_hub(
            store, config, now_ms=lambda: time.time_ns() // 1_000_000, network_url=lambda: network_url
        ) as hub,
    ):
        listeners = await open_listeners(config.host, config.port)
        async with trio.open_nursery() as nursery:
            server = Server(hub, limits=limits, connections=nursery, certificates=certificates)
            nursery.start_soon(server.keep_alive)
            await nursery.start(partial(accept_connections, server, listeners, connections=nursery))
            port = listeners[0].socket.getsockname()[1]
            yield Serving(port, server, limits, await hub.rooms.get("lobby"), store, hub)
            nursery.cancel_scope.cancel()


@attrs.define
class Conversation:
    """Two healthy clients that exchange lines all the time. `exchange` checks and counts each line."""

    ada: RawPeer
    bob: RawPeer
    line_chars: int = 0
    lines: int = 0
    longest_s: float = 0.0
    """Seconds that the slowest line took to both."""

    async def exchange(self) -> None:
        """Send a line from one, and receive it, and nothing else, at both."""
        text = f"line {self.lines}".ljust(self.line_chars, ".")
        began = trio.current_time()
        await (self.ada, self.bob)[self.lines % 2].send_text(text)
        for listener in (self.ada, self.bob):
            assert await listener.receive_text() == text
        self.lines += 1
        self.longest_s = max(self.longest_s, trio.current_time() - began)

    async def go_on(self) -> None:
        """Exchange lines until cancelled."""
        while True:
            await self.exchange()

    async def wait_lines(self, count: int) -> None:
        """Wait until so many more lines were exchanged."""
        end = self.lines + count
        with trio.fail_after(PATIENCE_S):
            while self.lines < end:
                await trio.lowlevel.checkpoint()


@asynccontextmanager
async def open_conversation(port: int, *, line_chars: int = 0) -> AsyncIterator[Conversation]:
    """Connect two plain clients that exchange lines of at least that length as long as the block lasts."""
    async with open_peer(port) as ada, open_peer(port) as bob:
        conversation = Conversation(ada, bob, line_chars)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(conversation.go_on)
            yield conversation
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def unharmed(
    caplog: pytest.LogCaptureFixture, *, line_chars: int = 0, **settings: object
) -> AsyncIterator[Serving]:
    """Run a server with a `Conversation`, and assert that peers in the block do no harm: the two go on, there is no
    fault and no warning in the operator's log, and the peers are disconnected after."""
    async with (
        open_server(**settings) as serving,  # type: ignore[arg-type]  # mypy sees any keyword in them
        open_conversation(serving.port, line_chars=line_chars) as talk,
    ):
        await talk.wait_lines(2)
        yield serving
        await serving.wait_connected(2)
        await talk.wait_lines(2)
        assert serving.server.statistics().faults == 0
        assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
