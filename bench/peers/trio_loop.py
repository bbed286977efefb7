"""trio-websocket, and a loop that awaits `send_message` for one client after the other."""

from __future__ import annotations

import sys

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

connections: set[WebSocketConnection] = set()


async def chat(request: WebSocketRequest) -> None:
    connection = await request.accept()
    connections.add(connection)
    try:
        while True:
            message = await connection.get_message()
            for member in list(connections):
                try:
                    await member.send_message(message)
                except ConnectionClosed:
                    connections.discard(member)
    except ConnectionClosed:
        pass
    finally:
        connections.discard(connection)


trio.run(serve_websocket, chat, "127.0.0.1", int(sys.argv[1]), None)
