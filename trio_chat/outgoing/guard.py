"""The guard of all requests that the server makes to an address that somebody else wrote (SSRF, OWASP API7:2023).

Such an address may be one of the server's own network. So its name is resolved here, once; if any of what it resolves
to is not public, nothing is sent; and the connection goes to what was checked, not to the name, which may resolve to
something else a moment later (DNS rebinding). For TLS the name is kept. Only http and https on their own ports.
No redirect is followed by itself: each is another request, and is checked like the first.

Answers are bounded in bytes and in time, and come as they are: nothing is unpacked.

h11 speaks HTTP/1.1, over a stream of its own for each request. (httpcore can be given such a check as well, but leaves
async generators behind when a body is not read to its end, of which Trio warns.)
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

import attrs
import h11
import trio

from trio_chat.errors import ChatError
from trio_chat.outgoing.public import is_public

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

LONGEST_URL: Final = 2_000
"""Characters."""

REDIRECTS: Final = 3

HTTP_PORTS: Final = frozenset({80, 443})

RECEIVE_BYTES: Final = 16 * 1024

REDIRECTING: Final = frozenset({301, 302, 303, 307, 308})

USER_AGENT: Final = b"trio-chat (link preview)"


class CannotFetch(ChatError):
    """There is no answer from there, or none is wanted; the text says why, for the operator's log."""


@attrs.frozen
class _Target:
    """What a URL asks for: a checked scheme, host and port, and the path with the query, as they are sent."""

    is_https: bool
    host: str
    port: int
    authority: bytes
    path: bytes


@attrs.frozen
class Fetched:
    """An answer: where it came from in the end, its media type (lower case, without parameters) and encoding, and as
    much of its body as was asked for."""

    url: str
    media_type: str
    charset: str | None
    body: bytes


