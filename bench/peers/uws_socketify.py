"""uWebSockets, through socketify: every client subscribes to a topic, every message is published to it."""

from __future__ import annotations

import sys

from socketify import App, AppListenOptions, CompressOptions, OpCode, WebSocket

app = App()


def on_open(socket: WebSocket) -> None:
    socket.subscribe("room")


def on_message(socket: WebSocket, message: str | bytes, opcode: OpCode) -> None:
    app.publish("room", message, opcode)


app.ws("/*", {"compression": CompressOptions.DISABLED, "open": on_open, "message": on_message})
app.listen(AppListenOptions(port=int(sys.argv[1]), host="127.0.0.1"))
app.run()
