"""By night nothing on the page is white: no part, no field, no scrollbar."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from .page import Page

BLOCK = 6
"""Pixels each way: wider than any stroke of a letter, and as wide as half a scrollbar."""

BRIGHT = 215
"""The least of red, green and blue from which a block counts as white."""

LONG = [f"line {number}" for number in range(40)]


def white_blocks(page: Page) -> list[tuple[int, int]]:
    """Where the screen has a block that is white, or nearly so; the logo may."""
    page.run("document.activeElement.blur(); document.querySelector('.logo').style.visibility = 'hidden'")
    image = Image.open(io.BytesIO(page.browser.get_screenshot_as_png())).convert("RGB")
    small = image.reduce(BLOCK)
    return [
        (x * BLOCK, y * BLOCK)
        for y in range(small.height)
        for x in range(small.width)
        if min(small.getpixel((x, y))) >= BRIGHT  # type: ignore[arg-type, type-var]
    ]


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
    ada.say(*LONG)
    ada.hears(*LONG)
    assert white_blocks(ada) == []
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
        assert white_blocks(ada) == [], opener
        ada.press("Escape")
        ada.gone(shown)
    scheme = ada.run("return getComputedStyle(document.documentElement).colorScheme")
    assert "dark" in scheme
