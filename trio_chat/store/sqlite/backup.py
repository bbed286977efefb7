"""Backup: a copy of the log, made while a server may be writing to it."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import apsw

from trio_chat.errors import StartError
from trio_chat.store.sqlite.epochs import count_events, mark_as_copy
from trio_chat.store.sqlite.file import check_sqlite_version, connect_to_read, explaining
from trio_chat.store.sqlite.schema import MIGRATIONS, check_identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES_AT_A_TIME = 4_096
"""Database pages, 16 MiB: so much is copied before Ctrl-C is noticed."""


def back_up(database: Path, target: Path) -> int:
    """Copy the log into a new file, readable by its owner only; returns the number of its events.

    The copy is one snapshot of the log, whatever is written meanwhile, and complete by itself. It is marked as a copy,
    so a server that opens it begins a new epoch. Until it is whole and on the disk it is called ``….part``.

    Raises `StartError` when there is nothing to copy, the target exists, or the disk refuses.
    """
    check_sqlite_version(apsw.sqlite_lib_version())
    if not database.exists():
        raise StartError(f"There is no log at {database}. Name its directory with --data.")
    if target.exists():
        raise StartError(f"{target} exists. A backup overwrites nothing: choose another name.")
    with explaining(database), closing(connect_to_read(database, vfs=None)) as source:
        check_identity(source, database, MIGRATIONS)
        with _new_file(target) as part:
            return _copy(source, part)


def _copy(source: apsw.Connection, part: Path) -> int:
    with closing(apsw.Connection(str(part), flags=apsw.SQLITE_OPEN_READWRITE)) as copy:
        # One read transaction over all steps: else each commit of the server would begin the copy anew.
        with source, copy.backup("main", source, "main") as backup:
            source.execute("SELECT 1 FROM meta").fetchone()
            while not backup.done:
                backup.step(PAGES_AT_A_TIME)
        copy.pragma("journal_mode", "DELETE")  # one file, without companions
        mark_as_copy(copy)
        return count_events(copy).events


@contextmanager
def _new_file(target: Path) -> Iterator[Path]:
    """New file that becomes ``target`` when the block is left, and is removed if it raises."""
    part = target.with_name(f"{target.name}.part")
    try:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise StartError(
            f"{part} exists: another backup is under way, or one was interrupted. In that case remove it."
        ) from None
    except OSError as error:
        raise StartError(f"Cannot write {part}: {error.strerror}.") from error
    try:
        yield part
        os.fsync(descriptor)
        part.rename(target)
    except BaseException:
        for leftover in ("", "-journal", "-wal", "-shm"):
            part.with_name(part.name + leftover).unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
