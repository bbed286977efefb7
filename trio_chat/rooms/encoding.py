"""Encodings: how a gateway writes what rooms and presence tell its connections.

A gateway brings one `Encoding` object, for good; everything that is encoded once for many connections is cached by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trio_chat.model.events import Event
    from trio_chat.model.notices import Notice


@attrs.frozen(eq=False)
class Encoding:
    """One gateway's words, as functions to bytes. Compared by identity."""

    event: Callable[[Event], bytes]
    """The frames of an event of the log; empty where this gateway says nothing of it."""
    notice: Callable[[Notice], bytes] = lambda notice: b""
    """The frames of a notice; empty where this gateway says nothing of it."""
    has_cursors: bool = False
    """Whether clients learn sequence numbers, so that a new epoch means something to them."""


class EncodedNotices:
    """Notices on their way to many connections, encoded once for each encoding."""

    def __init__(self, notices: Sequence[Notice]) -> None:
        self._notices = notices
        self._frames: dict[Encoding, bytes] = {}

    def frames(self, encoding: Encoding) -> bytes:
        """The frames of all notices, end to end."""
        frames = self._frames.get(encoding)
        if frames is None:
            frames = self._frames[encoding] = b"".join(map(encoding.notice, self._notices))
        return frames
