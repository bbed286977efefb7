"""HTTP/1.1 on one connection: request after request is answered, until one asks for a WebSocket.

A client that keeps its connection may ask for a WebSocket on it at any time (proxies do), so the head of each request
is read here, under the same limits as the first, and only then handed on.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import trio

from trio_chat.errors import Refused
from trio_chat.net.host import why_not
from trio_chat.net.request_head import END, BadRequest, Handshake, parse_head
from trio_chat.server.closing import refuse
from trio_chat.web.answers import refusal
from trio_chat.web.asgi import answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from trio_chat.config.config import Config
    from trio_chat.net.host import Hosts
    from trio_chat.net.request_head import Headers, HttpRequest, RequestHead
    from trio_chat.net.wire import Wire

KEEP_ALIVE_S = 5.0
"""How long a connection waits for another request: a page has all its files by then, and places are counted."""

REQUESTS_PER_CONNECTION = 200
"""After so many it ends: the page with all its files comes over one, and nobody keeps a place for ever in this way."""

SHUTDOWN_HEAD_S = 1.0
"""How long a client that connected just before the server stops has for a request. Browsers keep spare connections open
and say nothing on them; stopping should not wait for those."""

RECEIVE_BYTES = 4096
"""How much is read at a time."""

STOPPING = BadRequest(HTTPStatus.SERVICE_UNAVAILABLE, "The server is stopping. Come back in a moment.")
"""The answer to a handshake for which it is too late."""


class HttpConnection:
    """One connection, as long as it speaks HTTP. `serve` is its whole life; the wire stays the caller's to close."""

    __slots__ = (
        "_app",
        "_check_rate",
        "_client_of",
        "_config",
        "_hosts",
        "_note_refused",
        "_waiting",
        "_wire",
        "is_idle",
        "is_stopping",
    )

    def __init__(
        self,
        wire: Wire,
        app: ASGIApp,
        config: Config,
        hosts: Hosts,
        *,
        client_of: Callable[[Headers], str],
        check_rate: Callable[[str], object],
        note_refused: Callable[[str, str | None, Headers], object],
    ) -> None:
        """``client_of`` is the `address_key` of who sends a request with these fields. ``check_rate`` counts a request
        of an address, and raises `Refused` if there are too many. ``note_refused`` is called for each refusal that is
        of interest in the security log: with a word for it, and the host and the fields of the request."""
        self._wire = wire
        self._app = app
        self._hosts = hosts
        self._client_of = client_of
        self._check_rate = check_rate
        self._note_refused = note_refused
        self._config = config
        self._waiting: trio.CancelScope | None = None  # around reading what the client says next
        self.is_stopping = False
        """Whether the server stops."""
        self.is_idle = False
        """Whether the client has its last answer and has begun no other request."""

    def close(self) -> None:
        """The server stops: end after the request that is being read or answered, at once if there is none. Sync."""
        self.is_stopping = True
        if self._waiting is not None:
            grace_s = 0.0 if self.is_idle else SHUTDOWN_HEAD_S
            self._waiting.deadline = min(self._waiting.deadline, trio.current_time() + grace_s)

    def begin(self) -> RequestHead | None:
        """The first request, if it is here already: without a scope and a turn of the scheduler, which most clients
        need not wait for. Sync."""
        data = self._wire.receive_now(RECEIVE_BYTES)
        if END in data:
            return self._judge(data)
        self._wire.unread(data)
        return None

    async def serve(self, request: RequestHead | None = None) -> Handshake | None:
        """Answer requests, of which the first may have been read. Returns the handshake, to be answered, if a WebSocket
        is asked for; None if the connection is to be ended."""
        data = b""
        for number in range(1, REQUESTS_PER_CONNECTION + 1):
            if request is None:
                data = await self._read_head(data)
                if not data:
                    break
                request = self._judge(data)
            if isinstance(request, Handshake):
                return request
            if isinstance(request, BadRequest):
                await self.refuse(request)
                break
            is_kept = await self._answer(request, is_last=number == REQUESTS_PER_CONNECTION)
            if not is_kept or self.is_stopping:
                break
            data = request.rest or await self._wait_for_request()
            if not data:
                break
            request = None
        return None

    async def refuse(self, request: BadRequest) -> None:
        """Answer a request that cannot be served, after which the connection is to be ended."""
        await refuse(
            self._wire,
            request.status,
            request.reason,
            timeout_s=self._config.close_timeout_s,
            headers=request.headers,
        )

    def _judge(self, data: bytes) -> RequestHead:
        """The request that begins with this head, or why it is refused, which the security log is told."""
        request = asked = parse_head(data)
        if not isinstance(request, BadRequest) and not self._hosts.has(request.host):
            request = BadRequest(HTTPStatus.MISDIRECTED_REQUEST, why_not(request.host), "host")
        if isinstance(request, Handshake):
            request = self._judge_handshake(request)
        if isinstance(request, BadRequest) and request.why is not None:
            host, fields = (None, ()) if isinstance(asked, BadRequest) else (asked.host, asked.headers)
            self._note_refused(request.why, host, fields)
        return request

    def _judge_handshake(self, handshake: Handshake) -> Handshake | BadRequest:
        if self.is_stopping:
            return STOPPING
        try:
            self._check_rate(self._client_of(handshake.headers))
        except Refused as refused:
            headers = (("Retry-After", f"{refused.retry_after_s:.0f}"),)
            return BadRequest(HTTPStatus.TOO_MANY_REQUESTS, refused.message, headers=headers)
        return handshake

    async def _answer(self, request: HttpRequest, *, is_last: bool) -> bool:
        """Answer a request; whether the connection is kept for another one."""
        client = self._client_of(request.headers)
        app = self._app
        try:
            self._check_rate(client)
        except Refused as refused:
            app = refusal(refused)  # on the same connection: to have them open another would cost more
        keeps_connection = request.may_keep_connection and not is_last and not self.is_stopping
        return await answer(app, request, self._wire, client=client, keeps_connection=keeps_connection)

    async def _read_head(self, data: bytes) -> bytes:
        """The bytes up to the end of a head, and perhaps some more; empty if it did not come in time."""
        limit = self._config.max_head_bytes or float("inf")
        with trio.move_on_after(self._config.handshake_timeout_s or float("inf")) as self._waiting:
            while END not in data and len(data) <= limit:
                more = await self._wire.receive_some(RECEIVE_BYTES)
                if not more:
                    return b""
                data += more
            return data
        return b""

    async def _wait_for_request(self) -> bytes:
        """The begin of another request; empty if there is none in time."""
        with trio.move_on_after(KEEP_ALIVE_S) as self._waiting:
            self.is_idle = True
            data = bytes(await self._wire.receive_some(RECEIVE_BYTES))
            self.is_idle = not data
            return data
        return b""
