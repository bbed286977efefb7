"""Server in memory: the whole server but its listeners, over a memory store and memory streams.

Its clients are real WebSocket clients. All waiting is bounded, so that a test that would hang fails.
"""

from __future__ import annotations

import json
import math
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any, cast

import attrs
import trio
import trio.testing
from trio_websocket import ConnectionClosed, wrap_client_stream

from tests.support.memory_store import MemoryDisk, MemoryStore, open_memory_store
from tests.support.raw import RawPeer, upgrade
from trio_chat.config.config import Config
from trio_chat.hub import Hub, open_hub
from trio_chat.net.limits import ConnectionLimits
from trio_chat.protocol.encoding import V1
from trio_chat.server.server import Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from trio_websocket import CloseReason, WebSocketConnection

    from trio_chat.outgoing.guard import Guard
    from trio_chat.people.identities import Identities
    from trio_chat.rooms.registry import RoomRegistry
    from trio_chat.rooms.room import Room

MemoryEnd = trio.StapledStream[trio.testing.MemorySendStream, trio.testing.MemoryReceiveStream]

LIMIT_S = 100 * 3600
"""Seconds after which a test fails; an autojump clock gets there soon if nothing moves any more. Not too soon: it jumps
as well while a thread writes to a disk that others keep busy."""

QUIET: dict[str, Any] = {
    "fan_out_pause_max_s": 0.0,
    "idle_ping_s": 0.0,
    "write_stall_s": 0.0,
    "messages_per_second": 0.0,
    "new_people_per_hour": 0,
    "new_people_per_address_per_hour": 0,
    "hello_timeout_s": 0.0,
    "allow_host": ("chat.example",),
}
"""Settings under which no timer does anything, of a server that clients know as chat.example."""

AT_MS = 1_795_381_200_123
"""Wall clock of the server, which stands still: 2026-11-22T21:00:00.123Z."""


class Tap:
    """The server's end of a memory stream, whose writes a test can stall, as a peer does that reads nothing."""

    def __init__(self, end: MemoryEnd) -> None:
        self._pump = end.send_stream.send_all_hook
        self._may_write = trio.Event()
        self._may_write.set()
        end.send_stream.send_all_hook = self._write

    def stall(self) -> None:
        """Let no write end from now on."""
        if self._may_write.is_set():  # else a write that is stalled already would wait for ever
            self._may_write = trio.Event()

    def flow(self) -> None:
        """Let writes end again."""
        self._may_write.set()

    async def _write(self) -> None:
        await self._may_write.wait()
        assert self._pump is not None
        await self._pump()


@attrs.define(eq=False)
class Client:
    """WebSocket client that reads at once, and keeps what it read until the test asks for it."""

    websocket: WebSocketConnection
    stream: trio.abc.Stream
    tap: Tap
    closed: CloseReason | None = None
    _send: trio.MemorySendChannel[str | bytes] = attrs.field(init=False)
    _receive: trio.MemoryReceiveChannel[str | bytes] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel(math.inf)

    async def listen(self) -> None:
        """The client's task: read until the server closes."""
        with self._send:
            try:
                while True:
                    self._send.send_nowait(await self.websocket.get_message())
            except ConnectionClosed as error:
                self.closed = error.reason
        await self.stream.aclose()

    async def say(self, text: str | bytes) -> None:
        """Send one message."""
        await self.websocket.send_message(text)

    async def hear(self) -> str:
        """The next message. Raises `trio.EndOfChannel` if the connection ends before."""
        message = await self._receive.receive()
        assert isinstance(message, str), "the server never sends binary messages"
        return message

    async def hear_rest(self) -> list[str]:
        """All messages that were not asked for yet, once all tasks are blocked."""
        await trio.testing.wait_all_tasks_blocked()
        rest = []
        while self._receive.statistics().current_buffer_used:
            rest.append(await self.hear())
        return rest

    async def hear_close(self) -> int | None:
        """The close code of the server, after dropping all messages before it; None without one."""
        async for _ in self._receive:
            pass
        return self.closed.code if self.closed else None


