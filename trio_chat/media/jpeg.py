"""JPEG without metadata: the segments that make the picture, and those that say its colours (ITU-T T.81, annex B).

What stands behind the picture goes as well: the films of motion photos, second pictures, archives.

Pure.
"""

from __future__ import annotations

import re
from typing import Final

from trio_chat.media.exif import UPRIGHT, only_orientation, read_orientation
from trio_chat.media.pieces import Damaged, Kept, Piece, stands

_SOI: Final = b"\xff\xd8"
_EOI: Final = 0xD9
_SOS: Final = 0xDA
_APP0, _APP1, _APP2, _APP14, _APP15, _COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
_PICTURE: Final = frozenset(range(0xC0, 0xD0)) - {0xC8} | {0xDB, 0xDC, 0xDD}
"""Frame headers, tables, restart intervals: without these there is no picture."""

_SCAN_END: Final = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
"""A marker that ends the coded data of a scan: zeros are stuffing, 0xD0 to 0xD7 restarts within it."""

_EXIF: Final = b"Exif\x00\x00"
_ICC: Final = b"ICC_PROFILE\x00"


def strip(data: memoryview) -> Kept:
    """What is kept of a JPEG. Raises `Damaged`."""
    if not stands(data, 0, _SOI):
        raise Damaged("no JPEG")
    segments: list[Piece] = []
    orientation = UPRIGHT
    at = 2
    while True:
        marker, at = _marker(data, at)
        if marker == _EOI:
            break
        end = at + int.from_bytes(data[at : at + 2])
        if not at + 2 <= end <= len(data):
            raise Damaged("a segment has no end")
        body = data[at + 2 : end]
        if marker == _SOS:
            found = _SCAN_END.search(data, end)
            if found is None:
                raise Damaged("the picture has no end")
            end = found.start()
            segments.append(data[at - 2 : end])
        elif marker in _PICTURE or (marker == _APP2 and stands(body, 0, _ICC)):
            segments.append(data[at - 2 : end])
        elif marker == _APP0 and stands(body, 0, b"JFIF\x00") and len(body) >= 14:
            segments.append(b"\xff\xe0\x00\x10" + bytes(body[:12]) + bytes(2))  # no thumbnail
        elif marker == _APP14 and stands(body, 0, b"Adobe"):
            segments.append(b"\xff\xee\x00\x0e" + bytes(body[:12]))  # how its colours are coded
        elif marker == _APP1 and stands(body, 0, _EXIF) and orientation == UPRIGHT:
            orientation = read_orientation(bytes(body[6:]))
        elif not (_APP0 <= marker <= _APP15 or marker == _COM):
            raise Damaged("a segment is unknown")
        at = end
    if orientation != UPRIGHT:
        exif = _EXIF + only_orientation(orientation)
        is_behind_jfif = bool(segments) and segments[0][1] == _APP0
        segments.insert(int(is_behind_jfif), b"\xff\xe1" + (len(exif) + 2).to_bytes(2) + exif)
    return Kept((_SOI, *segments, bytes((0xFF, _EOI))), orientation)


def _marker(data: memoryview, at: int) -> tuple[int, int]:
    """The marker at this place, which any number of 0xFF may precede, and the place behind it."""
    if not stands(data, at, b"\xff"):
        raise Damaged("there is no marker")
    while stands(data, at, b"\xff"):
        at += 1
    if at == len(data):
        raise Damaged("the picture has no end")
    return data[at], at + 1
