"""Backup: a copy of the log, made while a server may be writing to it."""

from __future__ import annotations

import os
import re
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import apsw

from trio_chat.errors import StartError
from trio_chat.store.sqlite.epochs import count_events, mark_as_copy
from trio_chat.store.sqlite.file import (
    check_is_there,
    check_sqlite_version,
    connect_to_read,
    explaining,
    remove_files,
)
from trio_chat.store.sqlite.schema import MIGRATIONS, check_identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trio_chat.store.sqlite.connection import SqliteConnection

NAME_BY_TIME = re.compile(r"chat-\d{4}-\d\d-\d\dT\d{6}Z\.db")
"""Names of backups that are rotated."""

DAY_S = 24 * 3600

COPIES_AT_MOST = 10
"""So often the log is copied anew because files that it names went meanwhile."""

COPIED_BYTES = 1024 * 1024

PAGES_AT_A_TIME = 4_096
"""Database pages, 16 MiB: so much is copied before Ctrl-C is noticed."""


CopyFiles: TypeAlias = "Callable[[SqliteConnection, SqliteConnection], bool]"
"""Copies the files that the first of these databases names, a copy of the second; whether all are there that are
needed still."""


def back_up(
    database: Path,
    target: Path,
    *,
    report: Callable[[int, int], object] = lambda done, total: None,
    copy_files: CopyFiles = lambda copy, database: True,
) -> int:
    """Copy the log into a new file, readable by its owner only; returns the number of its events. ``report`` is told
    how many pages of the database were copied, and how many there are.

    The copy is one snapshot of the log, whatever is written meanwhile, and complete by itself. It is marked as a copy,
    so a server that opens it begins a new epoch. Until it is whole and on the disk, and the files that it names are, it
    is called ``….part``.

    Raises `StartError` when there is nothing to copy, the target exists, or the disk refuses.
    """
    check_sqlite_version(apsw.sqlite_lib_version())
    check_is_there(database)
    if target.is_dir():
        raise StartError(f"{target} is a directory. Name a new file in it, or say --keep N {target}.")
    if target.exists():
        raise StartError(
            f"{target} exists. A backup overwrites nothing: choose another name, or - for stdout."
        )
    with explaining(database), closing(connect_to_read(database, vfs=None)) as source:
        check_identity(source, database, MIGRATIONS)
        with _new_file(target) as part:
            for _ in range(COPIES_AT_MOST):
                events = _copy(source, part, report)
                with closing(connect_to_read(part, vfs=None)) as copy:
                    if copy_files(copy, source):
                        break
            return events


def back_up_into(
    database: Path,
    directory: Path,
    *,
    keep: int,
    report: Callable[[int, int], object] = lambda done, total: None,
    copy_files: CopyFiles = lambda copy, database: True,
) -> tuple[Path, int, list[Path]]:
    """Copy the log into a new file in a directory, named after the time. There all but the ``keep`` newest files of
    such names are removed, and what backups that were interrupted more than a day ago have left. Returns the file, the
    number of its events, and what was removed.

    Raises `StartError` as `back_up` does, or when there is no such directory; then nothing is removed.
    """
    if not directory.is_dir():
        raise StartError(f"{directory} is no directory. --keep N needs one to put the backups in.")
    target = directory / time.strftime("chat-%Y-%m-%dT%H%M%SZ.db", time.gmtime())
    events = back_up(database, target, report=report, copy_files=copy_files)
    try:
        made = sorted(path for path in directory.iterdir() if NAME_BY_TIME.fullmatch(path.name))
        old = made[:-keep]
        old += [
            path
            for path in directory.glob("chat-*.db.part")
            if NAME_BY_TIME.fullmatch(path.name.removesuffix(".part"))
            and time.time() - path.stat().st_mtime > DAY_S
        ]
        for path in old:
            path.unlink()
    except OSError as error:
        raise StartError(
            f"{target} was made, but older backups cannot be removed: {error.filename}: {error.strerror}."
        ) from error
    return target, events, old


def back_up_to(
    database: Path,
    write: Callable[[bytes], object],
    *,
    report: Callable[[int, int], object] = lambda done, total: None,
    copy_files: CopyFiles = lambda copy, database: True,
) -> int:
    """Write a copy of the log, piece by piece; returns the number of its events. It is made in a temporary directory
    first (``TMPDIR``), which must have space for it.

    Raises `StartError` as `back_up` does, and what ``write`` raises.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="trio-chat-")
    except OSError as error:
        raise StartError(
            f"There is no place for the copy ({error.strerror}): name one with TMPDIR."
        ) from error
    with folder as name:
        copy = Path(name) / "chat.db"
        events = back_up(database, copy, report=report, copy_files=copy_files)
        with copy.open("rb") as file:
            while data := file.read(COPIED_BYTES):
                write(data)
    return events


def _copy(source: apsw.Connection, part: Path, report: Callable[[int, int], object]) -> int:
    with closing(apsw.Connection(str(part), flags=apsw.SQLITE_OPEN_READWRITE)) as copy:
        # One read transaction over all steps: else each commit of the server would begin the copy anew.
        with source, copy.backup("main", source, "main") as backup:
            source.execute("SELECT 1 FROM meta").fetchone()
            while not backup.done:
                backup.step(PAGES_AT_A_TIME)
                report(backup.page_count - backup.remaining, backup.page_count)
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
    except (apsw.FullError, OSError) as error:
        remove_files(part)
        why = error.strerror if isinstance(error, OSError) else error
        raise StartError(f"Cannot write {part}: {why}.") from error
    except BaseException:
        remove_files(part)
        raise
    finally:
        os.close(descriptor)
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
