"""Fingers, by touch events as a screen makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

HELD_MS = 650
"""Longer than any hold takes, the platform's own included."""

Point = tuple[float, float]


class Finger:
    """A finger on a page, and further ones beside it."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session = page.context.new_cdp_session(page)

    def down(self, *points: Point) -> None:
        """One finger at each point."""
        self._send("touchStart", *points)

    def move(self, *points: Point) -> None:
        """All fingers to these points."""
        self._send("touchMove", *points)

    def up(self) -> None:
        """All fingers."""
        self._send("touchEnd")

    def cancel(self) -> None:
        """As when a call comes in."""
        self._send("touchCancel")

    def along(self, start: Point, end: Point, *, steps: int = 10) -> None:
        """Move one finger that is down, in steps."""
        for step in range(1, steps + 1):
            part = step / steps
            self.move((start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part))

    def drag(self, start: Point, end: Point) -> None:
        """One finger from here to there, and lift it."""
        self.down(start)
        self.along(start, end)
        self.up()

    def tap(self, *points: Point) -> None:
        """Tap at one point after the other, as fast as can be."""
        for point in points:
            self.down(point)
            self.up()

    def hold(self, point: Point) -> None:
        """Rest there, and stay."""
        self.down(point)
        self._page.wait_for_timeout(HELD_MS)

    def _send(self, kind: str, *points: Point) -> None:
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})


def middle(locator: Locator) -> Point:
    """Of an element, in the window."""
    box = locator.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
