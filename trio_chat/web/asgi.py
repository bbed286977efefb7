"""One HTTP request, answered by an ASGI application: h11 speaks HTTP/1.1, a `Wire` carries its bytes.

Bodies are streamed both ways and have no limit of time in all, only of silence: a client that sends nothing of a body
for `BODY_STALL_S`, or takes nothing of a response for as long as its wire allows, is given up. How large a body may be
is the application's to say.

The application runs in the connection's own task, and nothing in here is shielded: when that task is cancelled, so are
the application and the write that it waits for.
"""

from __future__ import annotations

import logging
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote

import h11
import trio

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Scope

    from trio_chat.net.request_head import HttpRequest
    from trio_chat.net.wire import Wire

LOGGER = logging.getLogger(__name__)

BODY_STALL_S = 60.0
"""How long a client may send nothing of a body that it announced: a phone in a tunnel is back within a minute."""

RECEIVE_BYTES = 64 * 1024
"""How much of a body is read at a time."""

COPIED_BYTES = 16 * 1024
"""The largest piece of a body that is copied to be written together with the head, in one packet or a few."""

_PHRASES = {status.value: status.phrase for status in HTTPStatus}


async def answer(
    app: ASGIApp, request: HttpRequest, wire: Wire, *, client: str = "", keeps_connection: bool
) -> bool:
    """Have ``app`` answer a request. True if the response is whole, and the connection was promised to be kept: as
    ``keeps_connection`` says, if all of the request was read before the response began. ``client`` is the
    `address_key` of who asks.

    Faults of the application are logged here; where it had not begun to answer, the client gets a 500.
    """
    exchange = _Exchange(request, wire, keeps_connection=keeps_connection)
    wire.carries_frames = False
    try:
        await app(_scope(request.head, client), exchange.receive, exchange.send)
    except Exception as error:
        if exchange.failure is None:
            LOGGER.exception("fault while answering %s %s", request.head.method, request.head.target)
        else:
            LOGGER.debug("%s while answering: %r", exchange.failure.phrase, error)
    await exchange.finish()
    wire.carries_frames = True
    return exchange.keeps_connection and exchange.is_whole


class _Exchange:
    """A request and its response: the two callables that an ASGI application is given."""

    __slots__ = (
        "_body_is_read",
        "_held_back",
        "_is_over",
        "_parser",
        "_request",
        "_wire",
        "failure",
        "is_whole",
        "keeps_connection",
    )

    def __init__(self, request: HttpRequest, wire: Wire, *, keeps_connection: bool) -> None:
        self._request = request.head
        self._parser = request.parser
        self._wire = wire
        self._body_is_read = False
        self._is_over = trio.Event()  # the response is whole, or there will be none
        self._held_back = b""  # the response's head, to be written together with what comes next
        self.failure: HTTPStatus | None = None
        """Why the client will get nothing more from the application: it left, or its body is not right."""
        self.is_whole = False
        """The response was written to its end."""
        self.keeps_connection = keeps_connection
        """Another request may follow on this connection."""

    # -- for the application --

    async def receive(self) -> Message:
        """The next piece of the request's body. Then, or when the client has failed: that it is gone."""
        if not self._body_is_read and self.failure is None:
            try:
                body = await self._read_body()
            except (h11.RemoteProtocolError, trio.BrokenResourceError, trio.ClosedResourceError):
                self._fail(HTTPStatus.BAD_REQUEST)
            except trio.TooSlowError:
                self._fail(HTTPStatus.REQUEST_TIMEOUT)
            else:
                self._body_is_read = not body
                return {"type": "http.request", "body": body, "more_body": bool(body)}
        await self._is_over.wait()  # that the client left meanwhile is noticed by whoever writes
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Write the response's head, which waits for the begin of the body, or some of its body.

        Raises `ConnectionError` when the client is gone or has failed.
        """
        if self.failure is not None:
            raise ConnectionError(f"there is no response any more: {self.failure.phrase}")
        if message["type"] == "http.response.start":
            self._begin(message["status"], message.get("headers", ()))
            return
        body: bytes = message.get("body", b"")
        is_end = not message.get("more_body", False)
        data = b""
        if body and self._request.method != b"HEAD":
            data = self._parser.send(h11.Data(data=body)) or b""
        if is_end:
            data += self._parser.send(h11.EndOfMessage()) or b""
        await self._write(data)
        if is_end:
            self.is_whole = True
            self._is_over.set()

    # -- for `answer` --

    async def finish(self) -> None:
        """If nothing was answered, say in a status why; the connection is going to end."""
        if self._parser.our_state is not h11.SEND_RESPONSE:
            return
        status = self.failure or HTTPStatus.INTERNAL_SERVER_ERROR
        self.keeps_connection = False
        self._begin(status, [(b"content-length", b"0")])
        try:
            await self._write(self._parser.send(h11.EndOfMessage()) or b"")
        except ConnectionError as error:
            LOGGER.debug("%s was not heard: %r", status.phrase, error)

    # -- inside --

    def _fail(self, failure: HTTPStatus) -> None:
        self.failure = failure
        self._is_over.set()

    async def _read_body(self) -> bytes:
        """Some of the body; empty at its end."""
        # Others have their turn between any two pieces: a client may send 10,000 chunks of one byte in one packet.
        await trio.lowlevel.checkpoint()
        if self._parser.their_state is not h11.SEND_BODY:
            return b""
        if self._parser.they_are_waiting_for_100_continue:
            go_on = h11.InformationalResponse(status_code=100, headers=[], reason=HTTPStatus.CONTINUE.phrase)
            await self._wire.send_all(self._parser.send(go_on) or b"")
        while True:
            event = self._parser.next_event()
            if isinstance(event, h11.Data):
                return bytes(event.data)
            if event is not h11.NEED_DATA:
                return b""
            with trio.fail_after(BODY_STALL_S):
                self._parser.receive_data(bytes(await self._wire.receive_some(RECEIVE_BYTES)))

    def _begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        fields = [(b"date", formatdate(usegmt=True).encode()), *headers]
        if self._parser.their_state is not h11.DONE:
            self.keeps_connection = False  # what is left of a body is not to be taken for a request
        if not self.keeps_connection:
            fields.append((b"connection", b"close"))
        head = h11.Response(status_code=status, headers=fields, reason=_PHRASES.get(status, ""))
        self._held_back = self._parser.send(head) or b""

    async def _write(self, data: bytes) -> None:
        head, self._held_back = self._held_back, b""
        if not head and not data:
            await trio.lowlevel.checkpoint()
            return
        pieces = (head + data,) if len(data) <= COPIED_BYTES else (head, data)
        try:
            for piece in pieces:
                await self._wire.send_all(piece)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._fail(HTTPStatus.BAD_REQUEST)
            raise ConnectionError(f"the client is gone: {error}") from error


def _scope(request: h11.Request, client: str) -> Scope:
    """What ASGI calls a connection scope, of a request."""
    path, _, query = request.target.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},  # 2.4: `send` raises when the client is gone
        "http_version": request.http_version.decode(),
        "method": request.method.decode(),
        "scheme": "http",
        "path": unquote(path.decode()),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": list(request.headers),
        "client": (client, 0),
    }
