"""Boxes: what MP4, QuickTime, AVIF and HEIC consist of (ISO/IEC 14496-12, ISO base media file format).

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trio_chat.media.pieces import stands

if TYPE_CHECKING:
    from collections.abc import Iterator


class Box(NamedTuple):
    """A box of a file: its kind, and where its head, its body and its end are."""

    kind: bytes
    head: int
    body: int
    end: int


def boxes(data: memoryview, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes in a part of a file, one after the other. It ends where there is no box; one that is cut is told."""
    end = len(data) if end is None else end
    at = start
    while at + 8 <= end:
        size, kind, body = int.from_bytes(data[at : at + 4]), bytes(data[at + 4 : at + 8]), at + 8
        if size == 1:
            size, body = int.from_bytes(data[at + 8 : at + 16]), at + 16
        elif size == 0:
            size = end - at
        if size < body - at:
            return
        yield Box(kind, at, min(body, end), min(at + size, end))
        at += size


def inside(data: memoryview, outer: Box, *path: bytes) -> Iterator[Box]:
    """The boxes that are in a box by this path of kinds."""
    for box in boxes(data, outer.body, outer.end):
        if box.kind == path[0]:
            if len(path) == 1:
                yield box
            else:
                yield from inside(data, box, *path[1:])


def meta_start(data: memoryview, meta: Box) -> int:
    """Where the boxes in a ``meta`` begin: behind a version, or at once, as QuickTime writes it."""
    return meta.body if stands(data, meta.body + 4, b"hdlr") else meta.body + 4


def handler(data: memoryview, hdlr: Box) -> bytes:
    """What an ``hdlr`` says: ``vide``, ``soun``, ``mdta``, …"""
    return bytes(data[hdlr.body + 8 : hdlr.body + 12])
