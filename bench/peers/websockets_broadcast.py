"""Python's `websockets` with its `broadcast`, as in the documentation of the library."""

from __future__ import annotations

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve

connections: set[ServerConnection] = set()


async def chat(connection: ServerConnection) -> None:
    connections.add(connection)
    try:
        async for message in connection:
            broadcast(connections, message)
    finally:
        connections.remove(connection)


async def main(port: int) -> None:
    async with serve(chat, "127.0.0.1", port) as server:
        await server.serve_forever()


asyncio.run(main(int(sys.argv[1])))
