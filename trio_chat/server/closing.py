"""How a connection ends for reasons that stand outside of what it was about: it is refused, or its peer is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
import trio_websocket

if TYPE_CHECKING:
    from collections.abc import Iterable
    from http import HTTPStatus

    from trio_chat.net.wire import Wire

PEER_IS_GONE = (
    trio.BrokenResourceError,
    trio.ClosedResourceError,
    trio_websocket.ConnectionClosed,
    ConnectionError,
)
"""How connections of a chat normally end: the peer's program, machine or network ends them."""


PLACES_ADVICE = (
    "Whoever runs the server sets how many fit with --max-connections and --max-connections-per-address, "
    "and behind a proxy tells clients apart with --trusted-proxy."
)
"""Stands behind the sentence for whom there is no place."""


async def refuse(
    wire: Wire,
    status: HTTPStatus,
    reason: str,
    *,
    timeout_s: float,
    headers: Iterable[tuple[str, str]] = (),
) -> None:
    """Answer with an HTTP status and a sentence in ASCII, after which the connection ends. Never waits longer than the
    timeout (seconds), and does not mind that nobody listens."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers)
    response = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\n{fields}"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(reason) + 1}\r\n\r\n{reason}\n"
    ).encode("ascii")
    with trio.move_on_after(timeout_s):
        try:
            await wire.send_all(response)
        except PEER_IS_GONE:
            return


async def linger(wire: Wire, *, timeout_s: float) -> None:
    """Half-close, and wait for the peer to have read to the end, but not longer than the timeout (seconds).

    Closing a socket with unread bytes in it makes a reset of it, and a close frame or a response on its way would be
    lost (RFC 9112 section 9.6).
    """
    with trio.move_on_after(timeout_s):
        try:
            await wire.aclose()
            await wire.send_eof()  # in case it was closed by somebody who did not come so far
            while await wire.transport.receive_some(65536):
                pass
        except PEER_IS_GONE:
            return
