"""WebSocket frames of the server: text, ping, close; and what a client's frames begin with (RFC 6455 section 5.2).

Server frames are not masked, so one bytes object, several frames end to end, serves all subscribers with one encoding.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from trio_chat.errors import Close

TEXT: Final = 0x81
CLOSE: Final = 0x88
PING: Final = 0x89
PONG: Final = 0x8A
"""First bytes of frames that are whole: the final fragment, without extensions, and the opcode."""

MAX_CONTROL_BYTES: Final = 125
"""So long may the payload of a ping, a pong or a close be."""


def encode_text(text: str) -> bytes:
    """A text frame."""
    return encode_frame(TEXT, text.encode())


def encode_ping() -> bytes:
    """A ping frame; the pong is only a sign of life."""
    return encode_frame(PING, b"")


def encode_close(close: Close) -> bytes:
    """A close frame."""
    return encode_frame(CLOSE, close.code.to_bytes(2, "big") + close.reason.encode())


def encode_frame(first: int, payload: bytes) -> bytes:
    """A frame with this first byte (`TEXT` and others) and payload."""
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 2**16:
        return bytes((first, 126)) + size.to_bytes(2, "big") + payload
    return bytes((first, 127)) + size.to_bytes(8, "big") + payload


def frame_lengths(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """The lengths of the header and of the payload of a client's frame that begins at ``at``; None if too little of it
    is there."""
    there = len(data) - at
    if there < 2:
        return None
    length = data[at + 1] & 0x7F
    if length < 126:
        return 6, length
    if length == 126:
        return (8, int.from_bytes(data[at + 2 : at + 4], "big")) if there >= 4 else None
    return (14, int.from_bytes(data[at + 2 : at + 10], "big")) if there >= 10 else None
