"""The JSON of `trio-chat.v1` as WebSocket frames: the only place that encodes it.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from trio_chat.net.websocket_frames import encode_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.kinds.forms import Frame

V1: Final = "trio-chat.v1"
"""The name of the JSON subprotocol."""

ANSWER_BYTES: Final = 256 * 1024
"""No answer is longer: whoever wants the rest asks for it, by the answer's cursor."""

LIST_BYTES: Final = ANSWER_BYTES - 4 * 1024
"""What of an answer its list takes at most; the rest is for its other fields."""

_JSON: Final = msgspec.json.Encoder()

_Part = TypeVar("_Part", bound=msgspec.Struct)


def encode_frame(frame: Frame) -> bytes:
    """One JSON object as one text frame."""
    return encode_text(json_of(frame))


def json_of(frame: Frame) -> str:
    """One JSON object."""
    return _JSON.encode(frame).decode()


def fitting(parts: Sequence[_Part], max_bytes: int = LIST_BYTES) -> Sequence[_Part]:
    """As many of the parts, from the first on, as are no longer than this together, but at least one."""
    for n, part in enumerate(parts):
        max_bytes -= size_of(part)
        if max_bytes < 0:
            return parts[: max(n, 1)]
    return parts


def size_of(part: msgspec.Struct) -> int:
    """How many bytes this takes in an answer, with the comma before it."""
    return len(_JSON.encode(part)) + 1
