"""The connections of the server: each is admitted, served and supervised, and all can be closed.

A connection begins as HTTP/1.1 (`HttpConnection`). When a request asks for a WebSocket, a `Connection` is made of it.
One supervisor stands around each: nothing that one peer does, and no bug that it finds, gets past it to the others
(trio-websocket#184 among others).
"""

from __future__ import annotations

import logging
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.errors import Refused
from trio_chat.net.forwarded import are_contradictory, client_ip, is_trusted
from trio_chat.net.host import Hosts
from trio_chat.net.limits import address_key
from trio_chat.net.request_head import BadRequest, Handshake
from trio_chat.net.socket_stream import SocketStream
from trio_chat.net.tls import NotTls, TlsStream
from trio_chat.net.wire import Wire
from trio_chat.server.closing import PEER_IS_GONE, PLACES_ADVICE, linger, refuse
from trio_chat.server.connection import Connection
from trio_chat.server.http_connection import STOPPING, HttpConnection
from trio_chat.server.machine_names import machine_names
from trio_chat.server.readiness import readiness
from trio_chat.web.http import make_app

if TYPE_CHECKING:
    import ssl

    from trio_chat.hub import Hub
    from trio_chat.net.limits import Admission, ConnectionLimits
    from trio_chat.net.request_head import Headers, RequestHead
    from trio_chat.server.certificates import Certificates

LOGGER = logging.getLogger(__name__)

KEEPALIVE_STEPS = 4
"""How often within one idle time each connection is looked at: a ping is at most a quarter late."""

HANDSHAKES_AT_ONCE = 4
"""How many WebSocket handshakes go on in each turn of the scheduler, of those that were not there when their connection
was accepted (which are as few, `ACCEPTED_AT_ONCE`). Trio runs whatever can run, so that without a limit those who are
here would wait for everybody who comes back after a restart."""

REFUSALS_AT_ONCE = 16
"""How many connections for which there is no place are told so at a time; more are just closed. They have file
descriptors too, which come out of the reserve (`trio_chat.ops.file_limits`)."""

RETRY_AFTER = (("Retry-After", "30"),)
"""When somebody for whom there is no place is told to try again, in seconds."""

SPEAKS_TLS = "This server speaks HTTPS: its address begins with https:// (of WebSockets with wss://)."
"""The answer to whoever asks without TLS where there is."""

TWO_CLIENTS = (
    "X-Forwarded-For and Forwarded name two clients. Whoever runs the proxy has it take out the one that it does not "
    "set (docs/operating.md, Reverse proxy)."
)
"""The answer to a handshake with which somebody could be counted as the proxy, and not as who they are."""

STOPPING_S = 0.5
"""So long an HTTP client has, when the server stops, to take its last answer: whoever sends a file is still sending."""

CLEANUPS_AT_ONCE = 2
"""How many connections whose peer is gone begin to be cleaned up in each turn of the scheduler, so that those whose
network did not fail need not wait."""


@attrs.define
class ServerStatistics:
    """What has been served since the start; a copy."""

    refused: int = 0
    """Connections for which there was no place."""
    websockets: int = 0
    connected: int = 0
    waiting_bytes: int = 0
    """What waits in all outboxes together."""
    faults: int = 0
    """Bugs: exceptions that ended a connection and should not exist."""


