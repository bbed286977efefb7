"""Blobs in a directory, ``ab/abcd…`` each: for one server on one machine, or for several that share it.

A blob gets its name by a link, once its bytes are on the disk; then the directory is written to the disk as well. So
whatever happens in between, a name has all its bytes, and what `DirectoryBlobs.put` has promised has its name. What
comes from another disk is copied into ``coming`` first.

All that touches the disk runs in threads, of which this store has a few of its own: a slow disk holds up nobody else.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import time
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Final

import attrs
import trio

from trio_chat.blobs.base import BLOB_NAME, MARK, NoSuchBlob

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

THREADS: Final = 4
"""So many calls go on at a time; more wait."""

COMING: Final = "coming"

UNFINISHED_S: Final = 86_400
"""No copying takes so long: what is older is left over."""

COPIED_BYTES: Final = 1024 * 1024


class DirectoryBlobs:
    """A `BlobStore` in a directory, which is made when the first blob is put, for its owner only. What others put into
    it meanwhile is listed only if it was there before."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._threads = trio.CapacityLimiter(THREADS)
        self._has_some = is_there(directory)  # else there is no need to look

    async def put(self, path: Path, name: str) -> None:
        """See `BlobStore`. Of a file in the same file system nothing is copied."""
        target = self._path(name)
        self._has_some = True
        await trio.to_thread.run_sync(_put, path, target, limiter=self._threads)

    async def open(self, name: str) -> OpenFile:
        """See `BlobStore`."""
        path = self._path(name)
        try:
            # Not abandoned when cancelled: nobody would close what was opened.
            return await trio.to_thread.run_sync(_open, path, self._threads, limiter=self._threads)
        except FileNotFoundError:
            raise NoSuchBlob(name) from None

    async def remove(self, name: str) -> None:
        """See `BlobStore`."""
        path = self._path(name)
        # Nothing is written to the disk for that: what comes back after a power loss is found when the server starts.
        await trio.to_thread.run_sync(path.unlink, True, limiter=self._threads)

    async def names(self, *, after: str = "", limit: int) -> list[str]:
        """See `BlobStore`. What is no blob by its name is left out."""

        def listed() -> list[str]:
            return list(islice(_names(self._directory, after), limit))

        if not self._has_some:
            await trio.lowlevel.checkpoint()
            return []
        return await trio.to_thread.run_sync(listed, limiter=self._threads)

    async def mark(self, mark: str) -> None:
        """See `BlobStore`: a file beside the directory."""

        def make() -> None:
            make_private(self._directory)
            path = self._directory.with_name(f"{MARK}{mark}")
            path.touch(mode=0o600)
            sync(path)
            sync(path.parent)

        self._has_some = True
        await trio.to_thread.run_sync(make, limiter=self._threads)

    async def has_mark(self, mark: str) -> bool:
        """See `BlobStore`."""
        path = self._directory.with_name(f"{MARK}{mark}")
        is_marked = await trio.to_thread.run_sync(path.exists, limiter=self._threads)
        self._has_some = self._has_some or is_marked
        return is_marked

    async def discard_unfinished(self) -> None:
        """See `BlobStore`."""
        if self._has_some:
            await trio.to_thread.run_sync(_discard, self._directory / COMING, limiter=self._threads)
        else:
            await trio.lowlevel.checkpoint()

    def _path(self, name: str) -> Path:
        if not BLOB_NAME.fullmatch(name):
            raise ValueError(f"not the name of a blob: {name!r}")
        return self._directory / name[:2] / name


@attrs.frozen(eq=False)
class OpenFile:
    """A `BlobReader` of a file."""

    size: int
    _descriptor: int
    _threads: trio.CapacityLimiter

    async def read(self, start: int, n: int) -> bytes:
        """See `BlobReader`."""
        return await trio.to_thread.run_sync(os.pread, self._descriptor, n, start, limiter=self._threads)

    async def aclose(self) -> None:
        """See `BlobReader`. Also when cancelled."""
        os.close(self._descriptor)  # of a file that was only read: that waits for nothing
        await trio.lowlevel.checkpoint()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def is_there(directory: Path) -> bool:
    """Asked once, before anybody is served."""
    return directory.is_dir()


def _put(path: Path, target: Path) -> None:
    sync(path)
    make_private(target.parent)
    try:
        os.link(path, target)
    except FileExistsError:
        pass  # the same bytes; of whoever put them perhaps the directory is not on the disk yet
    except OSError as error:
        if error.errno == errno.EXDEV:
            _copy(path, target)
        elif error.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            path.rename(target)  # a file system without links
        else:
            raise
    sync(target.parent)
    sync(target.parent.parent)  # whoever made that one may have been killed before this


def _copy(path: Path, target: Path) -> None:
    coming = target.parent.parent / COMING / secrets.token_hex(8)
    if target.exists():
        return
    make_private(coming.parent)
    try:
        with path.open("rb", buffering=0) as source, coming.open("xb", buffering=0) as copy:
            os.fchmod(copy.fileno(), 0o600)
            shutil.copyfileobj(source, copy, COPIED_BYTES)
            os.fsync(copy.fileno())
        coming.rename(target)
    except BaseException:
        coming.unlink(missing_ok=True)
        raise


def _discard(directory: Path) -> None:
    before = time.time() - UNFINISHED_S
    for name in _listed(directory):
        with suppress(FileNotFoundError):
            if (directory / name).stat().st_mtime < before:
                (directory / name).unlink()


def _open(path: Path, threads: trio.CapacityLimiter) -> OpenFile:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return OpenFile(os.fstat(descriptor).st_size, descriptor, threads)


def _names(directory: Path, after: str) -> Iterator[str]:
    for inner in _listed(directory):
        if len(inner) == 2 and inner >= after[:2]:
            found = _listed(directory / inner)
            yield from (
                name for name in found if name > after and name[:2] == inner and BLOB_NAME.fullmatch(name)
            )


def _listed(directory: Path) -> list[str]:
    with suppress(FileNotFoundError, NotADirectoryError):
        return sorted(os.listdir(directory))
    return []


def make_private(directory: Path) -> None:
    """Make a directory, with those above it, that only its owner can look into, unless it is there. Waits, as `sync`
    does."""
    if not directory.is_dir():
        make_private(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)
        sync(directory.parent)


def sync(path: Path) -> None:
    """Have a file, or the names in a directory, written to the disk; returns when they are. Waits: to be called in a
    thread."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
