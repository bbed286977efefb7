"""The plot: deliveries per server-CPU-second against the offered rate, as an SVG written by hand.

A server whose cost grows with clients times messages draws a level line: each delivery costs the same however
many there are. One that sends batches climbs, since a fuller batch costs hardly more than an empty one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 80, 190, 50, 60
COLOURS = ("#c1272d", "#0000a7", "#008176", "#b3700a", "#7a3fa0", "#555555", "#2e7d32", "#a0522d", "#00838f")

Point = tuple[float, float]


def _ticks(low: float, high: float) -> list[float]:
    return [10.0**n for n in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def _short(value: float) -> str:
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g}"


def svg(title: str, x_title: str, y_title: str, lines: Mapping[str, Sequence[Point]]) -> str:
    """A plot with logarithmic axes. All values must be above 0; lines without points are left out."""
    lines = {name: points for name, points in lines.items() if points}
    xs = [x for points in lines.values() for x, _ in points]
    ys = [y for points in lines.values() for _, y in points]
    x_low, x_high = min(xs), max(xs)
    y_ticks = _ticks(min(ys), max(ys))
    y_low, y_high = y_ticks[0], y_ticks[-1]

    def x_at(x: float) -> float:
        share = math.log(x / x_low) / (math.log(x_high / x_low) or 1)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y_at(y: float) -> float:
        share = math.log(y / y_low) / (math.log(y_high / y_low) or 1)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="26" font-size="16">{escape(title)}</text>',
    ]
    for y in y_ticks:
        out.append(f'<path d="M{LEFT} {y_at(y):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y_at(y) + 4:.1f}" text-anchor="end">{_short(y)}</text>')
    for x in sorted(set(xs)):
        out.append(f'<path d="M{x_at(x):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#eee"/>')
        out.append(
            f'<text x="{x_at(x):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{_short(x)}</text>'
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    out.append(f'<text x="{middle:.0f}" y="{HEIGHT - 14}" text-anchor="middle">{escape(x_title)}</text>')
    out.append(
        f'<text transform="translate(18 {(TOP + HEIGHT - BOTTOM) / 2:.0f}) rotate(-90)" text-anchor="middle">'
        f"{escape(y_title)}</text>"
    )
    label_ys = _label_places({name: y_at(points[-1][1]) for name, points in lines.items()})
    for colour, (name, points) in zip(COLOURS, lines.items(), strict=False):
        path = " ".join(f"{x_at(x):.1f},{y_at(y):.1f}" for x, y in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x_at(x):.1f}" cy="{y_at(y):.1f}" r="3" fill="{colour}"/>' for x, y in points]
        end = x_at(points[-1][0])
        label = max(end, WIDTH - RIGHT) + 8 if label_ys[name] != y_at(points[-1][1]) else end + 8
        out.append(
            f'<text x="{label:.1f}" y="{label_ys[name] + 4:.1f}" fill="{colour}">{escape(name)}</text>'
        )
    return "\n".join([*out, "</svg>", ""])


def _label_places(wanted: Mapping[str, float]) -> dict[str, float]:
    """Where the names at the ends of the lines go: as near as they can without standing on each other."""
    places: dict[str, float] = {}
    above = -math.inf
    for name, y in sorted(wanted.items(), key=lambda item: item[1]):
        places[name] = above = max(y, above + 16)
    return places
