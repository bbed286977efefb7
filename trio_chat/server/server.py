"""Accepting on one port: each connection is admitted, told apart by its first bytes, and supervised.

The gate reads the head of each request. An upgrade goes to trio-websocket and a `Connection`, which have the connection
from then on; anything else goes to HTTP, which is lent the connection's `Wire` for one answer. One supervisor stands
around each connection: nothing that one peer does, and no bug that it finds, gets past it to the others (trio's
listeners would end the server, trio-websocket#184 among others).
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import attrs
import trio
import trio_websocket

from trio_chat.errors import Refused, StartError
from trio_chat.net.request_head import END, Head
from trio_chat.net.wire import Wire
from trio_chat.server.connection import Connection
from trio_chat.web.http import HttpServer

if TYPE_CHECKING:
    from trio_chat.hub import Hub
    from trio_chat.net.limits import ConnectionLimits

LOGGER = logging.getLogger(__name__)

KEEPALIVE_STEPS = 4
"""How often within one idle time each connection is looked at: a ping is at most a quarter late."""

LAST_HEADS_S = 1.0
"""How long whoever connected just before the server stops has for a request. Browsers keep spare connections open and
say nothing on them; stopping should not wait for those."""

KEPT_IDLE_S = 5.0
"""How long a connection waits for another request: a page has all its files by then, and places are counted."""

REQUESTS_PER_CONNECTION = 200
"""After so many it ends: the page with all its files comes over one, and nobody keeps a place for ever in this way."""

HANDSHAKES_AT_ONCE = 4
"""How many WebSocket handshakes are worked on at the same time. Each costs most of a millisecond and Trio runs whatever
can run, so that without a limit those who are here would wait for everybody who comes back after a restart."""

TURNED_AWAY_AT_ONCE = 16
"""How many of those for whom there is no place are told so at a time; more are just closed. They have file descriptors
too, which come out of the reserve (`trio_chat.ops.file_limits`)."""

ENDINGS_AT_ONCE = 2
"""How many connections whose peer is gone begin to be tidied up in each turn of the scheduler, for the same reason."""

EXPECTED_ENDINGS = (
    trio.BrokenResourceError,
    trio.ClosedResourceError,
    trio_websocket.ConnectionClosed,
    ConnectionError,
)
"""How connections of a chat normally end, when the peer's machine or network ends them."""


@attrs.define
class ServerStatistics:
    """What has been served since the start; a copy."""

    accepted: int = 0
    refused: int = 0
    websockets: int = 0
    connected: int = 0
    waiting_bytes: int = 0
    """What waits in all outboxes together."""
    faults: int = 0
    """Bugs: exceptions that ended a connection and should not exist."""


