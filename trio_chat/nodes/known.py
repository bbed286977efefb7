"""Known changes: of which events this node has told those who are connected here what follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from trio_chat.model.records import EventPlace

MAX_KNOWN: Final = 20_000
"""So many are remembered, those that came last: all of some minutes. What follows from one that is not is told again,
which changes nothing."""


class KnownChanges:
    """Places of events that changed who is in a room, or whom somebody blocks. (With when they were written, as numbers
    are given again where a log went back.)"""

    def __init__(self) -> None:
        self._places: dict[EventPlace, None] = {}

    def __contains__(self, place: object) -> bool:
        return place in self._places

    def add(self, place: EventPlace) -> bool:
        """Note one; whether it was not known."""
        if place in self._places:
            return False
        if len(self._places) >= MAX_KNOWN:
            del self._places[next(iter(self._places))]
        self._places[place] = None
        return True
