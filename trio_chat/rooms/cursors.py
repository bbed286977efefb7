"""Cursors: what a client says that it has seen of a room, and where it goes on. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from trio_chat.model.events import Position


@attrs.frozen
class Cursor:
    """A client's cursor: it has seen everything up to number ``after`` of ``epoch``; None: nothing yet. The ``proof``
    that it was told with that number makes it more than a claim."""

    after: int | None = None
    epoch: str | None = None
    proof: str | None = None

    def is_known_at(self, position: Position) -> bool:
        """Whether it is of this epoch, and not beyond the head. Else the log may know more than a room here does."""
        return self.after is None or (self.epoch == position.epoch and self.after <= position.seq)

    def resume(self, position: Position, *, page_size: int, max_gap: int) -> tuple[int, bool]:
        """The number after which this client resumes in a room at this position, and whether that is a reset.

        After a reset the client drops what it holds of the room and gets the latest page: it never gets a part of what
        it missed as if that were all.
        """
        latest_page = max(0, position.seq - page_size)
        if self.after is None:
            return latest_page, False
        if self.is_known_at(position) and (not max_gap or position.seq - self.after <= max_gap):
            return self.after, False
        return latest_page, True


@attrs.frozen
class Start:
    """Where a subscription starts."""

    position: Position
    """The head of the room at this moment."""
    after: int
    """All events after this number follow."""
    is_reset: bool
    """Whether the client must drop what it holds of the room."""
    proof: str
    """The proof of number ``after``."""
