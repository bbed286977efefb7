"""The frame guard: limits on a WebSocket client's frames, in bytes of one message, and in frames that carry none.

Pings, pongs and fragments are work without a message, so no rate limit on messages counts them; and trio-websocket
handles all empty fragments and pongs of one read without a checkpoint (measured: one client that sends nothing else
delays everybody by seconds, and its message grows for ever). So they are counted here, in bytes that nobody has parsed
yet, which is some ten times cheaper.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.errors import POLICY_VIOLATION, TOO_BIG
from trio_chat.net.websocket_frames import frame_lengths

if TYPE_CHECKING:
    from trio_chat.errors import Close
    from trio_chat.net.limits import TokenBucket


class FrameGuard:
    """Follows the frames (RFC 6455 section 5.2) of one client, all of whose bytes it is fed, in order.

    It does not check the protocol: after what is no client's frame it checks nothing more, as the parser refuses that.
    """

    __slots__ = ("_bucket", "_header", "_is_done", "_max_message_bytes", "_message_bytes", "_skip")

    def __init__(self, bucket: TokenBucket, *, max_message_bytes: int) -> None:
        self._bucket = bucket
        self._max_message_bytes = max_message_bytes
        self._message_bytes = 0
        self._skip = 0  # bytes of the current frame still to come
        self._header = b""  # the begin of one that was cut
        self._is_done = False

    def feed(self, data: bytes | bytearray, now: float) -> Close | None:
        """How the connection must be closed for these bytes, which are then not to be parsed; None if it lives."""
        if self._is_done:
            return None
        if self._skip >= len(data):
            self._skip -= len(data)
            return None
        if self._header:
            data = self._header + data
        at, idle = self._skip, 0
        while (lengths := frame_lengths(data, at)) is not None:
            header_bytes, payload_bytes = lengths
            first, second = data[at], data[at + 1]
            if first & 0x70 or not second & 0x80:  # an extension, or no mask
                self._is_done = True
                break
            if first & 0x08:
                idle += 1
            else:
                self._message_bytes += payload_bytes
                if self._max_message_bytes and self._message_bytes > self._max_message_bytes:
                    return TOO_BIG.because(f"a message can have {self._max_message_bytes} bytes at most")
                if first & 0x80:
                    self._message_bytes = 0
                else:
                    idle += 1
            at += header_bytes + payload_bytes
        self._header = bytes(data[at:])
        self._skip = max(0, at - len(data))
        if idle and self._bucket.take(now, idle) > 0:
            return POLICY_VIOLATION.because("too many pings, pongs or fragments")
        return None
