"""Fingers, by touch events as a screen makes them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

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
        """Tap at one point after the other, a tenth of a second apart, by the time that the events tell."""
        began = time.time()
        for number, point in enumerate(points):
            self._send("touchStart", point, at=began + number / 10)
            self._send("touchEnd", at=began + number / 10 + 0.03)

    def hold(self, point: Point) -> None:
        """Rest there, and stay."""
        self.down(point)
        self._page.wait_for_timeout(HELD_MS)

    def _send(self, kind: str, *points: Point, at: float | None = None) -> None:
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        event: dict[str, Any] = {"type": kind, "touchPoints": touches}
        self._session.send("Input.dispatchTouchEvent", event if at is None else event | {"timestamp": at})


def middle(locator: Locator) -> Point:
    """Of an element, in the window."""
    box = locator.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
