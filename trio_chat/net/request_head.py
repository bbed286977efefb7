"""The head of a request, as far as the gate must understand it to say who takes over, and whether another may follow.

Read by h11, which reads it again behind the gate, whoever takes over: two readers who see different things in one
request are how requests are smuggled. Where one request ends and the next begins is h11's word, too, and only said of
requests without a body.

Pure.
"""

from __future__ import annotations

import re

import attrs
import h11

END = b"\r\n\r\n"

_READ_AS_ASCII = frozenset({b"connection", b"sec-websocket-extensions", b"sec-websocket-protocol"})

_BODY_FIELDS = frozenset({b"content-length", b"transfer-encoding"})

_BARE_LINE_END = re.compile(rb"(?<!\r)\n")

_FOLDED_LINE = re.compile(rb"\n[ \t]")

_UPGRADE_LINE = re.compile(rb"^upgrade[ \t]*:.*\n", re.IGNORECASE | re.MULTILINE)


@attrs.frozen
class Head:
    """What a request is about."""

    request: bytes = b""
    """What HTTP is to answer, asking for no other protocol."""
    rest: bytes = b""
    """What came after the request: the begin of the next one, if the connection is kept."""
    keeps_connection: bool = False
    """Whether another request may follow: this one has no body, and the peer says nothing against it."""
    is_empty: bool = False
    """Nothing came."""
    wants_websocket: bool = False
    host: str | None = None
    """The server's name and port as the peer knows them (RFC 9110 section 7.2)."""
    flaw: str | None = None
    """Why nobody behind the gate can take it, as a sentence; what is not HTTP at all is left to HTTP to refuse."""

    @classmethod
    def of(cls, data: bytes) -> Head:
        """What the first bytes of a request, up to `END` or beyond, say."""
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=len(data) + 1)
        parser.receive_data(data)
        try:
            request = parser.next_event()
        except h11.RemoteProtocolError:
            return cls(without_upgrade(data))
        if not isinstance(request, h11.Request):
            return cls(without_upgrade(data), is_empty=not data)
        flaw = _flaw_of_request(request, data.partition(END)[0])
        if flaw is not None:
            return cls(flaw=flaw)
        fields = dict(request.headers)
        host = fields.get(b"host", b"").decode("latin-1") or None
        if b"websocket" in fields.get(b"upgrade", b"").lower():
            flaw = _flaw_of_handshake(request)
            if data.partition(END)[2]:
                flaw = "A client waits for the answer to its handshake before it sends more (RFC 6455 section 4.1)."
            return cls(wants_websocket=True, host=host, flaw=flaw)
        if request.method not in (b"GET", b"HEAD") or not _BODY_FIELDS.isdisjoint(fields):
            return cls(without_upgrade(data), host=host)
        parser.next_event()  # the end of the request, as it has no body
        rest = parser.trailing_data[0]
        return cls(
            without_upgrade(data[: len(data) - len(rest)]),
            rest,
            keeps_connection=parser.their_state
            is h11.DONE,  # and not MUST_CLOSE, or about to switch protocols
            host=host,
        )


def _flaw_of_request(request: h11.Request, head: bytes) -> str | None:
    """What h11 would take but other readers, say a proxy before us, may understand otherwise."""
    if request.http_version not in (b"1.0", b"1.1"):
        return "This server speaks HTTP/1.1."
    if _BARE_LINE_END.search(head):
        return "Each line of a request ends with CR LF (RFC 9112 section 2.2)."
    if _FOLDED_LINE.search(head):
        return "A field of a request is one line (RFC 9112 section 5.2)."
    if dict(request.headers).keys() >= _BODY_FIELDS:
        return "A request has a Content-Length or a Transfer-Encoding, not both (RFC 9112 section 6.1)."
    return None


def _flaw_of_handshake(request: h11.Request) -> str | None:
    """What trio-websocket would not refuse but trip over, or not see."""
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
    return None


def without_upgrade(data: bytes) -> bytes:
    """The same request, asking for no other protocol.

    A server may ignore that (RFC 9110 section 7.8), and behind the gate nobody is to begin one: HTTP/2, for one, has
    many requests on one connection, WebSockets among them.
    """
    head, end, rest = data.partition(END)
    return _UPGRADE_LINE.sub(b"", head + end[:2]) + end[2:] + rest
