"""Menus, cards and pickers stand within what is seen of the page, in every corner of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .patience import wait_until
from .viewports import DESKTOP, PHONE, SMALL_PHONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from .conftest import Person

pytestmark = pytest.mark.browser

ZOOMED = DESKTOP | {"viewport": {"width": 700, "height": 400}, "device_scale_factor": 2}
IS_WITHIN = """(element) => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
}"""


def is_within(page: Page, selector: str) -> None:
    """Wait until the element is there, and all of it is on the screen."""
    element = page.locator(selector)
    expect(element).to_be_visible()
    page.evaluate("() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))")
    wait_until(page, lambda: element.evaluate(IS_WITHIN))


def close(page: Page, selector: str) -> None:
    """Close it by Escape."""
    page.keyboard.press("Escape")
    expect(page.locator(selector)).to_have_count(0)


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
@pytest.mark.parametrize("screen", [DESKTOP, ZOOMED], ids=["desktop", "zoomed"])
def test_a_menu_stands_on_the_screen_in_every_corner(
    open_person: Callable[..., Person], screen: dict[str, object], direction: str
) -> None:
    person = open_person(**screen)
    page = person.page
    page.evaluate("(direction) => (document.documentElement.dir = direction)", direction)
    person.say("first", *(f"message {number}" for number in range(12)), "last " * 12)
    bubbles = page.locator("#chat p .bubble")
    expect(bubbles).to_have_count(14)
    for bubble in (bubbles.first, bubbles.last):
        bubble.scroll_into_view_if_needed()
        box = bubble.bounding_box()
        assert box is not None
        right, bottom = box["width"] - 9, box["height"] - 9
        for x, y in [(9, 9), (right, 9), (9, bottom), (right, bottom)]:
            bubble.click(button="right", position={"x": x, "y": y})
            is_within(page, ".menu-sheet")
            close(page, ".menu-sheet")
        bubble.click(button="right")
        page.locator(".quick > .icon-button").click()
        is_within(page, ".emoji-sheet")
        close(page, ".emoji-sheet")
    page.click("#new")
    is_within(page, ".menu-sheet")


def test_a_menu_that_grows_or_loses_room_moves(open_person: Callable[..., Person]) -> None:
    person = open_person(**DESKTOP)
    page = person.page
    person.say("hello")
    bubble = page.locator("#chat p .bubble")
    bubble.click(button="right")
    is_within(page, ".menu-sheet")
    page.locator(".quick").evaluate(
        "(row) => row.append(...Array.from({length: 4}, () => row.lastChild.cloneNode(true)))"
    )
    page.locator(".menu").evaluate("(menu) => menu.append(menu.lastChild.cloneNode(true))")
    is_within(page, ".menu-sheet")
    page.set_viewport_size({"width": 800, "height": 500})
    is_within(page, ".menu-sheet")
    page.set_viewport_size({"width": 390, "height": 844})  # now it is a sheet from below
    is_within(page, ".menu-sheet")
    box = page.locator(".menu-sheet").bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, 390)


def test_the_emoji_stay_open_for_the_next_one(open_person: Callable[..., Person]) -> None:
    ada = open_person(name="Ada", reduced_motion="no-preference")
    page = ada.page
    page.fill("#msg", "well done")
    page.click(".emoji-button")
    for _ in range(3):
        page.locator(".emoji-grid > button").nth(5).click()
    emoji = page.locator(".emoji-grid > button").nth(5).text_content() or ""
    expect(page.locator("#msg")).to_have_value("well done" + emoji * 3)
    page.get_by_role("searchbox", name="Search emoji").fill("party popper")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator("#msg")).to_have_value("well done" + emoji * 3 + "🎉🎉")
    is_within(page, ".emoji-sheet")
    page.mouse.click(300, 300)  # beside it
    expect(page.locator(".emoji-sheet")).to_have_count(0)
    page.press("#msg", "Enter")
    ada.hears("well done" + emoji * 3 + "🎉🎉")


OPEN_KEYBOARD = """(height) => {
  const box = { configurable: true, get: () => innerHeight - height };
  Object.defineProperty(visualViewport, "height", box);
  visualViewport.dispatchEvent(new Event("resize"));
}"""
"""What Safari does: the page keeps its size, only the visual viewport knows of the keyboard. None of ours has one."""

IS_SEEN = """(element) => {
  const { top, bottom } = element.getBoundingClientRect();
  return top >= 0 && bottom <= visualViewport.height;
}"""


def keyboard_over(page: Page) -> None:
    """The on-screen keyboard comes and lies over the page."""
    page.evaluate(OPEN_KEYBOARD, 330)


def keyboard_below(page: Page) -> None:
    """The on-screen keyboard comes, and the page becomes smaller by it."""
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({"width": size["width"], "height": size["height"] - 330})


@pytest.mark.parametrize("keyboard", [keyboard_over, keyboard_below])
@pytest.mark.parametrize(
    "screen", [PHONE, PHONE | {"viewport": {"width": 820, "height": 1180}}], ids=["phone", "tablet"]
)
def test_what_is_open_stays_above_the_keyboard(
    open_person: Callable[..., Person], screen: dict[str, object], keyboard: Callable[[Page], None]
) -> None:
    person = open_person(name="Kim", **screen)
    page = person.page
    person.say(*(f"message {number}" for number in range(12)))
    person.hears(*(f"message {number}" for number in range(12)))

    def seen(selector: str) -> None:
        element = page.locator(selector).first
        expect(element).to_be_visible()
        page.wait_for_function(f"({IS_SEEN})(document.querySelector({selector!r}))")

    page.click(".emoji-button")
    field = page.get_by_role("searchbox", name="Search emoji")
    field.tap()
    keyboard(page)
    seen(".emoji-sheet")
    field.fill("party")
    seen(".emoji-grid > button")
    close(page, "dialog")
    seen("#msg")
    page.locator("#chat p .bubble").last.click(button="right")
    seen(".menu-sheet")
    page.get_by_role("menuitem", name="Forward").click()
    seen("dialog")
    seen("dialog input[type=search]")
    close(page, "dialog")
    page.fill("#msg", "/m")
    seen(".completion")
    page.fill("#msg", "")
    seen("#send")


def test_on_phones_a_list_does_not_bring_the_keyboard_up(open_person: Callable[..., Person]) -> None:
    page = open_person(**SMALL_PHONE).page
    page.tap(".emoji-button")
    expect(page.locator(".emoji-grid > button").first).to_be_visible()
    assert page.evaluate("document.activeElement.tagName") != "INPUT"
    page.locator(".emoji-grid > button").first.tap()
    expect(page.locator(".emoji-sheet")).to_have_count(0)
    page.tap("#back")
    page.get_by_role("button", name="Browse public rooms").tap()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.evaluate("document.activeElement.tagName") != "INPUT"
