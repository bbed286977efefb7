"""A disk of one's own, for faults that take a whole one: a file system in a file, mounted by a loop device."""

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
"""Do not even write the journal first: what was not synced is gone."""

SIZE = 96 * 2**20


class Skipped(Exception):
    """Something cannot be done here; the text says what is missing."""


class Disk:
    """A mounted ext4. Made by `open_disk`."""

    def __init__(self, image: Path, mounted_at: Path) -> None:
        self.path = mounted_at
        self._image = image
        self._ballast = mounted_at / "ballast"

    def lose_power(self) -> None:
        """From this moment on nothing reaches the disk, and what was not synced never will."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, struct.pack("I", NOLOGFLUSH))
        finally:
            os.close(descriptor)

    def is_dead(self) -> bool:
        """Whether the disk takes nothing: the proof that it has lost its power."""
        try:
            (self.path / "probe").write_bytes(b"x")
        except OSError:
            return True
        return False

    async def mount(self) -> None:
        """Mount what is on the disk, as after a reboot."""
        await trio.run_process(["mount", "-o", "loop", str(self._image), str(self.path)])

    async def unmount(self) -> None:
        """Forget everything that the system holds of it."""
        await trio.run_process(["umount", str(self.path)])

    def fill(self) -> int:
        """Leave no space at all; returns how much was taken."""
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
        """Give the space back."""
        self._ballast.unlink(missing_ok=True)


@asynccontextmanager
async def open_disk(directory: Path) -> AsyncIterator[Disk]:
    """An empty disk that is mounted until the block is left. Raises `Skipped` where that is not allowed."""
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
