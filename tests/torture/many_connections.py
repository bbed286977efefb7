"""Many connections: ten thousand at once are accepted, each receives a broadcast once, and no file stays open after.

A client that was connected before goes on sending, and its acks are timed.
"""

from __future__ import annotations

import resource
import tempfile
from pathlib import Path
from statistics import quantiles

import attrs
import trio

from tests.support.process import NAME
from tests.torture.history import Recorder
from tests.torture.process import SERVER, ServerProcess, open_server
from tests.torture.websocket import ConnectionLost, WebSocket, open_websocket, wait_until

PATIENCE_S = 120
"""Seconds that all connections together may take for one step."""

SPARE_FILES = 200
"""Files that this process needs beside its connections."""


@attrs.define
class ManyConnections:
    """Outcome of a run with many connections."""

    wanted: int
    accepted: int = 0
    refused: int = 0
    received: int = 0
    received_twice: int = 0
    accepted_within_s: float = 0.0
    received_within_s: float = 0.0
    rss: list[int] = attrs.field(factory=list)
    """The server's memory in bytes: before, with all connections, and after."""
    files: list[int] = attrs.field(factory=list)
    """The server's open files at the same moments."""
    ack_times_s: list[float] = attrs.field(factory=list)
    """Seconds from sending to ack, for each message of the client that was there before."""

    def __str__(self) -> str:
        before, during, after = (size / 2**20 for size in self.rss)
        p50, p99 = (quantiles(self.ack_times_s, n=100)[rank] * 1000 for rank in (49, 98))
        return (
            f"{self.wanted} connections at once: {self.accepted} let in within {self.accepted_within_s:.1f} s, "
            f"{self.refused} refused; meanwhile {len(self.ack_times_s)} messages were acknowledged, after "
            f"{p50:.0f} ms (p50), {p99:.0f} ms (p99)\n"
            f"one message reached {self.received} within {self.received_within_s:.1f} s, "
            f"{self.received_twice} of them twice\n"
            f"memory {before:.0f}, {during:.0f}, {after:.0f} MiB, files {self.files}: before, with them, after"
        )

    @property
    def is_good(self) -> bool:
        """Whether each connection was accepted and received the message once, and no file stayed open."""
        return (
            self.accepted == self.received == self.wanted
            and not self.received_twice
            and self.files[2] <= self.files[0]
        )


async def open_many_connections(wanted: int) -> ManyConnections:
    """Start a server, open that many connections, broadcast one message, and close them all."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    many = ManyConnections(min(wanted, hard - SPARE_FILES))
    settings = (
        *("--max-connections", "0", "--max-connections-per-address", "0", "--messages-per-second", "0"),
        *("--new-people-per-hour", "0", "--new-people-per-address-per-hour", "0"),
        *NAME,
    )
    with tempfile.TemporaryDirectory(prefix="crowd-") as directory:
        data, output = Path(directory) / "data", Path(directory) / "server.log"
        async with open_server(
            data, output, Recorder(), (*SERVER, *settings, "--handshake-timeout", "60"), {}
        ) as server:
            async with open_websocket(server.port) as sender, trio.open_nursery() as nursery:
                await _join(sender)
                _sample(server, many)
                nursery.start_soon(_send_meanwhile, sender, many)
                await _connect_and_disconnect(server, many)
                nursery.cancel_scope.cancel()
            with trio.move_on_after(PATIENCE_S):
                await wait_until(lambda: server.open_files() <= many.files[0])
            _sample(server, many)
            await server.terminate()
    return many


async def _connect_and_disconnect(server: ServerProcess, many: ManyConnections) -> None:
    started = trio.current_time()
    async with trio.open_nursery() as nursery:
        for _ in range(many.wanted):
            nursery.start_soon(_listen, server.port, many)
        with trio.move_on_after(PATIENCE_S):
            await wait_until(lambda: many.accepted + many.refused == many.wanted)
        many.accepted_within_s = trio.current_time() - started
        _sample(server, many)
        async with open_websocket(server.port, protocol=None) as announcer:
            started = trio.current_time()
            await announcer.send_text("hello, everybody")
            with trio.move_on_after(PATIENCE_S):
                await wait_until(lambda: many.received == many.accepted)
            many.received_within_s = trio.current_time() - started
            await trio.sleep(1)  # for duplicates
        nursery.cancel_scope.cancel()


async def _listen(port: int, many: ManyConnections) -> None:
    """Be one of the connections: count being accepted, and each message."""
    is_accepted = has_received = False
    try:
        async with open_websocket(port, protocol=None) as websocket:
            is_accepted = True
            many.accepted += 1
            while True:
                await websocket.receive_text()
                many.received_twice += has_received
                many.received += not has_received
                has_received = True
    except ConnectionLost:
        many.refused += not is_accepted


async def _join(websocket: WebSocket) -> None:
    await websocket.send_json(type="hello")
    await websocket.receive_json()
    await websocket.send_json(type="join", id="join", room="elsewhere")
    await websocket.receive_json()


async def _send_meanwhile(websocket: WebSocket, many: ManyConnections) -> None:
    """Send ten messages a second to another room, and time their acks."""
    number = 0
    while True:
        number += 1
        sent_at = trio.current_time()
        await websocket.send_json(type="send", id=str(number), room="elsewhere", text=f"{number}")
        while (await websocket.receive_json())["type"] != "ack":
            pass
        many.ack_times_s.append(trio.current_time() - sent_at)
        await trio.sleep(0.1)


def _sample(server: ServerProcess, many: ManyConnections) -> None:
    many.rss.append(server.memory())
    many.files.append(server.open_files())
