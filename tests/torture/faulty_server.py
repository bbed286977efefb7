"""The product with a worse disk: ``python -m tests.torture.faulty_server CONTROL SYNCHRONOUS [options of trio-chat]``.

SYNCHRONOUS is what SQLite is told, ``FULL`` as the product does it or less. CONTROL is a file whose content is what
is wrong with the disk at this moment: nothing, ``slow 5`` (each sync takes so many seconds), ``no-sync`` (syncs
fail), ``no-write`` (writes fail), ``full``.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import apsw

from trio_chat import __main__ as command_line
from trio_chat import app
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from trio_chat.store.sqlite.file import Synchronous

NAME = "torture"


class BadDisk(apsw.VFS):
    """The disk, with what the control file says is wrong with it."""

    def __init__(self, control: Path) -> None:
        super().__init__(NAME, "")
        self._control = control
        self.name = NAME

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        """Open a file of the database."""
        return BadFile(self, name, flags)

    def trouble(self) -> str:
        """What is wrong now."""
        try:
            return self._control.read_text()
        except FileNotFoundError:
            return ""


class BadFile(apsw.VFSFile):
    """A file on the bad disk."""

    def __init__(self, disk: BadDisk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk

    def xWrite(self, data: bytes, offset: int) -> None:
        """Write, perhaps."""
        trouble = self._disk.trouble()
        if trouble == "full":
            raise apsw.FullError("database or disk is full")
        if trouble == "no-write":
            raise apsw.IOError("disk I/O error")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        """Sync, perhaps, and perhaps late."""
        trouble = self._disk.trouble()
        if trouble.startswith("slow"):
            time.sleep(float(trouble.split()[1]))
        if trouble == "no-sync":
            raise apsw.IOError("disk I/O error")
        super().xSync(flags)


def main() -> None:
    """Serve."""
    control, synchronous = sys.argv.pop(1), sys.argv.pop(1)
    disk = BadDisk(Path(control))
    worse = partial(open_sqlite_store, synchronous=cast("Synchronous", synchronous), vfs=disk.name)
    vars(app)["open_sqlite_store"] = worse
    command_line.main()


if __name__ == "__main__":
    main()
