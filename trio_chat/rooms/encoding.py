"""Encodings: how a gateway writes events and notices for its connections.

A gateway has one `Encoding` object for the life of the process. It is the key of all caches of encoded frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trio_chat.model.events import Event
    from trio_chat.model.notices import Notice
    from trio_chat.model.proofs import Prover


@attrs.frozen(eq=False)
class Encoding:
    """One gateway's functions from events and notices to bytes. Compared by identity."""

    event: Callable[[Event, Prover], bytes]
    """The frames of an event of the log; empty if the gateway does not send it. The `Prover` is for clients that have
    cursors: only with the proof of its number a client can show later that it was told of the event."""
    notice: Callable[[Notice], bytes] = lambda notice: b""
    """The frames of a notice; empty if the gateway does not send it."""
    has_cursors: bool = False
    """Whether clients learn sequence numbers, so that a new epoch concerns them."""


class EncodedNotices:
    """Notices for many connections, encoded once for each encoding."""

    def __init__(self, notices: Sequence[Notice]) -> None:
        self._notices = notices
        self._frames: dict[Encoding, bytes] = {}

    def frames(self, encoding: Encoding) -> bytes:
        """The frames of all notices, end to end."""
        frames = self._frames.get(encoding)
        if frames is None:
            frames = self._frames[encoding] = b"".join(map(encoding.notice, self._notices))
        return frames
