"""What is known of a file before anybody looks into it. To be replaced by `trio_chat.media`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from trio_chat.media.types import HEAD_BYTES, UNKNOWN, media_type_of

if TYPE_CHECKING:
    from pathlib import Path


class CannotPrepare(Exception):
    """It cannot be sent as what it is."""


@attrs.frozen
class Prepared:
    """What a file is."""

    media_type: str
    width: int = 0
    height: int = 0
    blur: str = ""
    is_animated: bool = False
    has_original: bool = False
    previews: tuple[int, ...] = ()


async def prepare(part: Path, _into: Path, *, as_file: bool, poster: Path | None = None) -> Prepared:
    """Look at the first bytes of a part."""
    async with await trio.open_file(part, "rb") as file:
        head = await file.read(HEAD_BYTES)
    return Prepared(UNKNOWN if as_file or poster else media_type_of(memoryview(head)))
