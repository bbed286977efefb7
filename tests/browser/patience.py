"""Waiting for what Playwright's `expect` has no word for: on a busy machine a test takes longer, and tests the same.

Nothing here decides by what is on the screen at the moment, and nothing waits longer than it must.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import FloatRect, Locator, Page

TIMEOUT_MS = 30_000
"""Generous: machines that run tests are busy, and a success does not wait."""

STEP_MS = 50

ARE_OVER = """() => document.getAnimations().every((animation) =>
  animation.playState !== "running" || animation.effect.getComputedTiming().endTime === Infinity)"""


def wait_until(page: Page, is_so: Callable[[], bool]) -> None:
    """Wait for something outside of the page; what the page does meanwhile is heard."""
    for _ in range(TIMEOUT_MS // STEP_MS):
        if is_so():
            return
        page.wait_for_timeout(STEP_MS)
    raise AssertionError(f"not within {TIMEOUT_MS} ms")


def come_to_rest(page: Page) -> None:
    """Wait until nothing slides or fades any more."""
    page.wait_for_function(ARE_OVER)


def box_of(locator: Locator) -> FloatRect:
    """Where an element is that has come to rest, in the window."""
    come_to_rest(locator.page)
    box = locator.bounding_box()
    assert box is not None
    return box


def passes(locator: Locator, attribute: str, value: str) -> None:
    """Wait for a value that does not stay: it is looked for in each frame, not once in a second as by `expect`."""
    locator.evaluate(
        """(element, [attribute, value, timeout]) => new Promise((resolve, reject) => {
          const end = performance.now() + timeout;
          const look = () => {
            if (element.getAttribute(attribute) === value) resolve();
            else if (performance.now() > end) reject(new Error(`${attribute} never was ${value}`));
            else requestAnimationFrame(look);
          };
          look();
        })""",
        [attribute, value, TIMEOUT_MS],
    )