class Guard:
    """Makes requests to public addresses. ``is_allowed`` (an IP address) and ``ports`` say where to; tests allow more
    than `is_public` does."""

    def __init__(
        self,
        *,
        is_allowed: Callable[[str], bool] = is_public,
        ports: Collection[int] = HTTP_PORTS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._is_allowed = is_allowed
        self._ports = ports
        self._tls = tls or ssl.create_default_context()

    async def get(
        self,
        url: str,
        *,
        accept: str,
        max_bytes: int,
        timeout_s: float,
        is_cut: bool = False,
        is_wanted: Callable[[str], bool] = lambda media_type: True,
    ) -> Fetched:
        """The answer to a GET, redirects followed, within ``timeout_s`` seconds in all.

        Of a body that is longer than ``max_bytes`` so much is taken if ``is_cut``; else it is refused. ``is_wanted`` is
        asked for the media type before the body is read. Raises `CannotFetch`.
        """
        with trio.move_on_after(timeout_s):
            for _ in range(REDIRECTS + 1):
                answer = await self._get_once(
                    url, accept=accept, max_bytes=max_bytes, is_cut=is_cut, is_wanted=is_wanted
                )
                if isinstance(answer, Fetched):
                    return answer
                url = urljoin(url, answer)
            raise CannotFetch("it redirects too often")
        raise CannotFetch(f"it took longer than {timeout_s:g} seconds")

    async def _get_once(
        self,
        url: str,
        *,
        accept: str,
        max_bytes: int,
        is_cut: bool,
        is_wanted: Callable[[str], bool],
    ) -> Fetched | str:
        """The answer, or where it redirects to."""
        target = _target(url, self._ports)
        stream = await self._connect(target)
        try:
            connection = _Connection(stream)
            response = await connection.ask(
                target,
                [
                    (b"Host", target.authority),
                    (b"User-Agent", USER_AGENT),
                    (b"Accept", accept.encode()),
                    (b"Accept-Encoding", b"identity"),
                    (b"Connection", b"close"),
                ],
            )
            fields = {name: value.decode("latin-1") for name, value in response.headers}
            if response.status_code in REDIRECTING and b"location" in fields:
                return fields[b"location"]
            if response.status_code != 200:
                raise CannotFetch(f"it answered {response.status_code}")
            if fields.get(b"content-encoding", "identity").lower() != "identity":
                raise CannotFetch("it packed its answer, although it was asked not to")
            media_type, charset = _media_type(fields.get(b"content-type", ""))
            if not is_wanted(media_type):
                raise CannotFetch(f"it is of the type {media_type or 'unknown'}")
            body = bytearray()
            while piece := await connection.read():
                body += piece
                if len(body) > max_bytes:
                    if not is_cut:
                        raise CannotFetch(f"it has more than {max_bytes:,} bytes")
                    break
            return Fetched(url, media_type, charset, bytes(body[:max_bytes]))
        except (h11.ProtocolError, trio.BrokenResourceError, ssl.SSLError) as error:
            raise CannotFetch(f"{type(error).__name__}: {error.__cause__ or error}") from error
        finally:
            await trio.aclose_forcefully(stream)

    async def _connect(self, target: _Target) -> trio.abc.Stream:
        """A connection to what the host resolves to now. Raises `CannotFetch` if that is, or may be, in a network."""
        try:
            found = await trio.socket.getaddrinfo(target.host, target.port, type=trio.socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise CannotFetch(f"its name cannot be resolved: {error}") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not addresses or not all(map(self._is_allowed, addresses)):
            raise CannotFetch("it is not on the public internet")
        failure: OSError | None = None
        for address in addresses:
            try:
                stream = await trio.open_tcp_stream(address, target.port)
            except OSError as error:
                failure = error
            else:
                return self._secured(stream, target) if target.is_https else stream
        raise CannotFetch(f"it cannot be reached: {failure}")

    def _secured(self, stream: trio.SocketStream, target: _Target) -> trio.abc.Stream:
        return trio.SSLStream(stream, self._tls, server_hostname=target.host, https_compatible=True)


class _Connection:
    """One request over a stream, and its answer. Raises `h11.ProtocolError` and `trio.BrokenResourceError`."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._parser = h11.Connection(h11.CLIENT)

    async def ask(self, target: _Target, headers: list[tuple[bytes, bytes]]) -> h11.Response:
        """Send a request; returns the head of the answer."""
        request = h11.Request(method=b"GET", target=target.path, headers=headers)
        data = (self._parser.send(request) or b"") + (self._parser.send(h11.EndOfMessage()) or b"")
        await self._stream.send_all(data)
        while True:
            event = await self._next_event()
            if isinstance(event, h11.Response):
                return event

    async def read(self) -> bytes:
        """Some of the body; empty at its end."""
        event = await self._next_event()
        return bytes(event.data) if isinstance(event, h11.Data) else b""

    async def _next_event(self) -> h11.Event:
        while (event := self._parser.next_event()) is h11.NEED_DATA:
            self._parser.receive_data(bytes(await self._stream.receive_some(RECEIVE_BYTES)))
        if not isinstance(event, h11.Event):
            raise h11.RemoteProtocolError("it ended the connection before its answer")
        return event


def _target(url: str, ports: Collection[int]) -> _Target:
    """What a URL asks for. Raises `CannotFetch` for what is not asked."""
    try:
        parts = urlsplit(url)
        host, is_https = parts.hostname or "", parts.scheme == "https"
        host = host if host.isascii() else host.encode("idna").decode()
        port = parts.port or (443 if is_https else 80)
        path = _ascii((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
    except ValueError as error:
        raise CannotFetch(f"it is no address: {error}") from error
    is_plain = len(url) <= LONGEST_URL and url.isprintable() and parts.scheme in ("http", "https")
    if not is_plain or not host or "@" in parts.netloc:
        raise CannotFetch("it is no address that is asked")
    if port not in ports:
        raise CannotFetch("it has another port than the web's")
    name = f"[{host}]" if ":" in host else host
    authority = name if port in (80, 443) else f"{name}:{port}"
    return _Target(is_https, host, port, authority.encode(), path)


def _media_type(field: str) -> tuple[str, str | None]:
    """The media type and the charset of a Content-Type field."""
    media_type, *parameters = (part.strip() for part in field.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.lower() == "charset":
            return media_type.lower(), value.strip("\"' ")
    return media_type.lower(), None


_KEPT: Final = frozenset(
    b"%/?:@!$&'()*+,;=-._~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
)


def _ascii(path: str) -> bytes:
    """The path and query with everything percent-encoded that cannot stand in a URL (RFC 3986)."""
    return b"".join(bytes((byte,)) if byte in _KEPT else b"%%%02X" % byte for byte in path.encode())
