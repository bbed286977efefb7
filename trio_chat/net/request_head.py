"""The head of a request: who is to serve it, whether another request may follow it, and what is wrong with it.

h11 parses the head. What h11 accepts but another reader, say a proxy before us, may understand otherwise is refused:
two readers who see different things in one request are how requests are smuggled (RFC 9112 section 11.2).

Pure.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

import attrs
import h11

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Headers: TypeAlias = "Iterable[tuple[bytes, bytes]]"
"""Fields of a request, with names in lower case."""

END = b"\r\n\r\n"
"""Ends a head."""

_READ_AS_ASCII = frozenset({b"connection", b"sec-websocket-extensions", b"sec-websocket-protocol"})

_BODY_FIELDS = frozenset({b"content-length", b"transfer-encoding"})

_BARE_LINE_END = re.compile(rb"(?<!\r)\n")

_FOLDED_LINE = re.compile(rb"\n[ \t]")

_ABSOLUTE_FORM = re.compile(rb"https?://([^/?#@]+)(/[^#]*|\?[^#]*)?", re.IGNORECASE)


@attrs.frozen
class Handshake:
    """A request for a WebSocket (RFC 6455 section 4.1), fit to be read by trio-websocket."""

    host: str | None
    """The server's name and port as the client knows them (RFC 9110 section 7.2)."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """All fields, with names in lower case."""
    data: bytes = b""
    """The bytes that trio-websocket is to read."""


@attrs.frozen
class HttpRequest:
    """Any other request."""

    host: str | None
    """As in `Handshake`; None also from who has none to say (HTTP/1.0)."""
    head: h11.Request
    parser: h11.Connection
    """Has read the head, and nothing behind it but the end of a request without a body."""
    may_keep_connection: bool
    """Whether another request may follow: this one has no body, and the client says nothing against it."""

    @property
    def headers(self) -> Headers:
        """All fields."""
        return self.head.headers

    @property
    def rest(self) -> bytes:
        """The bytes received behind the request: the begin of the next one. Only to be asked if that may follow."""
        return self.parser.trailing_data[0]


@attrs.frozen
class BadRequest:
    """A request that cannot be served: the status of the answer, and a sentence that says why."""

    status: HTTPStatus
    reason: str


RequestHead: TypeAlias = Handshake | HttpRequest | BadRequest


def parse_head(data: bytes) -> RequestHead:
    """The request that begins with these bytes: a head up to `END` and perhaps some more, or too much without it."""
    if END not in data:
        return BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The head of the request is too large.")
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(data)
    try:
        request = parser.next_event()
    except h11.RemoteProtocolError as error:
        return BadRequest(HTTPStatus(error.error_status_hint), "That is not HTTP as RFC 9112 has it.")
    assert isinstance(request, h11.Request)  # a whole head is nothing else
    head, _, rest = data.partition(END)
    request = _in_origin_form(request)
    fields = dict(request.headers)
    is_handshake = b"websocket" in fields.get(b"upgrade", b"").lower()
    reason = _reason_to_refuse(request, head, fields)
    if reason is None and is_handshake:
        reason = _reason_to_refuse_handshake(request, rest)
    if reason is not None:
        return BadRequest(HTTPStatus.BAD_REQUEST, reason)
    host = fields.get(b"host", b"").decode("latin-1") or None
    if is_handshake:
        in_origin_form = b" ".join((request.method, request.target, head.split(b" ", 2)[2])) + END
        return Handshake(host, tuple(request.headers), in_origin_form)
    if request.method not in (b"GET", b"HEAD") or not _BODY_FIELDS.isdisjoint(fields):
        return HttpRequest(host, request, parser, may_keep_connection=False)
    parser.next_event()  # the end of the request, as it has no body
    # Else the client said close, or proposed another protocol.
    return HttpRequest(host, request, parser, may_keep_connection=parser.their_state is h11.DONE)


def _in_origin_form(request: h11.Request) -> h11.Request:
    """The same request with its path as the target. One for a proxy names the host in the target, which counts then
    instead of the field (RFC 9112 section 3.2.2)."""
    match = _ABSOLUTE_FORM.fullmatch(request.target)
    if match is None:
        return request
    headers = [(name, match[1] if name == b"host" else value) for name, value in request.headers]
    if not any(name == b"host" for name, _ in headers):  # HTTP/1.0
        headers.append((b"host", match[1]))
    target = match[2] or b"/"
    return h11.Request(
        method=request.method,
        target=target if target.startswith(b"/") else b"/" + target,
        headers=headers,
        http_version=request.http_version,
    )


def _reason_to_refuse(request: h11.Request, head: bytes, fields: Mapping[bytes, bytes]) -> str | None:
    """The reason to refuse a request that h11 accepts but other readers may understand otherwise, or None."""
    if request.http_version not in (b"1.0", b"1.1"):
        return "This server speaks HTTP/1.1."
    if _BARE_LINE_END.search(head):
        return "Each line of a request ends with CR LF (RFC 9112 section 2.2)."
    if _FOLDED_LINE.search(head):
        return "A field of a request is one line (RFC 9112 section 5.2)."
    if sum(name == b"origin" for name, _ in request.headers) > 1:
        return "A request comes from one origin (RFC 6454 section 7.3)."
    if fields.keys() >= _BODY_FIELDS:
        return "A request has a Content-Length or a Transfer-Encoding, not both (RFC 9112 section 6.1)."
    return None


def _reason_to_refuse_handshake(request: h11.Request, rest: bytes) -> str | None:
    """The reason to refuse a handshake that trio-websocket would fail on, or not check, or None."""
    if request.http_version != b"1.1":
        return "A WebSocket handshake needs HTTP/1.1 (RFC 6455 section 4.2.1)."
    for name, value in request.headers:
        try:
            if name in _READ_AS_ASCII:
                value.decode("ascii")
            elif name == b"host":
                value.decode("idna")
        except UnicodeError:
            return f"The {name.decode()} field of the handshake is not right."
    if rest:
        return "A client waits for the answer to its handshake before it sends more (RFC 6455 section 4.1)."
    return None
