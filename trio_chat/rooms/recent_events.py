"""The newest events of a room, kept in memory with their frames, so that catching up rarely needs the store."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from trio_chat.kinds.messages import EDIT, Edit
from trio_chat.kinds.table import read_body

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trio_chat.model.events import Event
    from trio_chat.rooms.encoding import Encoding


class CachedEvent:
    """An event of the log and its frames: made once for each encoding, when first asked for."""

    __slots__ = ("_frames", "event")

    def __init__(self, event: Event) -> None:
        self.event = event
        self._frames: dict[Encoding, bytes] = {}

    def redact(self) -> None:
        """Forget what the event said."""
        self.event = msgspec.structs.replace(self.event, body=None)
        self._frames.clear()

    def frames(self, encoding: Encoding) -> bytes:
        """The frames of the event in this encoding."""
        frames = self._frames.get(encoding)
        if frames is None:
            frames = self._frames[encoding] = encoding.event(self.event)
        return frames


PAGES_KEPT = 64
"""For how many cursors the page is kept: after a restart or an outage most connections come back with the same."""


class RecentEvents:
    """The events after some number up to the head, without a gap: at most ``max_events`` of them, plus as many again
    before the older half is dropped in one go; and few of those that are no longer new (`age`)."""

    def __init__(self, *, max_events: int) -> None:
        self._events: list[CachedEvent] = []
        self._n_aged = 0
        self._max_events = max_events
        # The last page given after each cursor, and its last number: still right as a beginning when events
        # are added. Joining it anew for each of the thousands who come back at once took most of the time.
        self._pages: dict[tuple[Encoding, int], tuple[bytes, int]] = {}

    def extend(self, events: Iterable[CachedEvent]) -> None:
        """Add the next events of the log."""
        self._events.extend(events)
        if len(self._events) > 2 * self._max_events:
            self._drop(len(self._events) - self._max_events)

    def age(self, *, keep: int) -> None:
        """Drop the events that were here already at the last call, but for the newest ``keep``.

        Called from time to time it bounds what a room holds by what is said in it, so that many rooms that were busy
        once hold no more than one.
        """
        self._drop(max(0, min(self._n_aged, len(self._events) - keep)))
        self._n_aged = len(self._events)

    def _drop(self, count: int) -> None:
        del self._events[:count]
        self._n_aged = max(0, self._n_aged - count)
        self._pages.clear()

    def redact(self, target: int) -> None:
        """Forget what message ``target`` and its edits said, since it was deleted.

        (Live subscriptions were told before, or not at all; this is for those that catch up.)
        """
        for cached in self._events:
            event = cached.event
            if event.body is None or (event.seq != target and event.kind != EDIT):
                continue
            if event.kind == EDIT:
                body = read_body(EDIT, event.body)
                if not (isinstance(body, Edit) and body.target == target):
                    continue
            cached.redact()
        self._pages.clear()

    def page_after(self, after: int, *, max_bytes: int, encoding: Encoding) -> tuple[bytes, int] | None:
        """A page of frames directly after number ``after``, and its last number; None if not all of it is here.

        As many frames as it takes to reach ``max_bytes``.
        """
        if not self._events or after + 1 < self._events[0].event.seq:
            return None
        page, last = self._pages.get((encoding, after), (b"", after))
        size = len(page)
        frames = [page]
        start = last + 1 - self._events[0].event.seq
        for event in islice(self._events, start, None) if size < max_bytes else ():
            frames.append(event.frames(encoding))
            size += len(frames[-1])
            last += 1
            if size >= max_bytes:
                break
        if len(frames) > 1:
            page = b"".join(frames)
            if len(self._pages) >= PAGES_KEPT:
                self._pages.clear()
            self._pages[encoding, after] = (page, last)
        return page, last
