"""HTTP: one request to a running server, and its response."""

from __future__ import annotations

from tests.support.raw import Answer, get, open_raw


async def ask(port: int, target: str, *, method: str = "GET", **headers: str) -> Answer:
    """Send one request over a connection of its own, and read the response to the connection's end."""
    async with open_raw(port) as peer:
        await peer.send(get(target, method=method, **({"connection": "close"} | headers)))
        return Answer.of(await peer.receive_to_the_end())
