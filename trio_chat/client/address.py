"""The address of a server: its URL, and a stream to it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs
import trio

if TYPE_CHECKING:
    import ssl


@attrs.frozen
class Address:
    """A server's URL and its parts."""

    url: str
    is_secure: bool
    host: str
    port: int
    authority: str
    """Host and port as they stand in the URL, for the ``Host`` header."""
    resource: str
    folder: str
    """The path to which the addresses of files are relative: it ends in a slash."""

    @classmethod
    def parse(cls, url: str) -> Address:
        """The parts of this URL. Raises `ValueError` for what is no WebSocket URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            raise ValueError(
                f"{url!r} is no address of a chat: it must look like ws://host:8080 or wss://host."
            )
        is_secure = parts.scheme == "wss"
        return cls(
            url=url,
            is_secure=is_secure,
            host=parts.hostname,
            port=parts.port or (443 if is_secure else 80),
            authority=parts.netloc.rpartition("@")[2],
            resource=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            folder=parts.path.rstrip("/") + "/",
        )

    async def connect(self, ssl_context: ssl.SSLContext | None = None) -> trio.abc.Stream:
        """A stream to the server, with TLS for ``wss``, of that context if there is one; the caller closes it.

        Raises `OSError` or `trio.BrokenResourceError`. When cancelled, nothing stays open.
        """
        if not self.is_secure:
            return await trio.open_tcp_stream(self.host, self.port)
        stream = await trio.open_ssl_over_tcp_stream(
            self.host, self.port, https_compatible=True, ssl_context=ssl_context
        )
        try:
            await stream.do_handshake()
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return stream
