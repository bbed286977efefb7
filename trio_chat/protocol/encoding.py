"""The JSON of `trio-chat.v1` as WebSocket frames: the only place that encodes it.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trio_chat.net.websocket_frames import encode_text

if TYPE_CHECKING:
    from trio_chat.kinds.forms import Frame

V1: Final = "trio-chat.v1"
"""The name of the JSON subprotocol."""

_JSON: Final = msgspec.json.Encoder()


def encode_frame(frame: Frame) -> bytes:
    """One JSON object as one text frame."""
    return encode_text(_JSON.encode(frame).decode())
