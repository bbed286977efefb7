"""Lock files: what only one trio-chat may use at a time."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trio_chat.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def locked(path: Path, file: Path) -> Iterator[None]:
    """Hold the lock on what is at ``path``, by its lock file, which is made if there is none and stays.

    The lock ends with the process, however that ends. Raises `StartError` if another holds it, and `OSError`.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 20).decode(errors="replace").strip() or "unknown"
            raise StartError(
                f"Another trio-chat (process {owner}) is using {path}. "
                "Stop it, or choose another data directory."
            ) from None
        os.truncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)
