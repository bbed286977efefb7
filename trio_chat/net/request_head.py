"""The head of a request: who is to serve it, whether another request may follow it, and what is wrong with it.

h11 parses the head. What h11 accepts but another reader, say a proxy before us, may understand otherwise is refused:
two readers who see different things in one request are how requests are smuggled (RFC 9112 section 11.2).

Ordinary handshakes, as libraries and browsers send them, are read by a strict pattern instead (`_ordinary_handshake`):
h11 was a tenth of what it costs to accept a client, and trio-websocket, which parses the head once more, a third.

Pure.
"""

from __future__ import annotations

import re
from functools import lru_cache
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

VERSION = b"13"
"""The one version of WebSocket that there is (RFC 6455 section 4.1)."""

MAX_SHOWN_CHARS = 100

LARGE_HEAD = (
    "The head of the request is too large; whoever runs the server sets the limit with --max-head-bytes."
)

_PASS_ON = (
    "A proxy in between takes it away: whoever runs that has to pass Upgrade and Connection on "
    "(docs/operating.md, Reverse proxy)."
)

LOST_UPGRADE = f"This is a WebSocket handshake without its Upgrade field. {_PASS_ON}"
"""The answer to half a handshake, the commonest mistake in front of a server."""

LOST_CONNECTION = f"This is a WebSocket handshake without Connection: Upgrade. {_PASS_ON}"

_UPGRADE = (("Upgrade", "websocket"),)

_READ_AS_ASCII = frozenset({b"connection", b"sec-websocket-extensions", b"sec-websocket-protocol"})

_BODY_FIELDS = frozenset({b"content-length", b"transfer-encoding"})

_HAVE_BODIES = frozenset({b"PATCH", b"POST", b"PUT"})
"""Methods of which every reader expects a body; of others some read none."""

_LENGTH_LINE = re.compile(rb"\ncontent-length[^\r\n]*", re.IGNORECASE)

_PLAIN_LENGTH_LINE = re.compile(rb"\ncontent-length: ?[0-9]{1,15}", re.IGNORECASE)

_BARE_LINE_END = re.compile(rb"(?<!\r)\n")

_FOLDED_LINE = re.compile(rb"\n[ \t]")

_NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"

_VALUE = rb"[!-~](?:[ -~]*[!-~])?"

_ORDINARY_HEAD = re.compile(rb"GET (/[!-~]*) HTTP/1\.1\r\n(?:" + _NAME + rb": ?" + _VALUE + rb"\r\n)+\r\n")

_ORDINARY_HOST = re.compile(rb"[0-9A-Za-z.:\[\]-]+")

_ORDINARY_PROTOCOLS = re.compile(rb"[0-9A-Za-z._-]+(?:, ?[0-9A-Za-z._-]+)*")

_KEY = re.compile(rb"[0-9A-Za-z+/]{22}==")

_A_KEY = b"AAAAAAAAAAAAAAAAAAAAAA=="
"""Stands for any."""

_KEY_NAME = b"sec-websocket-key"

_KEY_FIELD = b"\r\n" + _KEY_NAME + b": "

KNOWN_BYTES = 2048
"""Larger heads are read anew each time, so that what is known stays below some MiB."""

_ABSOLUTE_FORM = re.compile(rb"https?://([^/?#@]+)(/[^#]*|\?[^#]*)?", re.IGNORECASE)


