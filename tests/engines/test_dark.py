"""By night nothing on the page is white: no part, no field, no scrollbar."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageChops

if TYPE_CHECKING:
    from collections.abc import Callable

    from .page import Page

THICK, LONG = 6, 36
"""Pixels of what counts as a part: wider than the strokes of letters, longer than a switch's knob is wide."""

BRIGHT = 215
"""The least of red, green and blue of what counts as white."""

LINES = [f"line {number}" for number in range(40)]


def white_parts(page: Page) -> list[tuple[int, int]]:
    """Where on the screen something white, or nearly so, begins; the logo may be."""
    page.run("document.activeElement.blur(); document.querySelector('.logo').style.visibility = 'hidden'")
    image = Image.open(io.BytesIO(page.browser.get_screenshot_as_png())).convert("RGB")
    darkest = ImageChops.darker(ImageChops.darker(*image.split()[:2]), image.split()[2])
    found = []
    for width, height in [(THICK, LONG), (LONG, THICK)]:
        small = darkest.reduce((width, height))
        for index, light in enumerate(small.tobytes()):
            y, x = divmod(index, small.width)
            if light >= BRIGHT:
                found.append((x * width, y * height))
    return found


@pytest.fixture(params=["system", "chosen"])
def at_night(request: pytest.FixtureRequest, open_page: Callable[..., Page]) -> Page:
    """A person with a dark page: as the system says, or by the settings in a light one."""
    ada = open_page("Ada", is_dark=request.param == "system")
    if request.param == "chosen":
        ada.run("localStorage.setItem('trio-chat.theme', 'dark')")
        ada.reload()
    return ada


def test_nothing_is_white_in_the_dark(at_night: Page) -> None:
    ada = at_night
    ada.say(*LINES)
    ada.hears(*LINES)
    assert white_parts(ada) == []
    for opener, shown in [
        ("#me", "dialog"),
        ("#help", "dialog"),
        ("#info", "#side"),
        (".emoji-button", "dialog"),
    ]:
        ada.click(opener)
        ada.seen(shown)
        ada.wait(
            "nothing moves",
            lambda: ada.run("return document.getAnimations().every((one) => one.playState !== 'running')"),
        )
        assert white_parts(ada) == [], opener
        ada.press("Escape")
        ada.gone(shown)
    scheme = ada.run("return getComputedStyle(document.documentElement).colorScheme")
    assert "dark" in scheme
