"""MP4 and QuickTime without what phones write about a recording: where it was made, and by what.

A box of metadata is made a box of free space of the same size, so nothing moves, and the places that others point to
stay right. Titles, artists and covers of music stay; so do the times of recording, and tracks of measurements, as
action cameras have them.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trio_chat.media.boxes import Box, boxes, handler, inside, meta_start
from trio_chat.media.pieces import Kept, overwritten, stands

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEPT: Final = frozenset(
    b"name titl perf albm cprt chpl hnti hinf tsel kind ludt strk"
    b" \xa9nam \xa9ART \xa9alb \xa9gen \xa9wrt \xa9trk".split(b" ")
)
"""What stays of user data: of music, chapters, streaming, loudness."""

_XMP: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_PLACE: Final = b"\xa9xyz"


def strip(data: memoryview) -> Kept:
    """What is kept of it: all but boxes of metadata. What cannot be read is kept as it is."""
    patches = [
        (box.head + 4, b"free" + bytes(box.end - box.head - 8))
        for box in _metadata(data)
        if box.end >= box.head + 8
    ]
    return Kept(overwritten(data, patches))


def _metadata(data: memoryview) -> Iterator[Box]:
    for box in boxes(data):
        if box.kind == b"moov":
            yield from _of_movie(data, box)
        elif box.kind == b"uuid" and stands(data, box.body, _XMP):
            yield box


def _of_movie(data: memoryview, outer: Box) -> Iterator[Box]:
    """The metadata in ``moov`` or ``trak``."""
    for box in boxes(data, outer.body, outer.end):
        match box.kind:
            case b"udta":
                for each in boxes(data, box.body, box.end):
                    if each.kind == b"meta":
                        yield from _of_meta(data, each)
                    elif each.kind not in _KEPT:
                        yield each
            case b"meta":
                yield from _of_meta(data, box)
            case b"uuid":
                yield box
            case b"trak" if outer.kind == b"moov":
                yield from _of_movie(data, box)


def _of_meta(data: memoryview, meta: Box) -> Iterator[Box]:
    """All of it, if it is not that of music, where only the place goes."""
    content = Box(b"meta", meta.head, meta_start(data, meta), meta.end)
    if any(handler(data, hdlr) == b"mdir" for hdlr in inside(data, content, b"hdlr")):
        yield from inside(data, content, b"ilst", _PLACE)
    else:
        yield meta
