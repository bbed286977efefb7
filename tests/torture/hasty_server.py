"""The product with its writes in the wrong order: ``python -m tests.torture.hasty_server [options of trio-chat]``.

A blob gets its name a while after it was said that it has one, so the rows that name it come first. It is the negative
control of the rule *blob*: a kill in between leaves messages with files that are not there.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import trio

from tests.torture import traced_server
from trio_chat.blobs.directory import DirectoryBlobs

if TYPE_CHECKING:
    from pathlib import Path

LATE_S = 5.0

put_now = DirectoryBlobs.put


async def put_late(blobs: DirectoryBlobs, path: Path, name: str) -> None:
    """Do what `DirectoryBlobs.put` does, but later."""
    kept = path.with_name(f"{path.name}.late")
    os.link(path, kept)

    async def put_it() -> None:
        await trio.sleep(LATE_S)
        await put_now(blobs, kept, name)

    trio.lowlevel.spawn_system_task(put_it)


if __name__ == "__main__":
    setattr(DirectoryBlobs, "put", put_late)  # noqa: B010
    traced_server.main()
