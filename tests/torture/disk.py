"""Disk for faults that take a whole one: an ext4 in a file, mounted by a loop device."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

EXT4_IOC_SHUTDOWN = 0x8004587D
"""``_IOR('X', 125, __u32)`` of the kernel's fs/ext4/ext4.h; what ``godown -f`` of xfstests uses."""

NOLOGFLUSH = 2
"""Do not write the journal first: what was not synced is gone."""

SIZE = 96 * 2**20


class Skipped(Exception):
    """This machine cannot do what a run needs; the text says what is missing."""


class Disk:
    """A mounted ext4. Made by `open_disk`."""

    def __init__(self, image: Path, mounted_at: Path) -> None:
        self.path = mounted_at
        self._image = image
        self._ballast = mounted_at / "ballast"

    def lose_power(self) -> None:
        """Shut the file system down: from this moment nothing reaches the disk, and what was not synced never will."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, struct.pack("I", NOLOGFLUSH))
        finally:
            os.close(descriptor)

    def is_dead(self) -> bool:
        """Whether a write fails: the proof of `lose_power`."""
        try:
            (self.path / "probe").write_bytes(b"x")
        except OSError:
            return True
        return False

    async def mount(self) -> None:
        """Mount the disk again, as after a reboot."""
        await trio.run_process(["mount", "-o", "loop", str(self._image), str(self.path)])

    async def unmount(self) -> None:
        """Unmount the disk, and drop the system's cache of it."""
        await trio.run_process(["umount", str(self.path)])

    def fill(self) -> int:
        """Fill the disk to the last byte; returns the bytes taken."""
        taken = 0
        with self._ballast.open("ab", buffering=0) as ballast:
            for size in (2**20, 2**12, 1):
                try:
                    while True:
                        taken += ballast.write(b"\0" * size)
                except OSError:
                    continue
        return taken

    def free(self) -> None:
        """Undo `fill`."""
        self._ballast.unlink(missing_ok=True)


@asynccontextmanager
async def open_disk(directory: Path) -> AsyncIterator[Disk]:
    """Make and mount an empty disk; removed on leaving. Raises `Skipped` where that is not possible."""
    if os.geteuid() != 0:
        raise Skipped("a disk of one's own needs root")
    image, mounted_at = directory / "disk.img", directory / "disk"
    mounted_at.mkdir()
    try:
        with image.open("wb") as file:
            file.truncate(SIZE)
        await trio.run_process(["mkfs.ext4", "-q", "-m", "0", str(image)])
        disk = Disk(image, mounted_at)
        await trio.run_process(["mount", "-o", "loop", str(image), str(mounted_at)], capture_stderr=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Skipped(f"a disk of one's own needs mkfs.ext4 and loop devices: {error}") from error
    try:
        yield disk
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 20):
            await trio.run_process(["umount", str(mounted_at)], check=False)
            image.unlink()
