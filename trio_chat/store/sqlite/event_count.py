"""The mark beside the database: how many events the log held when it was last written.

SQLite silently drops committed transactions when its write-ahead log is cut or damaged. The mark shows it: a file of
one line, overwritten in place after each commit and before anybody is told of it, and never synced. After a crash or a
power loss it may be behind the log, never ahead of it, as long as commits are synced: a mark that is ahead means that
what was acknowledged is gone. What then is to be done: `trio_chat.store.sqlite.epochs`.
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
"""Less than any sector, so that a disk writes all of it or nothing."""


class Mark(NamedTuple):
    """Which log it was, and how many events it held."""

    epoch: str
    """The log's own epoch, which changes when the log is replaced as a whole."""
    events: int

    def encoded(self) -> bytes:
        """The line in the file, always of the same length."""
        text = f"trio-chat-mark 1 {self.epoch} {self.events}"
        return f"{text} {_checksum(text)}".ljust(SIZE - 1).encode() + b"\n"


class TornMark(Exception):
    """The file does not hold what was written to it."""


def path_of_mark(database: Path) -> Path:
    """Where the mark of this database is."""
    return database.with_name(f"{database.name}.mark")


def read_mark(database: Path) -> Mark | None:
    """The mark of this database; None if there is none. Raises `TornMark`, and `OSError`."""
    try:
        data = path_of_mark(database).read_bytes()
    except FileNotFoundError:
        return None
    try:
        text, checksum = data.decode("ascii").rstrip().rsplit(" ", 1)
        _, _, epoch, events = text.split(" ")
        mark = Mark(epoch, int(events))
    except ValueError:
        raise TornMark from None
    if checksum != _checksum(text) or mark.encoded() != data:
        raise TornMark
    return mark


class MarkFile:
    """The mark, open for writing. Made by `open_mark`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._has_failed = False

    def write(self, mark: Mark) -> None:
        """Overwrite the mark: one call, some microseconds. A disk that refuses is logged once, and is no error:
        what the mark tells of is written."""
        try:
            os.pwrite(self._descriptor, mark.encoded(), 0)
            self._has_failed = False
        except OSError as error:
            if not self._has_failed:
                LOGGER.error("the mark cannot be written, a loss would go unnoticed: %s", error.strerror)
            self._has_failed = True

    def sync(self) -> None:
        """Bring it to the disk."""
        os.fsync(self._descriptor)


@contextmanager
def open_mark(database: Path) -> Iterator[MarkFile]:
    """The mark of this database, made if there is none; raises `OSError`. Nothing is written to it yet."""
    descriptor = os.open(path_of_mark(database), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield MarkFile(descriptor)
    finally:
        os.close(descriptor)


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
