"""What is kept of a file when its metadata is taken out, as pieces: views of the file, and the little that is new.

Nothing is copied until it is written, so a large file costs no memory.

Pure.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

Piece: TypeAlias = "memoryview | bytes"


class Damaged(ValueError):
    """A file is not what its first bytes say: nothing can be taken out of it, and it must not be shown."""


@attrs.frozen
class Kept:
    """What is kept of a file."""

    pieces: tuple[Piece, ...]
    orientation: int = 1
    """How the picture is turned, as in EXIF: 1 (upright) to 8. The pieces say so as well."""

    def is_all_of(self, data: memoryview) -> bool:
        """Whether that is the file as it is."""
        if sum(map(len, self.pieces)) != len(data):
            return False
        at = 0
        for piece in self.pieces:
            if piece != data[at : at + len(piece)]:
                return False
            at += len(piece)
        return True


def stands(data: memoryview, at: int, expected: bytes) -> bool:
    """Whether these bytes stand at that place."""
    return bytes(data[at : at + len(expected)]) == expected


def overwritten(data: memoryview, patches: list[tuple[int, bytes]]) -> tuple[Piece, ...]:
    """A file of the same length with other bytes at some places, which must not overlap."""
    pieces: list[Piece] = []
    at = 0
    for start, new in sorted(patches):
        pieces += [data[at:start], new]
        at = start + len(new)
    return (*pieces, data[at:])
