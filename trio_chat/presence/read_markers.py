"""Read markers of one room: up to which number each person has received and read it.

Pure.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from trio_chat.model.records import ReadMarker
from trio_chat.presence.attendance import MAX_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable

FEW = 16
"""In a room that is not public, of at most so many members, whoever hears it is told of moved markers; in others those
who watch it."""


class ReadMarkers:
    """The read markers of one room, and those that moved since the last save. A marker never goes back, and only saved
    ones are given out (`latest`)."""

    def __init__(self, room: str) -> None:
        self._room = room
        self._saved: dict[str, ReadMarker] = {}  # in the order in which they were saved
        self._ahead: dict[str, ReadMarker] = {}  # further than the saved one, and not saved yet
        self._moved: dict[str, None] = {}

    def learn(self, saved: Iterable[ReadMarker]) -> None:
        """Add markers read from the store. Those known already may be newer, and stay."""
        markers = {marker.person: marker for marker in sorted(saved, key=lambda marker: marker.read)}
        for marker in self._saved.values():
            markers[marker.person] = _further(
                markers.pop(marker.person, marker), marker.delivered, marker.read
            )
        self._saved = markers

    def move(self, person: str, *, delivered: int, read: int) -> bool:
        """Move a person's marker: they received and read up to these numbers. False if it is there already."""
        before = self._ahead.get(person) or self._saved.get(person) or ReadMarker(self._room, person, 0, 0)
        marker = _further(before, delivered, read)
        if marker == before:
            return False
        self._ahead[person] = marker
        self._moved[person] = None
        return True

    @property
    def has_moved(self) -> bool:
        """Whether a marker moved since the last `take_moved`."""
        return bool(self._moved)

    def take_moved(self) -> list[ReadMarker]:
        """The markers that moved since the last call, as they are now. `note_saved` or `put_back` is to follow."""
        moved = [self._ahead[person] for person in self._moved]
        self._moved.clear()
        return moved

    def note_saved(self, moved: Iterable[ReadMarker]) -> None:
        """Note that markers which were taken are saved."""
        for marker in moved:
            before = self._saved.pop(marker.person, marker)
            self._saved[marker.person] = _further(before, marker.delivered, marker.read)
            if self._ahead.get(marker.person) == marker:
                del self._ahead[marker.person]
                self._moved.pop(marker.person, None)  # moved at another node as well, and saved there

    def note_elsewhere(self, saved: Iterable[ReadMarker]) -> list[ReadMarker]:
        """Note markers that others moved and saved; those of them that are news, as they are now."""
        news = []
        for marker in saved:
            before = self._saved.get(marker.person) or ReadMarker(self._room, marker.person, 0, 0)
            now = _further(before, marker.delivered, marker.read)
            if now != before:
                self.note_saved([now])
                news.append(now)
        return news

    def put_back(self, moved: Iterable[ReadMarker]) -> None:
        """Note that markers which were taken could not be saved."""
        for marker in moved:
            if (
                self.move(marker.person, delivered=marker.delivered, read=marker.read)
                or marker.person in self._ahead
            ):
                self._moved[marker.person] = None

    def latest(self, limit: int = MAX_NAMES) -> list[ReadMarker]:
        """The markers that were saved last, newest first."""
        return list(islice(reversed(self._saved.values()), limit))


def _further(marker: ReadMarker, delivered: int, read: int) -> ReadMarker:
    read = max(marker.read, read)
    return ReadMarker(marker.room, marker.person, max(marker.delivered, delivered, read), read)
