"""The two wire formats: how what stands in the log, and what is answered, is put into frames.

This is the only place that encodes. Server frames are not masked, so one bytes object, several frames end to end,
serves all members of a format. What clients say stands in `trio_chat.protocol.commands`, what they are told in
`trio_chat.protocol.replies`.

Pure. Frames are made by wsproto, without extensions, so making one has no memory of the one before.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

import msgspec
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Ping, TextMessage

from trio_chat.kinds.bodies import MESSAGES, text_of
from trio_chat.protocol.event_frames import to_frame

if TYPE_CHECKING:
    from trio_chat.errors import Close
    from trio_chat.model.events import Event
    from trio_chat.protocol.replies import Answer

V1: Final = "trio-chat.v1"
"""The name of the JSON subprotocol."""


class Format(enum.Enum):
    """How a connection is spoken to."""

    PLAIN = enum.auto()
    V1 = enum.auto()

    # Members of an Enum hash by name, in Python; these are dictionary keys on the hot path.
    __hash__ = object.__hash__


_JSON: Final = msgspec.json.Encoder()
_WEBSOCKET: Final = Connection(ConnectionType.SERVER)


def encode_answer(answer: Answer) -> bytes:
    """One v1 frame."""
    return _WEBSOCKET.send(TextMessage(data=_JSON.encode(answer).decode()))


def encode_event(event: Event, form: Format) -> bytes:
    """One event as a frame of the format: for plain members the text of a message, and nothing for anything else."""
    if form is Format.V1:
        return encode_answer(to_frame(event))
    if event.kind not in MESSAGES or event.body is None:
        return b""
    return _WEBSOCKET.send(TextMessage(data=text_of(event)))


def encode_ping() -> bytes:
    """A ping frame; nothing is done with the pong but to hear it."""
    return _WEBSOCKET.send(Ping(payload=b""))


def encode_close(close: Close) -> bytes:
    """A close frame."""
    return Connection(ConnectionType.SERVER).send(CloseConnection(code=close.code, reason=close.reason))