class Server:
    """Serves one connection after the other; its tasks run in nurseries of `serve_websocket`'s caller."""

    def __init__(self, hub: Hub, *, limits: ConnectionLimits) -> None:
        self._hub = hub
        self._limits = limits
        self._config = config = hub.config
        self._http = HttpServer(config, is_ready=lambda: self.is_ready, picture=self._find_picture)
        self._connections: set[Connection] = set()
        self._handshakes = trio.Semaphore(HANDSHAKES_AT_ONCE)
        self._endings = trio.Semaphore(ENDINGS_AT_ONCE)
        self._turned_away_now = 0
        self._unheard: set[trio.CancelScope] = set()  # who is about to say what for
        self._idle: set[trio.CancelScope] = set()  # who was answered and may have another request
        self._is_stopping = False
        self._statistics = ServerStatistics()
        self.is_ready = False
        """What ``/readyz`` says: set when clients are accepted, unset before the first is sent away."""

    def statistics(self) -> ServerStatistics:
        """What was served so far."""
        return attrs.evolve(
            self._statistics,
            connected=len(self._connections),
            waiting_bytes=sum(connection.waiting_bytes for connection in self._connections),
        )

    def comings_and_goings(self) -> tuple[int, int]:
        """How many WebSocket clients are here, and how many were."""
        connected = len(self._connections)
        return connected, self._statistics.websockets - connected

    def say_goodbye(self) -> None:
        """Send every client away, to come back; each gets what waits for it first."""
        self._is_stopping = True
        for connection in list(self._connections):
            connection.say_goodbye()
        for scope in self._unheard:
            scope.deadline = min(scope.deadline, trio.current_time() + LAST_HEADS_S)
        for scope in self._idle:
            scope.cancel()

    async def keep_alive(self) -> None:
        """Ping the silent and cut the dead, for ever. One task for all: a timer each would cost a task each."""
        if not self._config.idle_ping_s:
            return
        while True:
            await trio.sleep(self._config.idle_ping_s / KEEPALIVE_STEPS)
            now = trio.current_time()
            for connection in list(self._connections):
                connection.check_alive(now)

    # -- one connection --

    async def serve_stream(self, stream: trio.abc.Stream) -> None:
        """Serve one accepted stream to its end, and close it. Raises nothing but cancellation."""
        self._statistics.accepted += 1
        host, peer = _describe(stream)
        try:
            # Counted until it is closed: each has a file descriptor, of which there are not many more than places.
            with self._limits.admit(host):
                await self._serve(stream, peer)
        except Refused as refused:
            self._statistics.refused += 1
            LOGGER.info("%s: %s", peer, refused)
            if self._turned_away_now < TURNED_AWAY_AT_ONCE:
                self._turned_away_now += 1
                try:
                    wire = Wire(stream)
                    await self._turn_away(wire, "503 Service Unavailable\r\nRetry-After: 30", str(refused))
                    await self._linger(wire)
                finally:
                    self._turned_away_now -= 1
        finally:
            await trio.aclose_forcefully(stream)

    async def _serve(self, stream: trio.abc.Stream, peer: str) -> None:
        wire = Wire(stream, stall_s=self._config.write_stall_s, endings=self._endings)
        try:
            try:
                if not await self._serve_requests(wire, peer):
                    return
            except* EXPECTED_ENDINGS as group:
                LOGGER.debug("%s: ended by %r", peer, group.exceptions)
            except* Exception:
                self._statistics.faults += 1
                LOGGER.exception("%s: fault while serving; this connection ends, the others go on", peer)
            await self._linger(wire)
        finally:
            wire.abandon()

    async def _serve_requests(self, wire: Wire, peer: str) -> bool:
        """Serve requests, a WebSocket at the last; whether the peer may still have something to say or to hear."""
        data = b""
        for number in range(1, REQUESTS_PER_CONNECTION + 1):
            data = await self._read_head(wire, data)
            head = Head.of(data)
            if head.flaw is not None:
                await self._turn_away(wire, "400 Bad Request", head.flaw)
                break
            if head.is_empty:
                break
            if head.wants_websocket:
                wire.unread(data)
                data = b""  # or each client's head would be kept as long as the client
                await self._serve_websocket(wire, peer, head)
                break
            keeps = head.keeps_connection and number < REQUESTS_PER_CONNECTION and not self._is_stopping
            if not await self._http.serve(wire, head.request, keeps_connection=keeps) or self._is_stopping:
                break
            data = head.rest or await self._wait_for_another(wire)
            if not data:
                return False
        return True

    async def _serve_websocket(self, wire: Wire, peer: str, head: Head) -> None:
        self._statistics.websockets += 1
        connection = Connection(
            wire,
            peer,
            host=head.host,
            handshakes=self._handshakes,
            hub=self._hub,
        )
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)

    async def _read_head(self, wire: Wire, head: bytes) -> bytes:
        """The bytes up to the end of a head, and perhaps some more; empty if it did not come in time."""
        limit = self._config.max_head_bytes or float("inf")
        with trio.move_on_after(self._config.handshake_timeout_s or float("inf")) as scope:
            self._unheard.add(scope)
            try:
                while END not in head and len(head) <= limit:
                    data = await wire.receive_some(4096)
                    if not data:
                        return b""
                    head += data
            finally:
                self._unheard.discard(scope)
            return head
        return b""

    async def _find_picture(self, picture_hash: str) -> tuple[bytes, str] | None:
        found = await self._hub.store.picture(picture_hash)
        return None if found is None else (found.data, found.media_type)

    async def _wait_for_another(self, wire: Wire) -> bytes:
        """The begin of another request; empty if there is none in time, and then nothing is left to be read."""
        with trio.move_on_after(KEPT_IDLE_S) as scope:
            self._idle.add(scope)
            try:
                return bytes(await wire.receive_some(4096))
            finally:
                self._idle.discard(scope)
        return b""

    async def _turn_away(self, wire: Wire, status: str, sentence: str) -> None:
        answer = (
            f"HTTP/1.1 {status}\r\nConnection: close\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(sentence) + 1}\r\n\r\n{sentence}\n"
        ).encode("ascii")
        with trio.move_on_after(self._config.close_timeout_s):
            try:
                await wire.send_all(answer)
            except EXPECTED_ENDINGS:
                return

    async def _linger(self, wire: Wire) -> None:
        """Half-close and wait for the peer to have read to the end: closing with unread bytes in the socket would
        make a reset of it, and a close frame or an answer on its way would be lost (RFC 9112 section 9.6)."""
        with trio.move_on_after(self._config.close_timeout_s):
            try:
                await wire.aclose()
                await wire.send_eof()  # in case it was closed by somebody who did not come so far
                while await wire.transport.receive_some(65536):
                    pass
            except EXPECTED_ENDINGS:
                return


def _describe(stream: trio.abc.Stream) -> tuple[str, str]:
    """The peer's address, and the text that stands for it in the log. Asked for now: a socket forgets it."""
    if isinstance(stream, trio.SocketStream):
        try:
            host, port = stream.socket.getpeername()[:2]
        except OSError:
            return "", "a peer that is gone"
        return host, f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return "", "a stream in memory"


async def open_listeners(host: str | None, port: int) -> list[trio.SocketListener]:
    """Listen on the port of one address, or of all interfaces. Raises `StartError` when that cannot be."""
    try:
        if host is None and port == 0:
            # Each family would get a free port of its own; people are told one.
            first = await trio.open_tcp_listeners(0, host="0.0.0.0")
            try:
                second = await trio.open_tcp_listeners(first[0].socket.getsockname()[1], host="::")
            except OSError:
                second = []  # no IPv6 here, or that port is taken there: IPv4 will do
            return [*first, *second]
        return await trio.open_tcp_listeners(port, host=host)
    except OSError as error:
        where = f"port {port}" if host is None else f"port {port} of {host}"
        raise StartError(
            f"Cannot listen on {where}: {error.strerror or error}. "
            "Choose another with --port (0 takes any free one), or stop what uses it."
        ) from error


async def serve_websocket(
    server: Server,
    listeners: list[trio.SocketListener],
    *,
    handler_nursery: trio.Nursery,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Accept connections until cancelled; they are served in ``handler_nursery`` and live on. Closes the listeners."""
    async with trio.open_nursery() as nursery:
        await nursery.start(
            partial(trio.serve_listeners, server.serve_stream, listeners, handler_nursery=handler_nursery)
        )
        server.is_ready = True
        task_status.started()
