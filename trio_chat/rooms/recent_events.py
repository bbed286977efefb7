"""Recent events: the newest events of a room in memory, with their frames. Catching up rarely needs the store."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from trio_chat.kinds.messages import EDIT, Edit
from trio_chat.kinds.table import read_body

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trio_chat.model.events import Event
    from trio_chat.model.proofs import Prover
    from trio_chat.rooms.encoding import Encoding


class CachedEvent:
    """An event of the log, and its frames, which are encoded once for each encoding, at the first use."""

    __slots__ = ("_frames", "_prover", "event", "size")

    def __init__(self, event: Event, prover: Prover) -> None:
        self.event = event
        self.size = len(event.body or "")
        """How long its body is, or was: characters."""
        self._prover = prover
        self._frames: dict[Encoding, bytes] = {}

    def redact(self) -> None:
        """Drop the event's body, since its message was deleted."""
        self.event = redacted(self.event)
        self._frames.clear()

    def prove_by(self, prover: Prover) -> None:
        """Encode it with the proof of another epoch from now on."""
        self._prover = prover
        self._frames.clear()

    def frames(self, encoding: Encoding) -> bytes:
        """The frames of the event in this encoding."""
        frames = self._frames.get(encoding)
        if frames is None:
            frames = self._frames[encoding] = encoding.event(self.event, self._prover)
        return frames


def redacted(event: Event) -> Event:
    """The event as it is told when its message was deleted."""
    return msgspec.structs.replace(event, body=None)


def is_text_of(event: Event, target: int) -> bool:
    """Whether the event says, or once said, the text of message ``target``."""
    if event.body is None or event.kind != EDIT:
        return event.body is not None and event.seq == target
    body = read_body(EDIT, event.body)
    return isinstance(body, Edit) and body.target == target


PAGES_KEPT = 64
"""How many pages are cached, by cursor: after a restart or an outage most connections come back with the same one."""


MAX_CHARS = 4 * 1024 * 1024
"""Of longer bodies than this in all, most are dropped: long texts as fast as is allowed took hundreds of MiB."""

LEAST_KEPT = 64
"""So many are kept however long they are."""


class RecentEvents:
    """The events from some number up to the head, without a gap: at most twice ``max_events``, of which the older half
    is dropped in one go, as they are when their bodies are too long together; and few that are old (`age`)."""

    def __init__(self, *, max_events: int) -> None:
        self._events: list[CachedEvent] = []
        self._n_aged = 0
        self._size = 0
        self._max_events = max_events
        # The last page given after each cursor, and its last number: when events are added it is still the beginning
        # of the page. Joining it anew for each of the thousands who come back at once took most of the time.
        self._pages: dict[tuple[Encoding, int], tuple[bytes, int]] = {}

    def extend(self, events: Iterable[CachedEvent]) -> None:
        """Add the next events of the log."""
        added = list(events)
        self._events.extend(added)
        self._size += sum(event.size for event in added)
        if len(self._events) > 2 * self._max_events:
            self._drop(len(self._events) - self._max_events)
        if self._size > MAX_CHARS:
            self._drop(self._count_beyond(MAX_CHARS // 2))

    def _count_beyond(self, size: int) -> int:
        """How many of the oldest to drop so that the others are no longer than this, or few."""
        count, left = 0, self._size
        for event in self._events[:-LEAST_KEPT]:
            if left <= size:
                break
            left -= event.size
            count += 1
        return count

    def age(self, *, keep: int) -> None:
        """Drop the events that were here at the last call already, except the newest ``keep``.

        Called at intervals, it bounds a room's memory by its present traffic: many rooms that were busy one after the
        other do not all keep ``max_events``.
        """
        self._drop(max(0, min(self._n_aged, len(self._events) - keep)))
        self._n_aged = len(self._events)

    def _drop(self, count: int) -> None:
        self._size -= sum(event.size for event in self._events[:count])
        del self._events[:count]
        self._n_aged = max(0, self._n_aged - count)
        self._pages.clear()

    def redact(self, target: int) -> None:
        """Drop the texts of message ``target`` and of its edits, since it was deleted.

        This is for subscriptions that catch up later: live ones got the texts before, or never.
        """
        for cached in self._events:
            if is_text_of(cached.event, target):
                cached.redact()
        self._pages.clear()

    def prove_by(self, prover: Prover) -> None:
        """A new epoch has begun: nothing is told with the proofs of the old one any more."""
        for cached in self._events:
            cached.prove_by(prover)
        self._pages.clear()

    def page_after(self, after: int, *, max_bytes: int, encoding: Encoding) -> tuple[bytes, int] | None:
        """The page of frames after number ``after``, and its last number; None if the page begins before these events.

        It has as many frames as it takes to reach ``max_bytes``.
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
