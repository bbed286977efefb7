"""Files in a backup, and whether all files are whole: what a database names is held against a directory of blobs."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

from trio_chat.blobs.base import blob_of
from trio_chat.blobs.copies import copy_blob, find_blobs, remove_unknown, sync_names, unknown_names
from trio_chat.blobs.places import S3Place
from trio_chat.errors import StartError
from trio_chat.store.sql.verify import LogFinding
from trio_chat.store.sqlite.file import connect_to_read, explaining
from trio_chat.store.sqlite.named_blobs import named_blobs
from trio_chat.store.sqlite.schema import APPLICATION_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trio_chat.blobs.copies import Blob
    from trio_chat.store.sql.named_blobs import NamedBlobs
    from trio_chat.store.sqlite.connection import SqliteConnection

MAGIC: Final = b"SQLite format 3\0"

FINDINGS: Final = 20
"""So many files are named that are not whole; more are counted."""


class FilesBackup:
    """Copies the files that a copy of a database names into a directory (None: nowhere), which may have some of them
    from earlier backups. What is in a bucket is not copied.

    ``report`` is told how many were looked at, and how many there are.
    """

    def __init__(
        self,
        source: Path | S3Place,
        target: Path | None,
        report: Callable[[int, int], object] = lambda done, total: None,
    ) -> None:
        self._source = source
        self._target = target
        self._report = report
        self._total = self._done = self._missing = 0

    def __call__(self, copy: SqliteConnection, database: SqliteConnection) -> bool:
        """Copy what the copy names. False if one went meanwhile, as its message was deleted from the database: then a
        newer copy of that is needed. Raises `StartError`."""
        copied, still_named = named_blobs(copy), named_blobs(database)
        self._total, self._done, self._missing = copied.count(), 0, 0
        if self._target is None or isinstance(self._source, S3Place):
            return True
        try:
            for blob in find_blobs(self._source, (named.hash for named in copied)):
                if self._copied(blob, self._target):
                    self._done += 1
                elif still_named.has(blob.hash):
                    self._missing += 1
                else:
                    return False
                self._report(self._done + self._missing, self._total)
            sync_names(self._target)
        except OSError as error:
            raise StartError(f"Cannot copy the file {error.filename}: {error.strerror}.") from error
        return True

    def result(self) -> list[str]:
        """What became of them, in sentences; none if there are no files."""
        if not self._total:
            return []
        number = self._total
        if isinstance(self._source, S3Place):
            return [
                f"{_files(number)} that people have sent {_are(number)} NOT in it: see to {self._source} as well."
            ]
        if self._target is None:
            return [
                f"{_files(number)} that people have sent {_are(number)} NOT in it: "
                "for that name a file or a directory."
            ]
        said = [f"{_files(self._done)} that people have sent {_are(self._done)} in {self._target.parent}."]
        if self._missing:
            number = self._missing
            said.append(
                f"{_files(number)} {_are(number)} MISSING here, and so in the copy: see trio-chat verify."
            )
        return said

    @staticmethod
    def _copied(blob: Blob, target: Path) -> bool:
        if not blob.files:
            return False
        try:
            copy_blob(blob, target)
        except FileNotFoundError:
            return False
        return True


def forget_files(directory: Path, blobs: Path) -> int:
    """Remove files of a directory of backups that none of the databases there names; returns how many.

    Raises `StartError`; if a database cannot be read, nothing is removed.
    """
    known: set[str] = set()
    try:
        databases = [path for path in directory.iterdir() if path.is_file() and _is_database(path)]
        for path in databases:
            with explaining(path), closing(connect_to_read(path, vfs=None)) as connection:
                if connection.pragma("application_id") == APPLICATION_ID:
                    known.update(named.hash for named in named_blobs(connection))
        return remove_unknown(blobs, known)
    except OSError as error:
        raise StartError(f"The old file {error.filename} cannot be removed: {error.strerror}.") from error


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def verify_files(
    named: NamedBlobs, blobs: Path | S3Place, *, report: Callable[[int, int], object]
) -> Iterator[LogFinding]:
    """Findings about the files of a log, the last of which is the verdict; none if it has no files.

    ``report`` is told how many were read, and how many there are. The database may be in use.
    """
    try:
        if not isinstance(blobs, S3Place):
            yield from _verify(named, blobs, report)
        elif number := named.count():
            yield LogFinding(f"note: {_files(number)} {_are(number)} in {blobs}, which is not looked into")
    except OSError as error:
        yield LogFinding(f"the file {error.filename} cannot be read: {error.strerror}", is_damage=True)


def _verify(named: NamedBlobs, blobs: Path, report: Callable[[int, int], object]) -> Iterator[LogFinding]:
    sizes = {blob.hash: blob.bytes for blob in named}
    missing = damaged = 0
    for number, blob in enumerate(find_blobs(blobs, sizes), 1):
        flaw = _flaw(blob, sizes[blob.hash])
        if flaw is not None and named.has(blob.hash):  # else its message was deleted meanwhile
            missing += not blob.files
            damaged += bool(blob.files)
            if missing + damaged <= FINDINGS:
                place = named.place_of(blob.hash) or "an upload that was not sent"
                yield LogFinding(f"{place} ({blob.hash[:12]}…): {flaw}", is_damage=True)
        report(number, len(sizes))
    strange = set(map(blob_of, unknown_names(blobs, sizes.keys())))
    unknown = {name for name in strange if not named.has(name)}
    if unknown:
        yield LogFinding(
            f"note: nothing needs {_files(len(unknown))} in {blobs}; the server removes that when it starts"
        )
    if missing or damaged:
        yield LogFinding(
            f"FILES ARE NOT WHOLE: of {len(sizes)}, {missing} are missing and {damaged} are damaged.",
            is_damage=True,
        )
    elif sizes:
        yield LogFinding(f"All files are whole: {len(sizes)}, {sum(sizes.values()):,} bytes.")


def _flaw(blob: Blob, size: int) -> str | None:
    if not blob.files:
        return "it is MISSING"
    try:
        if blob.size != size:
            return f"DAMAGED: with its previews it has {blob.size:,} bytes, and not {size:,}"
        return None if blob.is_whole() else "DAMAGED: its content is not what was written"
    except FileNotFoundError:
        return "it is MISSING"


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
