"""AVIF without metadata: its items of EXIF and XMP are overwritten where they stand (ISO/IEC 23008-12, MIAF).

How it is turned is a property of the picture there, not of its EXIF.

Pure.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from trio_chat.media.boxes import Box, boxes, inside
from trio_chat.media.pieces import Damaged, Kept, overwritten, stands

if TYPE_CHECKING:
    from collections.abc import Iterator

_METADATA: Final = frozenset((b"Exif", b"mime"))
_EMPTY_EXIF: Final = bytes(4) + b"II*\x00\x08\x00\x00\x00" + bytes(6)
"""With nothing in it, for those who read it."""


def strip(data: memoryview) -> Kept:
    """What is kept of an AVIF: all but its items of metadata. Raises `Damaged`."""
    meta = next((box for box in boxes(data) if box.kind == b"meta"), None)
    if meta is None:
        raise Damaged("there is no picture")
    content = meta._replace(body=meta.body + 4)
    kinds = dict(_item_kinds(data, content))
    patches: dict[int, bytes] = {}
    for item, start, size in _extents(data, content):
        if kinds.get(item) in _METADATA:
            if not 0 <= start <= start + size <= len(data):
                raise Damaged("an item has no end")
            patches[start] = (
                _EMPTY_EXIF.ljust(size, b"\x00")[:size] if kinds[item] == b"Exif" else bytes(size)
            )
    places = sorted((start, start + len(new)) for start, new in patches.items())
    if any(end > following for (_, end), (following, _) in pairwise(places)):
        raise Damaged("items overlap")
    return Kept(overwritten(data, list(patches.items())))


def _item_kinds(data: memoryview, meta: Box) -> Iterator[tuple[int, bytes]]:
    """The number and the kind of each item."""
    for iinf in inside(data, meta, b"iinf"):
        start = iinf.body + (6 if stands(data, iinf.body, b"\x00") else 8)
        for infe in boxes(data, start, iinf.end):
            wide = 4 if stands(data, infe.body, b"\x03") else 2
            at = infe.body + 4
            yield int.from_bytes(data[at : at + wide]), bytes(data[at + wide + 2 : at + wide + 6])


def _extents(data: memoryview, meta: Box) -> Iterator[tuple[int, int, int]]:
    """The number of an item, and where in the file a part of it begins and how long it is."""
    idat = next(inside(data, meta, b"idat"), None)
    for iloc in inside(data, meta, b"iloc"):
        read = _Reader(data[iloc.body : iloc.end])
        version = read.number(1)
        read.number(3)
        sizes = read.number(2)
        offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
        index_size = sizes & 15 if version in (1, 2) else 0
        wide = 4 if version == 2 else 2
        for _ in range(read.number(wide)):
            item = read.number(wide)
            method = read.number(2) & 15 if version in (1, 2) else 0
            read.number(2)
            base = read.number(base_size)
            for _ in range(read.number(2)):
                read.number(index_size)
                start, size = base + read.number(offset_size), read.number(length_size)
                if method == 0:
                    yield item, start, size
                elif method == 1 and idat is not None:
                    yield item, idat.body + start, size


class _Reader:
    """Reads numbers, one after the other. Raises `Damaged` at the end."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def number(self, size: int) -> int:
        end = self._at + size
        if end > len(self._data):
            raise Damaged("a table has no end")
        value = int.from_bytes(self._data[self._at : end])
        self._at = end
        return value