class Server:
    """Serves connections; each is a task in the nursery ``connections``, started by who accepts it
    (`trio_chat.server.listeners`), and its speaker is another."""

    def __init__(
        self,
        hub: Hub,
        *,
        limits: ConnectionLimits,
        connections: trio.Nursery,
        certificates: Certificates | None = None,
    ) -> None:
        self._hub = hub
        self._connections = connections
        self._certificates = certificates
        self._limits = limits
        self._config = hub.config
        self._hosts = Hosts((*hub.config.own_hosts, *machine_names()))
        self._app = make_app(
            readiness=self._readiness,
            picture=self._find_picture,
            files=hub.files,
            server_id=hub.server_id,
            is_https=certificates is not None or (self._config.public_url or "").startswith("https:"),
        )
        self._http_connections: set[HttpConnection] = set()
        self._websockets: set[Connection] = set()
        self._handshakes = trio.Semaphore(HANDSHAKES_AT_ONCE)
        self._cleanups = trio.Semaphore(CLEANUPS_AT_ONCE)
        self._refusals_now = 0
        self._statistics = ServerStatistics()
        self.is_ready = False
        """What ``/readyz`` says where there is space to write: set when clients are accepted, unset before the first is
        sent away."""

    def statistics(self) -> ServerStatistics:
        """What was served so far."""
        return attrs.evolve(
            self._statistics,
            connected=len(self._websockets),
            waiting_bytes=sum(connection.waiting_bytes for connection in self._websockets),
        )

    def connection_counts(self) -> tuple[int, int]:
        """How many WebSocket clients are connected, and how many no longer are."""
        connected = len(self._websockets)
        return connected, self._statistics.websockets - connected

    def close_http(self) -> None:
        """The server stops: end transfers of files, which go on from where they are once it is back; and connections
        of HTTP, each when it has its answer. Sync."""
        self._hub.files.transfers.stop()
        for connection in self._http_connections:
            connection.close()

    def close_all(self) -> None:
        """The server stops: send every client away, to come back; each gets what waits for it first. Sync."""
        for websocket in list(self._websockets):
            websocket.close()
        self.close_http()

    async def keep_alive(self) -> None:
        """Ping the silent and cut the dead, for ever. One task for all: a timer each would cost a task each."""
        if not self._config.idle_ping_s:
            return
        while True:
            await trio.sleep(self._config.idle_ping_s / KEEPALIVE_STEPS)
            now = trio.current_time()
            for connection in list(self._websockets):
                connection.check_alive(now)

    # -- one connection --

    async def serve_connection(self, stream: trio.abc.Stream) -> None:
        """Serve one accepted stream to its end, and close it. Raises nothing but cancellation."""
        address, peer = _describe(stream)
        try:
            # Counted until it is closed: each has a file descriptor, of which there are not many more than places.
            # Behind a trusted proxy the address is known only when a WebSocket is asked for.
            is_proxy = is_trusted(address, self._config.trusted_proxy)
            with self._limits.admit(None if is_proxy else address, trio.current_time()) as admission:
                await self._supervise(stream, admission, address, peer, is_proxy=is_proxy)
        except Refused as refused:
            await self._turn_away(stream, self._no_place(refused, address, peer))
        finally:
            if isinstance(stream, SocketStream):
                stream.close()
            else:
                await trio.aclose_forcefully(stream)

    def _no_place(self, refused: Refused, address: str, peer: str) -> BadRequest:
        """The answer to whom there is no place for; counted, and told to the logs."""
        self._statistics.refused += 1
        LOGGER.debug("%s: %s", peer, refused)
        self._hub.security.refused("places", address_key(address))
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return BadRequest(status, f"{refused} {PLACES_ADVICE}", "places", headers=RETRY_AFTER)

    async def _turn_away(self, stream: trio.abc.Stream, answer: BadRequest) -> None:
        # With TLS the sentence would cost a handshake, of which nobody counts how many there are.
        if self._refusals_now >= REFUSALS_AT_ONCE or self._certificates is not None:
            return
        self._refusals_now += 1
        try:
            wire, timeout_s = Wire(stream), self._config.close_timeout_s
            await refuse(wire, answer.status, answer.reason, timeout_s=timeout_s, headers=answer.headers)
            await linger(wire, timeout_s=timeout_s)
        finally:
            self._refusals_now -= 1

    async def _supervise(
        self, stream: trio.abc.Stream, admission: Admission, address: str, peer: str, *, is_proxy: bool
    ) -> None:
        """Serve one admitted stream; whatever ends it, ends here."""
        if self._certificates is not None:
            secured = await self._secure(stream, self._certificates.context, admission, peer)
            if secured is None:
                return
            stream = secured
        wire = Wire(stream, stall_s=self._config.write_stall_s, cleanups=self._cleanups)
        http: HttpConnection | None = None
        try:
            try:
                http = HttpConnection(
                    wire,
                    self._app,
                    self._config,
                    self._hosts,
                    client_of=partial(self._client_of, address),
                    check_rate=self._check_rate,
                    note_refused=partial(self._note_refused, address),
                )
                websocket = await self._begin(wire, http, admission, address, peer, is_proxy=is_proxy)
                if websocket is not None:
                    http = None  # nobody needs it any more, and this lasts for hours
                    self._websockets.add(websocket)
                    try:
                        await websocket.serve_websocket()
                    finally:
                        self._websockets.discard(websocket)
            except* PEER_IS_GONE as group:
                LOGGER.debug("%s: ended by %r", peer, group.exceptions)
            except* Exception:
                self._statistics.faults += 1
                LOGGER.exception("%s: fault while serving; this connection ends, the others go on", peer)
            if not (admission.was_evicted or wire.is_broken or (http is not None and http.is_idle)):
                timeout_s = self._config.close_timeout_s
                is_stopping = http is not None and http.is_stopping
                await linger(wire, timeout_s=min(timeout_s, STOPPING_S) if is_stopping else timeout_s)
        finally:
            wire.abandon()

    async def _secure(
        self, stream: trio.abc.Stream, context: ssl.SSLContext, admission: Admission, peer: str
    ) -> TlsStream | None:
        """The stream after the handshake of TLS; None, and then nothing is left to do, if there was none in time."""
        assert isinstance(stream, SocketStream)
        tls = TlsStream(stream, context)
        try:
            with trio.fail_after(self._config.handshake_timeout_s or float("inf")) as scope:
                admission.make_way = scope.cancel
                await tls.shake_hands(self._handshakes)
        except NotTls:
            wire, timeout_s = Wire(stream), self._config.close_timeout_s
            await refuse(wire, HTTPStatus.BAD_REQUEST, SPEAKS_TLS, timeout_s=timeout_s)
            await linger(wire, timeout_s=timeout_s)
        except (*PEER_IS_GONE, trio.TooSlowError) as error:
            LOGGER.debug("%s: %r", peer, error)
        else:
            return tls
        return None

    async def _begin(
        self,
        wire: Wire,
        http: HttpConnection,
        admission: Admission,
        address: str,
        peer: str,
        *,
        is_proxy: bool,
    ) -> Connection | None:
        """Serve HTTP until a WebSocket is asked for; None if the connection ends before."""
        request = http.begin()
        handshake = (
            request if isinstance(request, Handshake) else await self._serve_http(http, admission, request)
        )
        if handshake is None:
            return None
        if is_proxy:
            if are_contradictory(address, handshake.headers, self._config.trusted_proxy):
                LOGGER.debug("%s: two clients are named", peer)
                self._hub.security.refused("forwarded", address_key(address))
                await http.refuse(BadRequest(HTTPStatus.BAD_REQUEST, TWO_CLIENTS, "forwarded"))
                return None
            address = client_ip(address, handshake.headers, self._config.trusted_proxy)
            peer = f"{address} by {peer}"
            try:
                admission.count_for(address, trio.current_time())
            except Refused as refused:
                await http.refuse(self._no_place(refused, address, peer))
                return None
        self._statistics.websockets += 1
        return Connection(
            wire,
            peer,
            address=address_key(address),
            handshake=handshake,
            hub=self._hub,
            admission=admission,
            connections=self._connections,
        )

    async def _serve_http(
        self, http: HttpConnection, admission: Admission, request: RequestHead | None
    ) -> Handshake | None:
        self._http_connections.add(http)
        try:
            with trio.CancelScope() as scope:
                admission.make_way = scope.cancel
                handshake = await http.serve(request)
                if handshake is not None:
                    # It came late, and perhaps many others did at the same moment.
                    async with self._handshakes:
                        await trio.lowlevel.checkpoint()
                    if http.is_stopping:
                        await http.refuse(STOPPING)
                        return None
                return handshake
        finally:
            self._http_connections.discard(http)
        return None

    def _readiness(self) -> tuple[bool, str]:
        return readiness(self._hub) if self.is_ready else (False, "starting or stopping")

    def _check_rate(self, client: str) -> None:
        try:
            self._hub.rate_limits.check_request(client, trio.current_time())
        except Refused as refused:
            self._hub.security.limited(refused.code, client)
            raise

    def _note_refused(self, address: str, why: str, host: str | None, headers: Headers) -> None:
        self._hub.security.refused(why, self._client_of(address, headers), host=host)

    def _client_of(self, address: str, headers: Headers) -> str:
        return address_key(client_ip(address, headers, self._config.trusted_proxy))

    async def _find_picture(self, name: str, size: int) -> tuple[bytes, str, bool] | None:
        found = await self._hub.store.picture(name)
        if found is None or found.blob is None:
            return None if found is None else (found.data, found.media_type, True)
        data = await self._hub.files.downloads.picture(found.blob, size=size)
        return None if data is None else (data, found.media_type, False)


def _describe(stream: trio.abc.Stream) -> tuple[str, str]:
    """The peer's address, and the text that stands for it in the log."""
    if isinstance(stream, SocketStream) and stream.peer is not None:
        host, port = stream.peer
        return host, f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return "", "a stream in memory"
