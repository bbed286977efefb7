"""Thumbhash: a picture in some 25 bytes, shown until its preview is there. The page decodes it (core/thumbhash.js).

The mean colour and the lowest frequencies of brightness, of two differences of colours, and of transparency, if there
is any, in four bits each (evanw.github.io/thumbhash). The ratio of the sides is in it.

Pure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_SIDE: Final = 100
"""Pixels; more makes no other hash, but more work."""


def thumbhash(width: int, height: int, rgba: bytes) -> bytes:
    """The hash of a picture of at most `MAX_SIDE` pixels each way, given as four bytes a pixel, row by row."""
    assert 1 <= width <= MAX_SIDE
    assert 1 <= height <= MAX_SIDE
    assert len(rgba) == 4 * width * height
    red, green, blue, alpha = ([value / 255 for value in rgba[start::4]] for start in range(4))
    opacity = sum(alpha)
    is_transparent = opacity < width * height
    if is_transparent:  # what is behind is taken to be of the mean colour
        red, green, blue = (_over_mean(colour, alpha, opacity) for colour in (red, green, blue))
    most = 5 if is_transparent else 7
    columns, rows = (max(1, _round(most * side / max(width, height))) for side in (width, height))
    picture = _Picture(width, height)
    light = picture.frequencies(
        [(r + g + b) / 3 for r, g, b in zip(red, green, blue, strict=True)], max(3, columns), max(3, rows)
    )
    yellow = picture.frequencies([(r + g) / 2 - b for r, g, b in zip(red, green, blue, strict=True)], 3, 3)
    reddish = picture.frequencies([r - g for r, g in zip(red, green, strict=True)], 3, 3)
    channels = [light, yellow, reddish]
    is_wide = width > height
    head = (
        _round(63 * light.mean)
        | _round(31.5 + 31.5 * yellow.mean) << 6
        | _round(31.5 + 31.5 * reddish.mean) << 12
        | _round(31 * light.scale) << 18
        | is_transparent << 23
        | (rows if is_wide else columns) << 24
        | _round(63 * yellow.scale) << 27
        | _round(63 * reddish.scale) << 33
        | is_wide << 39
    ).to_bytes(5, "little")
    if is_transparent:
        opaque = picture.frequencies(alpha, 5, 5)
        head += bytes((_round(15 * opaque.mean) | _round(15 * opaque.scale) << 4,))
        channels.append(opaque)
    fours = [_round(15 * value) for channel in channels for value in channel.values]
    fours += [0] * (len(fours) % 2)
    return head + bytes(low | high << 4 for low, high in zip(fours[::2], fours[1::2], strict=True))


class _Channel(NamedTuple):
    mean: float
    scale: float
    """The largest amplitude."""
    values: list[float]
    """The amplitudes, 0 to 1: 0.5 is none."""


class _Picture:
    """Measures the frequencies of channels of one size, along x and then along y, in triangular order."""

    def __init__(self, width: int, height: int) -> None:
        self._width = width
        self._height = height

    def frequencies(self, channel: Sequence[float], columns: int, rows: int) -> _Channel:
        """How strong each is, the lower ones of each direction first."""
        width, height = self._width, self._height
        along_x, along_y = _waves(width, columns), _waves(height, rows)
        lines = [channel[start : start + width] for start in range(0, width * height, width)]
        by_column = [[_dot(line, wave) for line in lines] for wave in along_x]
        amplitudes = [
            _dot(by_column[x], along_y[y]) / (width * height)
            for y in range(rows)
            for x in range(columns)
            if x * rows < columns * (rows - y)
        ]
        mean, *rest = amplitudes
        scale = max(map(abs, rest))
        if scale < 1e-9:  # only the errors of the sums
            return _Channel(mean, 0, [0.5] * len(rest))
        return _Channel(mean, scale, [0.5 + 0.5 / scale * each for each in rest])


def _waves(length: int, count: int) -> list[list[float]]:
    return [[math.cos(math.pi / length * n * (at + 0.5)) for at in range(length)] for n in range(count)]


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


def _over_mean(colour: list[float], alpha: list[float], opacity: float) -> list[float]:
    mean = _dot(colour, alpha) / opacity if opacity else 0.0
    return [mean * (1 - a) + a * value for value, a in zip(colour, alpha, strict=True)]


def _round(value: float) -> int:
    return math.floor(value + 0.5)
