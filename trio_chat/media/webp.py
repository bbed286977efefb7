"""WebP without metadata: the chunks that make the picture, its animation and its colours (RFC 9649).

How it is turned stays in its EXIF. (Chromium does not look there; its previews are upright in any case.)

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trio_chat.media.exif import UPRIGHT, only_orientation, read_orientation
from trio_chat.media.pieces import Damaged, Kept, Piece, stands

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PICTURES: Final = frozenset((b"VP8 ", b"VP8L"))
_KEPT: Final = _PICTURES | {b"ICCP", b"ANIM", b"ALPH"}
_IN_FRAME: Final = _PICTURES | {b"ALPH"}
_EXIF_FLAG: Final = 0x08
_XMP_FLAG: Final = 0x04


def strip(data: memoryview) -> Kept:
    """What is kept of a WebP. Raises `Damaged`."""
    if not stands(data, 0, b"RIFF") or not stands(data, 8, b"WEBP"):
        raise Damaged("no WebP")
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise Damaged("the file has no end")
    chunks = list(_chunks(data[12:end]))
    if not chunks:
        raise Damaged("there is no picture")
    if chunks[0][0] in _PICTURES:  # the simple form has one chunk, and nothing says how it is turned
        return Kept(_riff(_written(*chunks[0])))
    if chunks[0][0] != b"VP8X" or len(chunks[0][1]) != 10:
        raise Damaged("the first chunk is unknown")
    orientation = next((read_orientation(_tiff(body)) for kind, body in chunks if kind == b"EXIF"), UPRIGHT)
    is_turned = orientation != UPRIGHT
    flags = chunks[0][1][0] & ~(_EXIF_FLAG | _XMP_FLAG) | (_EXIF_FLAG if is_turned else 0)
    kept = _written(b"VP8X", bytes((flags,)) + bytes(chunks[0][1][1:]))
    for kind, body in chunks[1:]:
        if kind in _KEPT:
            kept += _written(kind, body)
        elif kind == b"ANMF":
            inside = [
                piece for each in _chunks(body[16:]) if each[0] in _IN_FRAME for piece in _written(*each)
            ]
            kept += _written(kind, body[:16], *inside)
    if is_turned:
        kept += _written(b"EXIF", only_orientation(orientation))
    return Kept(_riff(kept), orientation)


def _tiff(exif: memoryview) -> bytes:
    """What is in the chunk; some programs write it as in a JPEG."""
    return bytes(exif).removeprefix(b"Exif\x00\x00")


def _chunks(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    at = 0
    while at < len(data):
        start, size = at + 8, int.from_bytes(data[at + 4 : at + 8], "little")
        if start + size > len(data):
            raise Damaged("a chunk has no end")
        yield bytes(data[at : at + 4]), data[start : start + size]
        at = start + size + size % 2


def _written(kind: bytes, *pieces: Piece) -> list[Piece]:
    size = sum(map(len, pieces))
    return [kind + size.to_bytes(4, "little"), *pieces, bytes(size % 2)]


def _riff(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    pieces = tuple(pieces)
    return (b"RIFF" + (4 + sum(map(len, pieces))).to_bytes(4, "little") + b"WEBP", *pieces)