@attrs.frozen
class Handshake:
    """A request for a WebSocket (RFC 6455 section 4.1), fit to be read by trio-websocket."""

    host: str | None
    """The server's name and port as the client knows them (RFC 9110 section 7.2)."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """All fields, with names in lower case."""
    data: bytes = b""
    """The bytes that trio-websocket is to read; none of an ordinary handshake, in which it would find nothing."""
    target: str = "/"
    """What is asked for. Of an ordinary handshake, as the next two."""
    subprotocols: tuple[str, ...] = ()
    """Those that are proposed."""
    key: bytes = b""
    """What the answer is to be made of (RFC 6455 section 4.2.2)."""

    @property
    def is_ordinary(self) -> bool:
        """Whether it is known to be right, so that nobody else need read it."""
        return not self.data


@attrs.frozen
class HttpRequest:
    """Any other request."""

    host: str | None
    """As in `Handshake`; None also from who has none to say (HTTP/1.0)."""
    head: h11.Request
    parser: h11.Connection
    """Has read the head, and nothing behind it but the end of a request without a body."""
    may_keep_connection: bool
    """Whether another request may follow, once the parser has read all of this one: all readers see its end at the same
    place, and the client says nothing against it."""

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
    """A request that cannot be served: the status of the answer, and a sentence that says why, and who mends it."""

    status: HTTPStatus
    reason: str
    why: str | None = None
    """A word for the security log, if it is a handshake."""
    headers: tuple[tuple[str, str], ...] = ()
    """Further fields of the answer."""


RequestHead: TypeAlias = Handshake | HttpRequest | BadRequest


def parse_head(data: bytes) -> RequestHead:
    """The request that begins with these bytes: a head up to `END` and perhaps some more, or too much without it."""
    return _ordinary_handshake(data) or parse_by_h11(data)


def parse_by_h11(data: bytes) -> RequestHead:
    """The same for any request."""
    if END not in data:
        return BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, LARGE_HEAD)
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(data)
    try:
        request = parser.next_event()
    except h11.RemoteProtocolError as error:
        sentence = f"That is not HTTP as RFC 9112 has it: {shown(str(error))}."
        return BadRequest(HTTPStatus(error.error_status_hint), sentence)
    assert isinstance(request, h11.Request)  # a whole head is nothing else
    head, _, rest = data.partition(END)
    request = _in_origin_form(request)
    fields = dict(request.headers)
    is_handshake = b"websocket" in fields.get(b"upgrade", b"").lower()
    reason = _reason_to_refuse(request, head, fields)
    if reason is not None:
        return BadRequest(HTTPStatus.BAD_REQUEST, reason)
    if is_handshake and (refusal := _refuse_handshake(request, fields, rest)) is not None:
        return refusal
    if not is_handshake and b"sec-websocket-key" in fields:
        return BadRequest(HTTPStatus.UPGRADE_REQUIRED, LOST_UPGRADE, "upgrade", _UPGRADE)
    host = fields.get(b"host", b"").decode("latin-1") or None
    if is_handshake:
        in_origin_form = b" ".join((request.method, request.target, head.split(b" ", 2)[2])) + END
        return Handshake(host, tuple(request.headers), in_origin_form)
    if not _BODY_FIELDS.isdisjoint(fields):
        is_clear = request.method in _HAVE_BODIES and _has_one_plain_length(head)
        return HttpRequest(host, request, parser, may_keep_connection=is_clear)
    if request.method not in (b"GET", b"HEAD"):
        return HttpRequest(host, request, parser, may_keep_connection=False)
    parser.next_event()  # the end of the request, as it has no body
    # Else the client said close, or proposed another protocol.
    return HttpRequest(host, request, parser, may_keep_connection=parser.their_state is h11.DONE)


def _ordinary_handshake(data: bytes) -> Handshake | None:
    """The handshake that these bytes are, and nothing else, if every reader would understand it alike; else None.

    What it is not sure of it leaves to h11. Programs say the same each time but for the key, so that most heads are
    known once the key is put aside.
    """
    start = data.lower().find(_KEY_FIELD) + len(_KEY_FIELD)
    key = data[start : start + len(_A_KEY)]
    if start < len(_KEY_FIELD) or not _KEY.fullmatch(key):
        return None
    head = data[:start] + _A_KEY + data[start + len(_A_KEY) :]
    found = (_known_handshake if len(head) <= KNOWN_BYTES else _strict_handshake)(head)
    if found is None:
        return None
    headers = tuple((name, key if name == _KEY_NAME else value) for name, value in found.headers)
    return Handshake(found.host, headers, target=found.target, subprotocols=found.subprotocols, key=key)


def _strict_handshake(data: bytes) -> Handshake | None:
    head = _ORDINARY_HEAD.fullmatch(data)
    if head is None:
        return None
    lines = (line.partition(b":") for line in data[head.end(1) : -len(END)].split(b"\r\n")[1:])
    headers = tuple((name.lower(), value.lstrip()) for name, _, value in lines)
    fields = dict(headers)
    host = fields.get(b"host", b"")
    protocols = fields.get(b"sec-websocket-protocol")
    if (
        len(fields) < len(headers)  # said twice
        or not _BODY_FIELDS.isdisjoint(fields)
        or fields.get(b"upgrade", b"").lower() != b"websocket"
        or b"upgrade" not in _elements(fields.get(b"connection", b""))
        or fields.get(b"sec-websocket-version") != VERSION
        or fields.get(_KEY_NAME) != _A_KEY
        or not _ORDINARY_HOST.fullmatch(host)
        or b"xn--" in host.lower()
        or not (protocols is None or _ORDINARY_PROTOCOLS.fullmatch(protocols))
    ):
        return None
    names = () if protocols is None else tuple(name.strip() for name in protocols.decode().split(","))
    return Handshake(host.decode(), headers, target=head[1].decode(), subprotocols=names)


_known_handshake = lru_cache(maxsize=256)(_strict_handshake)


def _has_one_plain_length(head: bytes) -> bool:
    """Whether the length of the body is said once, and as a number alone: of a list, or of two fields that say the
    same, h11 takes one, and others may not."""
    lines = _LENGTH_LINE.findall(head)
    return len(lines) == 1 and _PLAIN_LENGTH_LINE.fullmatch(lines[0]) is not None


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


def _refuse_handshake(request: h11.Request, fields: Mapping[bytes, bytes], rest: bytes) -> BadRequest | None:
    """The refusal of a handshake that trio-websocket would fail on, not check, or refuse without a word, or None."""
    reason = _reason_to_refuse_handshake(request, fields, rest)
    if reason is not None:
        return BadRequest(HTTPStatus.BAD_REQUEST, reason, "handshake")
    if b"upgrade" not in _elements(fields.get(b"connection", b"")):
        return BadRequest(HTTPStatus.BAD_REQUEST, LOST_CONNECTION, "upgrade")
    version = fields.get(b"sec-websocket-version")
    if version != VERSION:
        asked = "no version" if version is None else f"version {shown(version.decode('latin-1'))}"
        return BadRequest(
            HTTPStatus.BAD_REQUEST if version is None else HTTPStatus.UPGRADE_REQUIRED,
            f"This server speaks version 13 of WebSocket (RFC 6455), and the handshake names {asked}. "
            "The program that connects needs another WebSocket library.",
            "handshake",
            (("Sec-WebSocket-Version", VERSION.decode()),),
        )
    return None


def _reason_to_refuse_handshake(
    request: h11.Request, fields: Mapping[bytes, bytes], rest: bytes
) -> str | None:
    if request.http_version != b"1.1":
        return (
            "A WebSocket handshake needs HTTP/1.1 (RFC 6455 section 4.2.1). "
            "If a proxy speaks HTTP/1.0 to the server, its operator has to change that."
        )
    for name, value in request.headers:
        try:
            if name in _READ_AS_ASCII:
                value.decode("ascii")
            elif name == b"host":
                value.decode("idna")
        except UnicodeError:
            return f"The {name.decode()} field of the handshake is not right."
    if request.method != b"GET":
        return (
            f"A WebSocket handshake is a GET, not a {shown(request.method.decode())} (RFC 6455 section 4.1)."
        )
    if fields[b"upgrade"].lower() != b"websocket":
        offered = shown(fields[b"upgrade"].decode("latin-1"))
        return f"The handshake offers to upgrade to {offered}; this server knows websocket alone."
    if b"sec-websocket-key" not in fields:
        return "The handshake has no Sec-WebSocket-Key: the program that connects has to send one (RFC 6455)."
    if rest:
        return "A client waits for the answer to its handshake before it sends more (RFC 6455 section 4.1)."
    return None


def _elements(value: bytes) -> list[bytes]:
    return [element.strip().lower() for element in value.split(b",")]


def shown(text: str) -> str:
    """What a client sent, as it may stand in a sentence: cut, and in ASCII."""
    return ascii(text[:MAX_SHOWN_CHARS])[1:-1]
