"""The product on a faulty disk: ``python -m tests.torture.faulty_server CONTROL SYNCHRONOUS [options of trio-chat]``.

SYNCHRONOUS is SQLite's pragma, ``FULL`` as in the product, or less. CONTROL is a file that holds the fault of this
moment: nothing, ``slow 5`` (a sync takes five seconds), ``no-sync`` (syncs fail), ``no-write`` (writes fail), ``full``.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import apsw

from tests.torture import traced_server
from trio_chat.ops import stores
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from trio_chat.store.sqlite.file import Synchronous

NAME = "torture"


class FaultyVFS(apsw.VFS):
    """SQLite's file system layer, with the fault that the control file holds."""

    def __init__(self, control: Path) -> None:
        super().__init__(NAME, "")
        self._control = control
        self.name = NAME

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        """Open a file of the database."""
        return FaultyFile(self, name, flags)

    def fault(self) -> str:
        """The fault of this moment; empty if there is none."""
        try:
            return self._control.read_text()
        except FileNotFoundError:
            return ""


class FaultyFile(apsw.VFSFile):
    """A file of the faulty file system layer."""

    def __init__(self, vfs: FaultyVFS, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._vfs = vfs

    def xWrite(self, data: bytes, offset: int) -> None:
        """Write, or fail."""
        fault = self._vfs.fault()
        if fault == "full":
            raise apsw.FullError("database or disk is full")
        if fault == "no-write":
            raise apsw.IOError("disk I/O error")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        """Sync, perhaps late, or fail."""
        fault = self._vfs.fault()
        if fault.startswith("slow"):
            time.sleep(float(fault.split()[1]))
        if fault == "no-sync":
            raise apsw.IOError("disk I/O error")
        super().xSync(flags)


def main() -> None:
    """Run the product's command line with the faulty layer under its store."""
    control, synchronous = sys.argv.pop(1), sys.argv.pop(1)
    vfs = FaultyVFS(Path(control))
    open_faulty_store = partial(open_sqlite_store, synchronous=cast("Synchronous", synchronous), vfs=vfs.name)
    # Else nothing would be faulty, and everything pass.
    assert vars(stores)["open_sqlite_store"] is open_sqlite_store
    vars(stores)["open_sqlite_store"] = open_faulty_store
    traced_server.main()


if __name__ == "__main__":
    main()
