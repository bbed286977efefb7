"""Lines of a plain client: a log to read, made beside the page."""

from __future__ import annotations

import trio
from trio_websocket import WebSocketConnection, open_websocket_url


def send_lines(url: str, count: int) -> None:
    """Send ``line 1`` and so on to the lobby of the server at this address, and wait until all of them are told."""
    trio.run(_send, url.replace("http", "ws", 1), count)


async def _send(url: str, count: int) -> None:
    async with open_websocket_url(url) as socket, trio.open_nursery() as nursery:
        nursery.start_soon(_hear, socket, count)
        for number in range(1, count + 1):
            await socket.send_message(f"line {number}")


async def _hear(socket: WebSocketConnection, count: int) -> None:
    for _ in range(count):
        await socket.get_message()
