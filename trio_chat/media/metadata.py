"""Metadata: what is taken out of a file before others get it, without changing one pixel or sound.

Where and when it was made, by what and by whom, comments, thumbnails of how it was before it was cut, and what stands
behind the picture. What stays is how it is turned, and its colour profile.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trio_chat.media import avif, gif, jpeg, mp4, png, webp
from trio_chat.media.pieces import Kept

if TYPE_CHECKING:
    from collections.abc import Callable

_STRIPPERS: Final[dict[str, Callable[[memoryview], Kept]]] = {
    "image/jpeg": jpeg.strip,
    "image/png": png.strip,
    "image/webp": webp.strip,
    "image/gif": gif.strip,
    "image/avif": avif.strip,
    "video/mp4": mp4.strip,
    "video/quicktime": mp4.strip,
    "audio/mp4": mp4.strip,
}

STRIPPED: Final = frozenset(_STRIPPERS)
"""The media types that are known here."""


def strip(media_type: str, data: memoryview) -> Kept:
    """What is kept of a file of this type. Raises `Damaged`; of types that are not `STRIPPED` everything is kept."""
    stripper = _STRIPPERS.get(media_type)
    return Kept((data,)) if stripper is None else stripper(data)
