"""Thumbnails of pictures that the server fetched: made like the previews of files, in a child process with limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trio_chat.media.prepare import CannotPrepare, prepare

if TYPE_CHECKING:
    from pathlib import Path

SIDE: Final = 480
"""The longest side, in pixels."""


async def make_thumbnail(part: Path, into: Path) -> tuple[Path, int, int] | None:
    """The thumbnail of the picture in the file ``part``, made in the directory ``into``: a WebP, its width and its
    height. None if it cannot be shown, or is so small that none is made of it."""
    try:
        prepared = await prepare(part, into, as_file=False)
    except (CannotPrepare, OSError):
        return None
    if SIDE not in prepared.previews:
        return None
    scale = SIDE / max(prepared.width, prepared.height)
    return into / f"{SIDE}.webp", round(prepared.width * scale), round(prepared.height * scale)
