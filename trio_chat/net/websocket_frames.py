"""WebSocket frames of the server: text, ping, close.

Server frames are not masked, so one bytes object, several frames end to end, serves all subscribers with one encoding.

Pure. Frames are made by wsproto, without extensions, so making one has no memory of the one before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Ping, TextMessage

if TYPE_CHECKING:
    from trio_chat.errors import Close

_WEBSOCKET: Final = Connection(ConnectionType.SERVER)


def encode_text(text: str) -> bytes:
    """A text frame."""
    return _WEBSOCKET.send(TextMessage(data=text))


def encode_ping() -> bytes:
    """A ping frame; the pong is only a sign of life."""
    return _WEBSOCKET.send(Ping(payload=b""))


def encode_close(close: Close) -> bytes:
    """A close frame."""
    return Connection(ConnectionType.SERVER).send(CloseConnection(code=close.code, reason=close.reason))
