"""PNG without metadata: the chunks that make the picture, its animation and its colours (PNG, third edition).

Pure.
"""

from __future__ import annotations

from binascii import crc32
from typing import Final

from trio_chat.media.exif import UPRIGHT, only_orientation, read_orientation
from trio_chat.media.pieces import Damaged, Kept, Piece, stands

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_KEPT: Final = frozenset(
    b"IHDR PLTE IDAT IEND tRNS bKGD sBIT pHYs gAMA cHRM sRGB iCCP cICP mDCV cLLI acTL fcTL fdAT".split()
)


def strip(data: memoryview) -> Kept:
    """What is kept of a PNG. Raises `Damaged`."""
    if not stands(data, 0, _SIGNATURE) or not stands(data, 12, b"IHDR"):
        raise Damaged("no PNG")
    chunks: list[Piece] = []
    orientation = UPRIGHT
    at, kind = 8, b""
    while kind != b"IEND":
        body, end = at + 8, at + 12 + int.from_bytes(data[at : at + 4])
        kind = bytes(data[at + 4 : body])
        if end > len(data):
            raise Damaged("a chunk has no end")
        if kind in _KEPT:
            chunks.append(data[at:end])
        elif kind == b"eXIf" and orientation == UPRIGHT:
            orientation = read_orientation(bytes(data[body : end - 4]))
        elif not kind[0] & 0x20:
            raise Damaged("a chunk is unknown, and the picture is none without it")
        at = end
    if orientation != UPRIGHT:
        chunks.insert(
            1, _chunk(b"eXIf", only_orientation(orientation))
        )  # before the picture, for who reads it once
    return Kept((_SIGNATURE, *chunks), orientation)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + crc32(kind + body).to_bytes(4)
