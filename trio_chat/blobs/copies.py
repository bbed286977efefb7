"""Copies of a directory of blobs, and whether what is in it is what its names say: for the command line.

All of it waits, and knows blobs by the name of their content, which begins with its hash; with that begin the names of
what was made of it.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from itertools import groupby
from typing import TYPE_CHECKING, Final

import attrs

from trio_chat.blobs.base import BLOB_NAME, blob_of
from trio_chat.blobs.directory import make_private, sync

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

READ_BYTES: Final = 1024 * 1024


@attrs.frozen
class Blob:
    """A blob as it is found on the disk."""

    hash: str
    """Its name."""
    files: list[Path]
    """Its content, and then what was made of it, in the order of their names; empty if its content is not there."""

    @property
    def size(self) -> int:
        """Bytes of all of it. Raises `OSError`."""
        return sum(file.stat().st_size for file in self.files)

    def is_whole(self) -> bool:
        """Whether its content is what its name says; or with what was made of it: of a video that was not all the
        server's own work (`trio_chat.files.finishing`). Raises `OSError`."""
        digest = hashlib.sha256()
        for number, file in enumerate(sorted(self.files, key=_by_size)):
            with file.open("rb", buffering=0) as opened:
                while some := opened.read(READ_BYTES):
                    digest.update(some)
            if number in (0, len(self.files) - 1) and self.hash.startswith(digest.hexdigest()):
                return True
        return False


def find_blobs(directory: Path, hashes: Iterable[str]) -> Iterator[Blob]:
    """The blobs with these hashes, which are in order."""
    for folder, some in groupby(hashes, lambda each: each[:2]):
        names = _names(directory / folder)
        for each in some:
            files = [directory / folder / name for name in names.get(each, ())]
            yield Blob(each, files if files and files[0].name == each else [])


def unknown_names(directory: Path, known: Collection[str]) -> list[str]:
    """Names in the directory of no known hash, in order."""
    return [
        name
        for folder in sorted(_listed(directory))
        for each, names in _names(directory / folder).items()
        if each not in known
        for name in names
    ]


def copy_blob(blob: Blob, directory: Path) -> None:
    """Copy a blob into another directory, durably but for the names (`sync_names`): its content last, so that one
    which is there is there whole. Nothing is copied if it is there already. Raises `OSError`, and
    `FileNotFoundError` if it goes meanwhile."""
    folder = directory / blob.hash[:2]
    content = folder / blob.hash
    if content.is_file() and content.stat().st_size == blob.files[0].stat().st_size:
        return
    make_private(folder)
    for file in reversed(blob.files):
        part = folder / f"{file.name}.part"
        with file.open("rb") as source, part.open("wb") as target:
            os.fchmod(target.fileno(), 0o600)
            while some := source.read(READ_BYTES):
                target.write(some)
            target.flush()
            os.fsync(target.fileno())
        part.replace(folder / file.name)


def sync_names(directory: Path) -> None:
    """Have the names in the directory written to the disk."""
    for folder in _listed(directory):
        sync(directory / folder)
    if directory.is_dir():
        sync(directory)


def remove_unknown(directory: Path, known: Collection[str]) -> int:
    """Remove what is in the directory of no known hash; returns how many blobs. Raises `OSError`."""
    names = unknown_names(directory, known)
    for name in names:
        (directory / name[:2] / name).unlink(missing_ok=True)
    return len(set(map(blob_of, names)))


def _by_size(file: Path) -> tuple[int, str]:
    """Previews in the order of their sizes in pixels, after the content."""
    size = file.name.split(".")[1:2]
    return (int(size[0]) if size and size[0].isdecimal() else 0), file.name


def _names(folder: Path) -> dict[str, list[str]]:
    """The names of blobs in one of the inner directories, by hash, in order."""
    names = sorted(name for name in _listed(folder) if BLOB_NAME.fullmatch(name) and name[:2] == folder.name)
    return {each: list(some) for each, some in groupby(names, blob_of)}


def _listed(directory: Path) -> list[str]:
    with suppress(FileNotFoundError, NotADirectoryError):
        return os.listdir(directory)
    return []
