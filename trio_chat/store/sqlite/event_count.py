"""Event count beside the database: how many events the log held when it was last written.

SQLite silently drops committed transactions when its write-ahead log is cut or damaged. The count shows it: a file of
one line, overwritten in place after each commit and before anybody is told of it, and never synced. After a crash or a
power loss it may be behind the log, never ahead of it, as long as commits are synced: a count that is ahead means that
acknowledged events are gone. What is to be done then: `trio_chat.store.sqlite.epochs`.

Operators know the file as the log's mark: its name ends with ``.mark``.
"""

from __future__ import annotations

import hashlib
import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOGGER = logging.getLogger(__name__)

SIZE = 128
"""Bytes: less than any sector, so that a disk writes all of it or nothing."""


class EventCount(NamedTuple):
    """Number of events in a log, and which log it is."""

    epoch: str
    """Epoch of the log itself, which changes when the log is replaced as a whole."""
    events: int

    def encoded(self) -> bytes:
        """The line in the file, always of the same length."""
        text = f"trio-chat-mark 1 {self.epoch} {self.events}"
        return f"{text} {_checksum(text)}".ljust(SIZE - 1).encode() + b"\n"


class TornEventCount(Exception):
    """The file does not hold what was written to it."""


def path_of_event_count(database: Path) -> Path:
    """Path of the file for this database."""
    return database.with_name(f"{database.name}.mark")


def read_event_count(database: Path) -> EventCount | None:
    """The count that was written for this database; None if there is no file.

    Raises `TornEventCount`, and `OSError`.
    """
    try:
        data = path_of_event_count(database).read_bytes()
    except FileNotFoundError:
        return None
    try:
        text, checksum = data.decode("ascii").rstrip().rsplit(" ", 1)
        _, _, epoch, events = text.split(" ")
        count = EventCount(epoch, int(events))
    except ValueError:
        raise TornEventCount from None
    if checksum != _checksum(text) or count.encoded() != data:
        raise TornEventCount
    return count


class EventCountFile:
    """File of the event count, open for writing. Made by `open_event_count`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._has_failed = False

    def write(self, count: EventCount) -> None:
        """Overwrite the count: one call, some microseconds.

        A disk that refuses is logged once, and is no error: the events that are counted are written.
        """
        try:
            os.pwrite(self._descriptor, count.encoded(), 0)
            self._has_failed = False
        except OSError as error:
            if not self._has_failed:
                LOGGER.error("the mark cannot be written, a loss would go unnoticed: %s", error.strerror)
            self._has_failed = True

    def sync(self) -> None:
        """Bring it to the disk. Raises `OSError`."""
        os.fsync(self._descriptor)


@contextmanager
def open_event_count(database: Path) -> Iterator[EventCountFile]:
    """The file for this database, made if there is none, closed when the block is left. Writes nothing yet.

    Raises `OSError`.
    """
    descriptor = os.open(path_of_event_count(database), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield EventCountFile(descriptor)
    finally:
        os.close(descriptor)


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
