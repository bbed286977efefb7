"""The head of a connection's first request, as far as the gate must understand it to say who takes over.

Read by h11, which reads it again behind the gate, whoever takes over: two readers who see different things in one
request are how requests are smuggled.

Pure.
"""

from __future__ import annotations

import re

import attrs
import h11

END = b"\r\n\r\n"

_READ_AS_ASCII = frozenset({b"connection", b"sec-websocket-extensions", b"sec-websocket-protocol"})

_UPGRADE_LINE = re.compile(rb"^upgrade[ \t]*:.*\n", re.IGNORECASE | re.MULTILINE)


@attrs.frozen
class Head:
    """What the first request is about."""

    is_empty: bool = False
    """Nothing came."""
    wants_websocket: bool = False
    host: str | None = None
    """The server's name and port as the peer knows them (RFC 9110 section 7.2)."""
    flaw: str | None = None
    """Why nobody behind the gate can take it, as a sentence; what is not HTTP at all is left to HTTP to refuse."""

    @classmethod
    def of(cls, data: bytes) -> Head:
        """What the first bytes of a connection, up to `END` or beyond, say."""
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=len(data) + 1)
        parser.receive_data(data)
        try:
            request = parser.next_event()
        except h11.RemoteProtocolError:
            return cls()
        if not isinstance(request, h11.Request):
            return cls(is_empty=not data)
        if request.http_version not in (b"1.0", b"1.1"):
            return cls(flaw="This server speaks HTTP/1.1.")
        fields = dict(request.headers)
        host = fields.get(b"host", b"").decode("latin-1") or None
        if b"websocket" not in fields.get(b"upgrade", b"").lower():
            return cls(host=host)
        flaw = _flaw_of_handshake(request)
        if not data.endswith(END):
            flaw = (
                "A client waits for the answer to its handshake before it sends more (RFC 6455 section 4.1)."
            )
        return cls(wants_websocket=True, host=host, flaw=flaw)


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
