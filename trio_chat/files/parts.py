"""Parts: what has come so far of unfinished uploads, a file for each.

The offset of an upload is the size of its part, so it is right whatever ends the server. A part is appended to by one
task at a time (`trio_chat.files.turns`); where several nodes share the parts, by one on each: an old request may hang
at one while the client goes on at another. So each writes where its bytes belong, which are the same.

Beside it stands what goes with it: the poster of a video. The directory in which its previews are made is this node's.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import attrs
import trio

from trio_chat.blobs.directory import is_there, make_private
from trio_chat.errors import Refused
from trio_chat.store.space import floor_of

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from trio_chat.files.pacing import Pace

UPLOAD_ID: Final = re.compile(r"u-[A-Za-z0-9_-]{22}")

WRITE_BYTES: Final = 256 * 1024
"""So much is gathered before it is written: each write is a turn of a thread."""

SYNC_BYTES: Final = 4 * 1024 * 1024
"""After so much a part is written to the disk. Else the system would do that for all of it at once, and the log's
commits would wait (measured: p95 133 ms instead of 14; with this, and paced, 10)."""

THREADS: Final = 4
"""So many calls for parts go on at a time; more wait."""

SAVE_S: Final = 5.0
"""Seconds that saving what has come may take when its task is cancelled."""

_sync_data = getattr(os, "fdatasync", os.fsync)


class Parts:
    """All parts, in a directory that is made when the first one is begun; with ``workshops`` previews are made there,
    for others have the directory of the parts as well.

    ``floor_bytes`` is the configured floor of the disk (`trio_chat.store.space`): twice of it stays free, so that
    messages can be written when files cannot.
    """

    def __init__(
        self, directory: Path, *, pace: Pace, floor_bytes: int, workshops: Path | None = None
    ) -> None:
        self._directory = directory
        self._workshops = workshops or directory
        self._pace = pace
        self._floor_bytes = floor_bytes
        self._threads = trio.CapacityLimiter(THREADS)
        self._has_some = workshops is not None or is_there(directory)  # else there is no need to look

    def path(self, upload: str) -> Path:
        """Where the part of an upload is, if there is one."""
        if not UPLOAD_ID.fullmatch(upload):
            raise ValueError(f"not the id of an upload: {upload!r}")
        return self._directory / upload

    def poster(self, upload: str) -> Path:
        """Where its poster is, if there is one."""
        return self.path(upload).with_name(f"{upload}.poster")

    def workshop(self, upload: str) -> Path:
        """The directory in which its previews are made."""
        return self._workshops / f"{self.path(upload).name}.made"

    async def size(self, upload: str) -> int:
        """Bytes of its part; 0 if there is none."""
        path = self.path(upload)
        return await trio.to_thread.run_sync(_size, path, limiter=self._threads) if self._has_some else 0

    async def open(self, upload: str) -> Part:
        """Open its part to add to it; made if there is none. Raises `OSError`."""
        path = self.path(upload)
        self._has_some = True
        descriptor, size = await trio.to_thread.run_sync(_open, path, limiter=self._threads)
        return Part(size, descriptor, self)

    async def save_poster(self, upload: str, data: bytes) -> None:
        """Keep a poster, instead of any before. Raises `OSError`."""
        path = self.poster(upload)
        self._has_some = True

        def save() -> None:
            make_private(path.parent)
            new = path.with_suffix(".new")
            new.write_bytes(data)
            new.rename(path)

        await self._pace.wait(len(data))
        await trio.to_thread.run_sync(save, limiter=self._threads)

    async def remove(self, upload: str) -> None:
        """Remove its part and all that goes with it, if it is there."""
        path = self.path(upload)

        def remove() -> None:
            for name in (path.name, f"{path.name}.poster", f"{path.name}.new"):
                path.with_name(name).unlink(missing_ok=True)
            shutil.rmtree(self.workshop(upload), ignore_errors=True)

        if self._has_some:
            await trio.to_thread.run_sync(remove, limiter=self._threads)

    async def ids(self) -> list[str]:
        """The uploads of which anything is here, in order."""

        def listed() -> list[str]:
            names: set[str] = set()
            for directory in {self._directory, self._workshops}:
                with suppress(FileNotFoundError):
                    names.update(name.partition(".")[0] for name in os.listdir(directory))
            return sorted(names)

        found = await trio.to_thread.run_sync(listed, limiter=self._threads) if self._has_some else []
        return [name for name in found if UPLOAD_ID.fullmatch(name)]

    async def write(self, descriptor: int, data: bytes, at: int, *, syncs: bool) -> None:
        """Write into an open part, from there on; and to the disk, if that is asked for. Not cancelled before it has
        done so.

        Raises `Refused` (``disk_full``), or `OSError`, and then some of it may be written.
        """
        await trio.to_thread.run_sync(self._write, descriptor, data, at, syncs, limiter=self._threads)

    async def wait_for_turn(self, n: int) -> None:
        """Wait until so many bytes more may be written."""
        await self._pace.wait(n)

    def _write(self, descriptor: int, data: bytes, at: int, syncs: bool) -> None:
        disk = os.fstatvfs(descriptor)
        floor = 2 * floor_of(self._floor_bytes, disk.f_blocks * disk.f_frsize)
        if disk.f_bavail * disk.f_frsize < floor + len(data):
            raise Refused(
                "disk_full", "The server's disk is nearly full: files cannot be sent just now. Messages can."
            )
        rest = memoryview(data)
        while rest:
            n = os.pwrite(descriptor, rest, at)
            rest, at = rest[n:], at + n
        if syncs:
            _sync_data(descriptor)


@attrs.define(eq=False)
class Part:
    """A part that is being added to. Close it with ``async with``: what has come is saved then, also when cancelled."""

    size: int
    """In bytes, with what is not written yet."""
    _descriptor: int
    _parts: Parts
    _waiting: bytearray = attrs.field(factory=bytearray, init=False)
    _has_failed: bool = attrs.field(default=False, init=False)

    async def add(self, data: bytes) -> None:
        """Append, as fast as all uploads together may. Raises `Refused` (``disk_full``) and `OSError`, and then the
        part is as long as it happened to become."""
        self._waiting += data
        self.size += len(data)
        if len(self._waiting) >= WRITE_BYTES:
            await self._parts.wait_for_turn(len(self._waiting))
            await self._write()

    async def _write(self) -> None:
        data, self._waiting = bytes(self._waiting), bytearray()
        if not data or self._has_failed:
            return
        at = self.size - len(data)
        syncs = self.size // SYNC_BYTES > at // SYNC_BYTES
        try:
            await self._parts.write(self._descriptor, data, at, syncs=syncs)
        except (OSError, Refused):
            self._has_failed = True
            raise

    async def save(self) -> None:
        """Write what waits. Raises as `add` does."""
        await self._write()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Or a connection that is cut again and again would never get on.
        try:
            with trio.move_on_after(SAVE_S, shield=True), suppress(OSError, Refused):
                await self._write()
        finally:
            os.close(self._descriptor)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _open(path: Path) -> tuple[int, int]:
    make_private(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, mode=0o600)
    return descriptor, os.fstat(descriptor).st_size
