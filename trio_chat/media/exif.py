"""EXIF, as far as it is needed: how a picture is turned (EXIF 2.32 section 4.6, over TIFF 6.0).

Pure.
"""

from __future__ import annotations

from typing import Final, Literal

UPRIGHT: Final = 1
_ORIENTATION: Final = 0x0112
_SHORT: Final = 3
_ORDERS: Final[dict[bytes, Literal["little", "big"]]] = {b"II*\x00": "little", b"MM\x00*": "big"}


def read_orientation(tiff: bytes) -> int:
    """How the picture is turned, 1 to 8; 1 as well if nothing is said, or nothing that can be read."""
    order = _ORDERS.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return UPRIGHT
    start = int.from_bytes(tiff[4:8], order)
    count = int.from_bytes(tiff[start : start + 2], order)
    for at in range(start + 2, min(start + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind = (int.from_bytes(tiff[place : place + 2], order) for place in (at, at + 2))
        if (tag, kind) == (_ORIENTATION, _SHORT):
            orientation = int.from_bytes(tiff[at + 8 : at + 10], order)
            return orientation if 1 <= orientation <= 8 else UPRIGHT
    return UPRIGHT


def only_orientation(orientation: int) -> bytes:
    """The shortest TIFF that says it, with nothing else in it."""
    entry = b"".join(
        part.to_bytes(size, "little")
        for part, size in ((_ORIENTATION, 2), (_SHORT, 2), (1, 4), (orientation, 4))
    )
    return b"II*\x00\x08\x00\x00\x00\x01\x00" + entry + bytes(4)
