"""Mark files: one line beside a log, or for it, which says how far it had come when it was last written.

It is overwritten in place, of always the same length, and never synced but by who says so. After a crash or a power
loss it may be behind the log, never ahead of it. What is not exactly as it was written is not believed.
"""

from __future__ import annotations

import hashlib
import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOGGER = logging.getLogger(__name__)


class TornMark(Exception):
    """The file does not hold what was written to it."""


def encoded_mark(text: str, size: int) -> bytes:
    """What the file of a mark of so many bytes holds. At most 512: a disk writes all of that or nothing."""
    return f"{text} {_checksum(text)}".ljust(size - 1).encode() + b"\n"


def read_mark(path: Path, size: int) -> str | None:
    """The text in the file; None if there is no file. Raises `TornMark`, and `OSError`."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        text, _ = data.decode("ascii").rstrip().rsplit(" ", 1)
    except ValueError:
        raise TornMark from None
    if encoded_mark(text, size) != data:
        raise TornMark
    return text


class MarkFile:
    """File of a mark of ``size`` bytes, open for writing. Made by `open_mark_file`."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self._has_failed = False

    def write(self, text: str) -> None:
        """Overwrite the mark: one call, some microseconds.

        A disk that refuses is logged once, and is no error: what is marked is written.
        """
        try:
            os.pwrite(self._descriptor, encoded_mark(text, self._size), 0)
            self._has_failed = False
        except OSError as error:
            if not self._has_failed:
                LOGGER.error("the mark cannot be written, a loss would go unnoticed: %s", error.strerror)
            self._has_failed = True

    def sync(self) -> None:
        """Bring it to the disk. Raises `OSError`."""
        os.fsync(self._descriptor)


@contextmanager
def open_mark_file(path: Path, size: int) -> Iterator[MarkFile]:
    """The file at ``path``, made if there is none, closed when the block is left. Writes nothing yet.

    Raises `OSError`.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield MarkFile(descriptor, size)
    finally:
        os.close(descriptor)


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
