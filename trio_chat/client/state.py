"""The file in which a program keeps who it is: its token, and the server and person that this is for."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trio_chat.errors import ChatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class StateError(ChatError):
    """The file of ``state=`` cannot be used; the text says why and what to do."""


class StateFile:
    """A state file that is locked for this program alone. Made by `open_state`."""

    def __init__(self, path: Path, token: str | None) -> None:
        self._path = path
        self.token = token
        """What stands in the file; None if there is none yet."""

    def keep(self, server: str, person: str, token: str) -> None:
        """Write the file anew, whole or not at all, to the disk, for its owner only. Raises `StateError`."""
        text = json.dumps({"server": server, "person": person, "token": token}, indent=1)
        with explaining(self._path):
            write_beside(self._path, f"{text}\n").replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        self.token = token


@contextmanager
def open_state(path: Path) -> Iterator[StateFile]:
    """Lock a state file and read it. Raises `StateError` if it is in use by another program, cannot be read, or holds
    something else; then it is left as it is."""
    with explaining(path):
        lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateError(
                f"{path} is in use by another program that runs. Give each program a file of its own."
            ) from None
        token = _read_token(path)
        if token is None:  # a person whose token cannot be kept had better not be made
            with explaining(path):
                write_beside(path, " " * 1000)
        try:
            yield StateFile(path, token)
        finally:
            with explaining(path):
                _beside(path).unlink(missing_ok=True)
    finally:
        os.close(lock)


def _read_token(path: Path) -> str | None:
    with explaining(path):
        if not path.exists():
            return None
        text = path.read_bytes()
    try:
        kept = json.loads(text)
        token = kept["token"]
    except (ValueError, LookupError, TypeError):
        token = None
    if not isinstance(token, str) or not token:
        raise StateError(f"{path} holds no state of a chat. Move it away, or name another file.")
    return token


def write_beside(path: Path, text: str) -> Path:
    """A new file beside this one with this text, on the disk, for its owner only. Raises `OSError`."""
    new = _beside(path)
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    return new


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Turn an `OSError` into a `StateError` about this file."""
    try:
        yield
    except OSError as error:
        raise StateError(
            f"The state cannot be kept in {path}: {error.strerror}. Name a file in a folder that this program can "
            "write to."
        ) from error