class V1Client(Client):
    """Client that speaks trio-chat.v1."""

    ids = 0

    async def tell(self, kind: str, /, **fields: object) -> str:
        """Send a frame, with a fresh id if it has none; returns the id."""
        if kind != "hello" and "id" not in fields:
            self.ids += 1
            fields["id"] = f"c{self.ids}"
        await self.say(json.dumps({"type": kind, **fields}))
        return str(fields.get("id"))

    async def ask(self, kind: str, /, **fields: object) -> dict[str, Any]:
        """Send a frame, and return the next one from the server."""
        await self.tell(kind, **fields)
        return await self.hear_frame()

    async def hear_frame(self) -> dict[str, Any]:
        """The next frame."""
        frame: dict[str, Any] = json.loads(await self.hear())
        return frame

    async def wait_frame(self, wanted: str | Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next frame of this type, or for which this is true; others before it are left out."""
        matches = (lambda frame: frame["type"] == wanted) if isinstance(wanted, str) else wanted
        while not matches(frame := await self.hear_frame()):
            pass
        return frame

    async def hear_frames(self) -> list[dict[str, Any]]:
        """All frames that were not asked for yet, once all tasks are blocked."""
        return [json.loads(text) for text in await self.hear_rest()]


@attrs.define
class Core:
    """Server without listeners, and those of its parts that tests look at."""

    config: Config
    store: MemoryStore
    hub: Hub
    limits: ConnectionLimits
    server: Server
    lobby: Room
    connections: trio.Nursery
    clients: trio.Nursery

    @property
    def rooms(self) -> RoomRegistry:
        """The rooms that are open."""
        return self.hub.rooms

    @property
    def people(self) -> Identities:
        """The people the server knows."""
        return self.hub.people

    @property
    def tasks(self) -> int:
        """Number of tasks in the whole program."""
        return trio.lowlevel.current_statistics().tasks_living

    def connect_stream(self) -> tuple[trio.abc.Stream, Tap]:
        """Connect to the server: the client's end of the stream, and the tap at the server's."""
        near, far = trio.testing.memory_stream_pair()
        self.connections.start_soon(self.server.serve_connection, near)
        return far, Tap(near)

    async def open_raw(self, head: bytes) -> RawPeer:
        """A raw peer that has sent these bytes."""
        stream, _ = self.connect_stream()
        peer = RawPeer(cast("trio.SocketStream", stream))
        await peer.send(head)
        return peer

    async def open_raw_websocket(self, subprotocol: str | None = None) -> RawPeer:
        """A raw peer after its WebSocket handshake."""
        peer = await self.open_raw(
            upgrade() if subprotocol is None else upgrade(sec_websocket_protocol=subprotocol)
        )
        assert (await peer.receive_head()).startswith(b"HTTP/1.1 101 ")
        return peer

    async def open_plain(self) -> Client:
        """A plain client, which is in the lobby."""
        client = Client(*await self._shake_hands(None))
        self.clients.start_soon(client.listen)
        await trio.testing.wait_all_tasks_blocked()
        return client

    async def open_v1(self) -> V1Client:
        """A v1 client that has sent nothing yet."""
        client = V1Client(*await self._shake_hands([V1]))
        self.clients.start_soon(client.listen)
        return client

    async def open_person(self, name: str | None = None, *, room: str = "lobby", **join: object) -> V1Client:
        """A v1 client that has said hello and joined a room, and has read the answers."""
        client = await self.open_v1()
        await client.ask("hello", **({} if name is None else {"name": name}))
        await client.tell("join", room=room, **join)
        await client.hear_frames()
        return client

    async def fill(self, texts: list[str], *, room: str = "lobby") -> None:
        """Log messages with these texts, from a client that then disconnects."""
        client = await self.open_person(room=room)
        for text in texts:
            await client.tell("send", room=room, text=text)
        await trio.testing.wait_all_tasks_blocked()
        await client.websocket.aclose()
        await trio.testing.wait_all_tasks_blocked()

    async def _shake_hands(
        self, subprotocols: list[str] | None
    ) -> tuple[WebSocketConnection, trio.abc.Stream, Tap]:
        stream, tap = self.connect_stream()
        websocket = await wrap_client_stream(
            self.clients,
            stream,  # type: ignore[arg-type]  # any stream will do
            "chat.example",
            "/",
            subprotocols=subprotocols,
            message_queue_size=cast("int", math.inf),
        )
        return websocket, stream, tap


@asynccontextmanager
async def open_core(
    disk: MemoryDisk | None = None,
    *,
    store: MemoryStore | None = None,
    guard: Guard | None = None,
    now_ms: Callable[[], int] = lambda: AT_MS,
    **settings: object,
) -> AsyncIterator[Core]:
    """Run a server over a memory store until the block is left; then all connections are cut. With ``store`` over that
    one, which another server uses as well, as two nodes use one database."""
    config = Config(**(QUIET | settings))
    limits = ConnectionLimits(max_total=config.max_connections, max_per_address=0)
    with trio.fail_after(LIMIT_S):
        async with (
            open_memory_store(disk) if store is None else nullcontext(store) as store,
            open_hub(store, config, now_ms=now_ms, guard=guard) as hub,
            trio.open_nursery() as clients,
            trio.open_nursery() as connections,
        ):
            server = Server(hub, limits=limits, connections=connections)
            lobby = await hub.rooms.get("lobby")
            yield Core(config, store, hub, limits, server, lobby, connections, clients)
            clients.cancel_scope.cancel()
            connections.cancel_scope.cancel()


def texts_of(frames: list[dict[str, Any]]) -> list[str]:
    """Texts of the messages among these frames."""
    return [frame["text"] for frame in frames if frame["type"] == "message"]


def seqs_of(frames: list[dict[str, Any]]) -> list[int]:
    """Sequence numbers of the messages among these frames."""
    return [frame["seq"] for frame in frames if frame["type"] == "message"]
