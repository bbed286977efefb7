"""GIF without metadata: pictures, how long each is shown, and how often all are (GIF89a specification).

Comments, texts and what applications wrote go, and what stands behind the trailer.

Pure.
"""

from __future__ import annotations

from typing import Final

from trio_chat.media.pieces import Damaged, Kept, Piece, stands

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_CONTROL, _APPLICATION = 0xF9, 0xFF
_LOOPS: Final = b"\x0bNETSCAPE2.0\x03\x01"


def strip(data: memoryview) -> Kept:
    """What is kept of a GIF. Raises `Damaged`."""
    if bytes(data[:6]) not in (b"GIF87a", b"GIF89a") or len(data) < 13:
        raise Damaged("no GIF")
    at = 13 + _colours(data[10])
    pieces: list[Piece] = [data[:at]]
    while at + 1 < len(data) and data[at] != _TRAILER:
        if data[at] == _IMAGE and at + 10 <= len(data):
            end = _end_of_blocks(data, at + 11 + _colours(data[at + 9]))
            pieces.append(data[at:end])
        elif data[at] == _EXTENSION:
            end = _end_of_blocks(data, at + 2)
            if data[at + 1] == _CONTROL:
                pieces.append(data[at:end])
            elif data[at + 1] == _APPLICATION and stands(data, at + 2, _LOOPS):
                pieces.append(bytes(data[at : at + 18]) + b"\x00")
        else:
            raise Damaged("a block is unknown")
        at = end
    if not stands(data, at, bytes((_TRAILER,))):
        raise Damaged("the picture has no end")
    return Kept((*pieces, data[at : at + 1]))


def _colours(flags: int) -> int:
    """The size in bytes of the table of colours that such flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _end_of_blocks(data: memoryview, at: int) -> int:
    """Where a row of sub-blocks ends."""
    while at < len(data):
        if data[at] == 0:
            return at + 1
        at += 1 + data[at]
    raise Damaged("a block has no end")
