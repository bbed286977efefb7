"""Database file: its lock, how connections to it are set up, and what its errors mean."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal, TypeAlias

import apsw

from trio_chat.errors import StartError
from trio_chat.store import lock_file
from trio_chat.store.sqlite.connection import SqliteConnection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

Synchronous: TypeAlias = Literal["FULL", "NORMAL", "OFF"]

OLDEST_SQLITE = (3, 51, 3)
"""First version without the WAL-reset bug, which corrupts a log (https://sqlite.org/wal.html#walresetbug)."""

INDEX_BYTES = 256 * 1024
"""Enough for a write-ahead log of 128 MiB, twice what is left of one (https://sqlite.org/walformat.html, section 2)."""

BUSY_MS = 5_000
"""How long a statement waits for another connection."""

UNAVAILABLE = (
    apsw.BusyError,
    apsw.CantOpenError,
    apsw.CorruptError,
    apsw.FullError,
    apsw.IOError,
    apsw.LockedError,
    apsw.NoMemError,
    apsw.NotADBError,
    apsw.PermissionsError,
    apsw.ProtocolError,
    apsw.ReadOnlyError,
    UnicodeDecodeError,  # a damaged text
)
"""Errors that the disk and the system cause. Any other error of SQLite is a bug of ours and rises as it is."""


def check_sqlite_version(version: str) -> None:
    """Raise `StartError` if this SQLite would endanger the log."""
    if tuple(map(int, version.split("."))) < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise StartError(
            f"This Python uses SQLite {version}, which can corrupt the log; {oldest} or newer is needed. "
            "Install the apsw wheel from PyPI, which brings its own SQLite."
        )


def check_is_there(database: Path, advice: str = "Name its directory with --data.") -> None:
    """Raise `StartError` unless there is a file at this path; ``advice`` says what to do if there is none."""
    try:
        found = database.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise StartError(f"There is no log at {database}. {advice}") from None
    except OSError as error:
        raise StartError(f"{database} cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(found.st_mode):
        raise StartError(f"{database} is no file. Name the database itself: its name is chat.db.")


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Turn errors of opening the database into a `StartError` that says why, and what to do."""
    try:
        yield
    except apsw.NotADBError:
        raise StartError(
            f"{path} is not a database. Move it away, or choose another data directory."
        ) from None
    except (apsw.CorruptError, UnicodeDecodeError) as error:
        raise StartError(f"The database {path} is damaged ({error}). Restore it from a backup.") from error
    except UNAVAILABLE as error:
        raise StartError(
            f"Cannot open the database {path}: {error}. Check the disk and its permissions."
        ) from error
    except OSError as error:
        raise StartError(
            f"Cannot use {error.filename or path} for the log: {error.strerror}. "
            "Check the data directory and its permissions."
        ) from error


def locked(path: Path) -> AbstractContextManager[None]:
    """Hold the lock file beside the database: two servers on one log would each have an order of their own. See
    `trio_chat.store.lock_file.locked`."""
    return lock_file.locked(path, path.with_name(path.name + ".lock"))


def make_private(path: Path) -> None:
    """Create the file if there is none, for its owner only; SQLite gives the files beside it the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def remove_files(path: Path) -> None:
    """Remove a database, and what SQLite has left beside it; none need be there."""
    for end in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def check_companions(path: Path) -> None:
    """Raise `StartError` if a copy was put in place and the write-ahead log of another database left beside it.

    SQLite would write that log's pages into the copy. The server's own database says in its header that it has a
    write-ahead log (https://sqlite.org/fileformat.html#the_database_header, offset 18); a backup does not.
    """
    wal = path.with_name(path.name + "-wal")
    with path.open("rb") as file:
        header = file.read(20)
    if header[18:] == b"\x01\x01" and wal.exists() and wal.stat().st_size:
        raise StartError(
            f"{path} is a copy, and {wal.name} beside it belongs to another database. "
            f"Move {wal.name} away, and start again."
        )


def connect_to_write(path: Path, *, vfs: str | None) -> SqliteConnection:
    """Connection that may write, but has not looked at the file yet: see `use_wal`."""
    connection = SqliteConnection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
    connection.set_busy_timeout(BUSY_MS)
    connection.pragma("foreign_keys", True)
    connection.pragma("trusted_schema", False)
    connection.pragma("cell_size_check", True)
    connection.pragma("temp_store", "MEMORY")  # no text goes into other files
    connection.pragma("secure_delete", True)  # what was deleted is overwritten, not only left out
    return connection


def use_wal(connection: SqliteConnection, path: Path, synchronous: Synchronous) -> None:
    """Use a write-ahead log, and sync every commit to the platter (``FULL``). Raises `StartError` if that cannot be."""
    # A rollback journal that comes back after a power loss would undo the change of mode under a log begun since.
    connection.pragma("synchronous", "EXTRA")
    if connection.pragma("journal_mode", "WAL") != "wal":
        raise StartError(
            f"The disk of {path} cannot hold a write-ahead log. Choose a data directory on a local disk."
        )
    connection.pragma("synchronous", synchronous)
    connection.pragma("fullfsync", True)  # macOS: fsync alone stops at the drive's cache
    connection.pragma("checkpoint_fullfsync", True)
    connection.pragma("journal_size_limit", 64 * 2**20)
    connection.pragma("cache_size", -16_384)  # KiB: the index of commands is visited all over


@contextmanager
def index_on_disk(path: Path) -> Iterator[None]:
    """Reserve disk space for the index of the write-ahead log, which SQLite maps into memory.

    Touching a part of it for which a full disk has no space is SIGBUS, the end of the process (seen once in some
    hundred full disks). Enter it when the log is in use; leave it after every connection is closed:
    closing any descriptor of that file gives up SQLite's locks on it (https://sqlite.org/howtocorrupt.html, 2.2).
    """
    try:
        descriptor = os.open(f"{path}-shm", os.O_RDWR)
    except OSError:  # another system, another way: nothing to reserve
        yield
        return
    try:
        with suppress(OSError, AttributeError):  # full already, or a system without this call
            os.posix_fallocate(descriptor, 0, INDEX_BYTES)
        yield
    finally:
        os.close(descriptor)


def connect_to_read(path: Path, *, vfs: str | None) -> SqliteConnection:
    """Connection that cannot write, and cannot checkpoint."""
    connection = SqliteConnection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
    connection.set_busy_timeout(BUSY_MS)
    connection.pragma("query_only", True)
    connection.pragma("trusted_schema", False)
    connection.pragma("cell_size_check", True)
    return connection


def reusable_bytes(connection: SqliteConnection) -> int:
    """See `Store.reusable_bytes`."""
    pages: int = connection.pragma("freelist_count")
    size: int = connection.pragma("page_size")
    return pages * size
