"""Avatars: which bytes are accepted as a person's picture.

The server does not decode a picture: it reads type and size from its header, and serves it with that type. The size in
pixels is bounded as well, since a few bytes can claim a thousand million pixels, which each viewer's machine would then
allocate.

Pure.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

from trio_chat.errors import Refused
from trio_chat.model.records import Picture

MAX_PICTURE_BYTES: Final = 32 * 1024
MAX_SIDE: Final = 512
"""Pixels."""

HASH_CHARS: Final = 32
"""Length of a picture's name: the first characters of its SHA-256, in hexadecimal."""

_PNG: Final = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"
_JPEG: Final = b"\xff\xd8\xff"
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of the segments that hold the picture's size."""


def read_picture(text: str) -> Picture:
    """Decode a picture from Base64. Raises `Refused` (``bad_picture``) if it is none, or too large."""
    if len(text) > MAX_PICTURE_BYTES // 3 * 4 + 4:
        raise _bad_picture()
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused("bad_picture", "A picture is sent in Base64.") from None
    if len(data) > MAX_PICTURE_BYTES:
        raise _bad_picture()
    for media_type, size_of in (("image/png", _png), ("image/jpeg", _jpeg), ("image/webp", _webp)):
        size = size_of(data)
        if size is not None and all(1 <= side <= MAX_SIDE for side in size):
            return Picture(hashlib.sha256(data).hexdigest()[:HASH_CHARS], media_type, data)
    raise _bad_picture()


def _bad_picture() -> Refused:
    return Refused(
        "bad_picture",
        f"A picture is a PNG, a JPEG or a WebP of at most {MAX_PICTURE_BYTES // 1024} KiB "
        f"and {MAX_SIDE} by {MAX_SIDE} pixels.",
    )


def _png(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG (RFC 2083 section 4.1.1); None if it is none."""
    if not data.startswith(_PNG) or len(data) < len(_PNG) + 8:
        return None
    at = len(_PNG)
    return int.from_bytes(data[at : at + 4]), int.from_bytes(data[at + 4 : at + 8])


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG, from the first frame header (ITU-T T.81, B.2.2); None if it is none."""
    if not data.startswith(_JPEG):
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if marker in _JPEG_FRAMES:
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        if length < 2:
            return None
        at += 1 if marker == 0xFF else 2 + length  # any number of 0xFF may precede a marker
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    """Width and height of a WebP (RFC 9649 section 2); None if it is none."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    match data[12:16]:
        case b"VP8X":
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
        case b"VP8L" if data[20] == 0x2F:
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 " if data[23:26] == b"\x9d\x01\x2a":
            sides = int.from_bytes(data[26:28], "little"), int.from_bytes(data[28:30], "little")
            return sides[0] & 0x3FFF, sides[1] & 0x3FFF
    return None
