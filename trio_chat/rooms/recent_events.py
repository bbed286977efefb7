"""The newest lines of a room's log, kept in memory with their frames, so that catching up rarely needs the store."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from trio_chat.kinds.bodies import EDIT, Edit, read_body
from trio_chat.protocol.encoding import Format, encode_event

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trio_chat.model.events import Event


class CachedEvent:
    """An event of the log and its frames, each encoded once, when first asked for."""

    __slots__ = ("_plain", "_v1", "event")

    def __init__(self, event: Event) -> None:
        self.event = event
        self._plain: bytes | None = None
        self._v1: bytes | None = None

    def redact(self) -> None:
        """Forget what the event said."""
        self.event = msgspec.structs.replace(self.event, body=None)
        self._plain = self._v1 = None

    def frame(self, form: Format) -> bytes:
        """The event as a frame of this format."""
        if form is Format.PLAIN:
            if self._plain is None:
                self._plain = encode_event(self.event, form)
            return self._plain
        if self._v1 is None:
            self._v1 = encode_event(self.event, form)
        return self._v1


PAGES_KEPT = 64
"""For how many cursors the page is kept: after a restart or an outage most of those who come back stand at the same."""


class RecentEvents:
    """The lines after some number up to the head, without a gap: at most ``max_lines`` of them, plus as many again
    before the older half is dropped in one go; and of what is not new any more (`age`) few."""

    def __init__(self, *, max_lines: int) -> None:
        self._lines: list[CachedEvent] = []
        self._n_aged = 0
        self._max_lines = max_lines
        # The last page given after each cursor, and its last number: a right beginning still when lines are added.
        # Joining it anew for each of the thousands who come back at once took most of the time.
        self._pages: dict[tuple[Format, int], tuple[bytes, int]] = {}

    def extend(self, lines: Iterable[CachedEvent]) -> None:
        """Add the next lines of the log."""
        self._lines.extend(lines)
        if len(self._lines) > 2 * self._max_lines:
            self._drop(len(self._lines) - self._max_lines)

    def age(self, *, keep: int) -> None:
        """Let go of what was here already when this was called last, but for the newest ``keep`` lines.

        Called from time to time it bounds what a room holds by what is said in it, so that many rooms that were busy
        once hold no more than one.
        """
        self._drop(max(0, min(self._n_aged, len(self._lines) - keep)))
        self._n_aged = len(self._lines)

    def _drop(self, count: int) -> None:
        del self._lines[:count]
        self._n_aged = max(0, self._n_aged - count)
        self._pages.clear()

    def redact(self, target: int) -> None:
        """Message ``target`` was deleted: from now on neither it nor its edits tell what it said.

        (The live were told before, or not at all; this is for those who catch up.)
        """
        for line in self._lines:
            event = line.event
            if event.body is None or (event.seq != target and event.kind != EDIT):
                continue
            if event.kind == EDIT:
                body = read_body(EDIT, event.body)
                if not (isinstance(body, Edit) and body.target == target):
                    continue
            line.redact()
        self._pages.clear()

    def page_after(self, after: int, *, max_bytes: int, form: Format) -> tuple[bytes, int] | None:
        """The frames directly after number ``after`` and the last number among them; None if they are not all here.

        As many frames as it takes to reach ``max_bytes``.
        """
        if not self._lines or after + 1 < self._lines[0].event.seq:
            return None
        page, last = self._pages.get((form, after), (b"", after))
        size = len(page)
        frames = [page]
        start = last + 1 - self._lines[0].event.seq
        for line in islice(self._lines, start, None) if size < max_bytes else ():
            frames.append(line.frame(form))
            size += len(frames[-1])
            last += 1
            if size >= max_bytes:
                break
        if len(frames) > 1:
            page = b"".join(frames)
            if len(self._pages) >= PAGES_KEPT:
                self._pages.clear()
            self._pages[form, after] = (page, last)
        return page, last
