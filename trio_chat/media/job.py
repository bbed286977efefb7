"""What the server asks its media worker, and what that answers: one line of JSON each way.

Pure.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from trio_chat.media.types import UNKNOWN

MAX_ANSWER_BYTES: Final = 4096

ORIGINAL: Final = "original"
"""The name of the file to be kept, if it is not the one that was sent."""


PICTURE_PX: Final = 640
PICTURE_SIZES: Final = (96, 256)
"""The sides, in pixels, of the picture of a room or a person as it is kept, and of its previews; of a smaller picture
they are smaller."""


class Job(msgspec.Struct, frozen=True):
    """A file to be prepared. Paths are bytes, as the system has them."""

    part: bytes
    into: bytes
    """A directory of its own, which is there."""
    poster: bytes | None = None
    is_picture: bool = False
    """Whether it is to be the picture of a room or a person: a square, and nothing of what was sent."""


class Prepared(msgspec.Struct, frozen=True, tag="prepared"):
    """What a file is, and what was made of it."""

    media_type: str = UNKNOWN
    width: int = 0
    """In pixels, upright; 0: it shows nothing."""
    height: int = 0
    blur: str = ""
    """A thumbhash in Base64."""
    is_animated: bool = False
    has_original: bool = False
    """Whether other bytes are to be kept than were sent."""
    previews: tuple[int, ...] = ()
    """The longest sides, in pixels, of the previews that were made."""


class Unusable(msgspec.Struct, frozen=True, tag="unusable"):
    """The file cannot be shown, for this reason: a sentence for its sender."""

    sentence: str


class NotWritten(msgspec.Struct, frozen=True, tag="not_written"):
    """The disk did not take what was made."""

    errno: int


Answer: TypeAlias = Prepared | Unusable | NotWritten
