"""Event count beside the database: how many events the log held when it was last written.

SQLite silently drops committed transactions when its write-ahead log is cut or damaged. The count shows it: a file of
one line (`trio_chat.store.mark_file`), overwritten after each commit and before anybody is told of it, and never
synced. A count that is ahead of the log means that acknowledged events are gone, as long as commits are synced. What is
to be done then: `trio_chat.store.sqlite.epochs`.

Operators know the file as the log's mark: its name ends with ``.mark``.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from trio_chat.store.mark_file import MarkFile, TornMark, open_mark_file, read_mark

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE = 128
"""Bytes of the file."""


class EventCount(NamedTuple):
    """Number of events in a log, and which log it is."""

    epoch: str
    """Epoch of the log itself, which changes when the log is replaced as a whole."""
    events: int

    def __str__(self) -> str:
        return f"trio-chat-mark 1 {self.epoch} {self.events}"


def path_of_event_count(database: Path) -> Path:
    """Path of the file for this database."""
    return database.with_name(f"{database.name}.mark")


def read_event_count(database: Path) -> EventCount | None:
    """The count that was written for this database; None if there is no file.

    Raises `TornMark`, and `OSError`.
    """
    text = read_mark(path_of_event_count(database), SIZE)
    if text is None:
        return None
    try:
        _, _, epoch, events = text.split(" ")
        count = EventCount(epoch, int(events))
    except ValueError:
        raise TornMark from None
    if str(count) != text:
        raise TornMark
    return count


class EventCountFile:
    """File of the event count, open for writing. Made by `open_event_count`."""

    def __init__(self, file: MarkFile) -> None:
        self._file = file
        self.sync = file.sync

    def write(self, count: EventCount) -> None:
        """See `MarkFile.write`."""
        self._file.write(str(count))


@contextmanager
def open_event_count(database: Path) -> Iterator[EventCountFile]:
    """The file for this database: see `open_mark_file`."""
    with open_mark_file(path_of_event_count(database), SIZE) as file:
        yield EventCountFile(file)
