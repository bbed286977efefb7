"""The field in which one writes: it grows with the text, and stays `#msg` for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .patience import box_of, wait_until
from .viewports import DESKTOP, SMALL_PHONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from .conftest import Person

pytestmark = pytest.mark.browser

LONG = "It goes on and on, and nobody wants to read it through a keyhole. " * 3
LINES = "\n".join(f"line {number}" for number in range(1, 21))


HAS_LINES = """([least, most]) => {
    const field = document.querySelector("#editor") ?? document.querySelector("#msg");
    const { lineHeight, paddingTop, paddingBottom } = getComputedStyle(field);
    const height = field.clientHeight - parseFloat(paddingTop) - parseFloat(paddingBottom);
    const lines = height / parseFloat(lineHeight);
    return least < lines && lines < most;
}"""


def has_lines(page: Page, least: float, most: float) -> None:
    """Wait until the field is higher than so many lines of its text, and less high than so many: it takes its height
    when it is drawn."""
    page.wait_for_function(HAS_LINES, arg=[least, most])


def keeps(page: Page, draft: str) -> None:
    """Wait until this draft is kept."""
    page.wait_for_function("(draft) => localStorage.getItem('trio-chat.draft.lobby') === draft", arg=draft)


def test_the_field_grows_to_six_lines_and_is_one_line_again_once_it_is_sent(ada: Person, bob: Person) -> None:
    page = ada.page
    page.locator("#msg").press_sequentially("short")
    expect(page.locator("#msg")).to_be_focused()
    box = box_of(page.locator("#msg"))
    page.keyboard.type(" and " + LONG.strip())
    expect(page.locator("#editor")).to_be_focused()
    text = "short and " + LONG.strip()
    expect(page.locator("#editor")).to_have_value(text)
    has_lines(page, 1.5, 5)
    page.keyboard.press("Enter")
    bob.hears(text)
    expect(page.locator("#editor")).to_have_count(0)
    expect(page.locator("#msg")).to_be_focused()
    expect(page.locator("#msg")).to_have_value("")
    wait_until(page, lambda: page.locator("#msg").bounding_box() == box)
    for _ in range(20):
        page.keyboard.press("Shift+Enter")
    has_lines(page, 5.9, 6.5)
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    # The caret is in view, on the last line.
    assert page.locator("#editor").evaluate(
        "(field) => field.scrollTop + field.clientHeight > field.scrollHeight - 16"
    )


def test_both_fields_look_the_same_while_there_is_one_line(ada: Person) -> None:
    page = ada.page
    page.fill("#msg", "one line")
    line = box_of(page.locator("#msg"))
    page.focus("#msg")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Backspace")
    expect(page.locator("#editor")).to_have_value("one line")
    has_lines(page, 0.9, 1.1)
    assert box_of(page.locator("#editor")) == pytest.approx(line, abs=0.6)


def test_what_a_program_writes_is_sent_whatever_the_field_is(ada: Person, bob: Person) -> None:
    page = ada.page
    page.locator("#msg").press_sequentially("a")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("b")
    expect(page.locator("#msg")).to_have_value("a b")  # a program sees it, as far as it can
    page.evaluate("""() => {
        const input = document.getElementById("msg");
        input.value = "by a program";
        document.querySelector("button").click();
    }""")
    bob.hears("by a program")
    expect(page.locator("#msg")).to_have_value("")
    page.fill("#msg", LONG)
    expect(page.locator("#editor")).to_have_value(LONG)
    page.fill("#msg", "shorter")
    expect(page.locator("#editor")).to_have_value("shorter")
    page.press("#msg", "Enter")
    bob.hears("by a program", "shorter")


def test_there_is_one_field_for_whoever_reads_or_tabs(ada: Person) -> None:
    page = ada.page
    page.fill("#msg", LONG)
    expect(page.get_by_role("textbox", name="Message")).to_have_count(1)
    page.focus("#editor")
    page.keyboard.press("Tab")
    expect(page.locator("#send")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#editor")).to_be_focused()


def test_writing_can_be_undone_across_the_two_fields(ada: Person) -> None:
    page = ada.page
    page.locator("#msg").press_sequentially("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    page.keyboard.press("Control+z")
    expect(page.locator("#editor")).not_to_have_value("one\ntwo")
    page.keyboard.press("Control+Shift+z")
    expect(page.locator("#editor")).to_have_value("one\ntwo")


def test_a_draft_of_many_lines_comes_back_with_its_lines(ada: Person) -> None:
    page = ada.page
    page.focus("#msg")
    page.keyboard.press("Shift+Enter")
    page.locator("#editor").fill(LINES)
    keeps(page, LINES)
    ada.open()
    expect(page.locator("#editor")).to_have_value(LINES)
    has_lines(page, 5.9, 6.5)
    page.locator("#editor").fill("")
    page.keyboard.type("and short again")
    keeps(page, "and short again")
    ada.open()
    expect(page.locator("#editor")).to_have_count(0)
    expect(page.locator("#msg")).to_have_value("and short again")


def test_under_a_finger_enter_begins_a_line_and_the_button_sends(
    open_person: Callable[..., Person], ada: Person
) -> None:
    phone = open_person(name="Phone", **SMALL_PHONE)
    page = phone.page
    page.tap("#msg")
    expect(page.locator("#editor")).to_be_focused()
    expect(page.locator("#editor")).to_have_attribute("enterkeyhint", "enter")
    page.keyboard.type("first")
    page.keyboard.press("Enter")
    page.keyboard.type("second")
    page.tap("#send")
    ada.hears("first\nsecond")
    expect(page.locator("#editor")).to_be_focused()  # the keyboard stays
    expect(page.locator("#editor")).to_have_value("")
    has_lines(page, 0.9, 1.1)
    # A keyboard that has keys which no screen has is a real one, whose Enter sends.
    page.keyboard.type("Third")
    page.keyboard.press("Shift")
    page.keyboard.press("Enter")
    ada.hears("first\nsecond", "Third")


def test_where_there_is_no_mouse_enter_sends(open_person: Callable[..., Person], ada: Person) -> None:
    tablet = open_person(
        name="Tablet", **SMALL_PHONE | {"viewport": {"width": 820, "height": 1180}}
    )  # (pointer: fine) is false, and nobody has touched it
    page = tablet.page
    page.focus("#msg")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("typed")
    page.keyboard.press("Enter")
    ada.hears("typed")


def test_an_input_method_is_not_disturbed(ada: Person) -> None:
    page = ada.page
    page.focus("#msg")
    session = page.context.new_cdp_session(page)
    composed = "にほんご" * 60
    session.send(
        "Input.imeSetComposition", {"text": composed, "selectionStart": 0, "selectionEnd": len(composed)}
    )
    expect(page.locator("#msg")).to_be_focused()
    expect(page.locator("#editor")).to_have_count(0)
    session.send("Input.insertText", {"text": composed})
    expect(page.locator("#editor")).to_be_focused()
    expect(page.locator("#editor")).to_have_value(composed)


def test_a_narrower_window_makes_the_field_higher(open_person: Callable[..., Person]) -> None:
    person = open_person(**DESKTOP)
    person.page.fill("#msg", "Some words that fit into one line here.")
    expect(person.page.locator("#editor")).to_have_count(0)
    person.page.set_viewport_size({"width": 360, "height": 740})
    expect(person.page.locator("#editor")).to_have_value("Some words that fit into one line here.")
