"""The keyboard: the log is one stop, places are gone through, the focus comes back, input methods keep their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.conftest import Person

pytestmark = pytest.mark.browser

CODE = "see https://example.com/a and https://example.com/b\n```\n" + "x = 1; " * 60 + "\n```"

IS_IN_LOG = "() => document.getElementById('chat').contains(document.activeElement)"


def say_with_links(ada: Person, bob: Person) -> None:
    """Ada writes messages with links, code and a reaction, which Bob has in view."""
    for text in ("first https://example.com/1", CODE, "last https://example.com/2 https://example.com/3"):
        ada.page.locator("#msg").focus()
        for number, line in enumerate(text.split("\n")):
            if number > 0:
                ada.page.keyboard.press("Shift+Enter")
            ada.page.keyboard.insert_text(line)
        ada.page.keyboard.press("Enter")
    expect(bob.page.locator("#chat p")).to_have_count(3)
    bob.page.locator("#chat p .text").last.click(button="right")
    bob.page.get_by_role("button", name="React with 👍").click()
    expect(bob.page.locator("#chat p .reaction")).to_have_count(1)


def test_the_log_is_one_stop_for_tab_whatever_stands_in_it(ada: Person, bob: Person) -> None:
    say_with_links(ada, bob)
    page = bob.page
    page.locator("#msg").focus()
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#chat")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    assert not page.evaluate(IS_IN_LOG)
    page.keyboard.press("Tab")
    expect(page.locator("#chat")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#chat p").last).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#msg")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+Tab")
    assert not page.evaluate(IS_IN_LOG)


def test_arrows_reach_what_can_be_pressed_in_a_message_and_go_on_from_there(ada: Person, bob: Person) -> None:
    say_with_links(ada, bob)
    page = bob.page
    message = page.locator("#chat p")
    page.locator("#chat").focus()
    page.keyboard.press("ArrowUp")
    for stop in (
        message.last.locator("a").first,
        message.last.locator("a").last,
        message.last.locator(".reaction"),
    ):
        page.keyboard.press("ArrowRight")
        expect(stop).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(message.last.locator(".reaction")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(message.last.locator("a").last).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(message.nth(1)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    code = message.nth(1).locator("code")
    expect(code).to_be_focused()
    page.keyboard.press("ArrowRight")  # first to its end, which is out of sight
    expect(code).to_be_focused()
    page.wait_for_function("() => document.activeElement.scrollLeft > 0")
    page.keyboard.press("Escape")
    expect(message.nth(1)).to_be_focused()
    page.keyboard.press("Home")
    expect(message.first).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.type("x")
    expect(page.locator("#msg")).to_be_focused()
    expect(page.locator("#msg")).to_have_value("x")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowDown")  # to where one was
    expect(message.first).to_be_focused()


def test_f6_goes_through_list_log_field_and_panel(ada: Person) -> None:
    page = ada.page
    page.locator("#msg").focus()
    for place in ("#filter", "#chat", "#msg", "#filter"):
        page.keyboard.press("F6")
        expect(page.locator(place)).to_be_focused()
    for place in ("#msg", "#chat", "#filter"):
        page.keyboard.press("Shift+F6")
        expect(page.locator(place)).to_be_focused()
    page.click("#info")
    expect(page.locator("#side")).to_be_visible()  # it is fetched
    page.locator("#msg").focus()
    page.keyboard.press("F6")
    expect(page.locator("#side :focus")).to_have_count(1)
    page.keyboard.press("Shift+F6")
    expect(page.locator("#msg")).to_be_focused()
    page.click("#help")
    page.keyboard.press("F6")
    expect(page.locator("dialog :focus")).to_have_count(1)


def test_control_slash_shows_the_keys_while_one_writes(ada: Person) -> None:
    page = ada.page
    page.locator("#msg").focus()
    page.keyboard.type("what?")
    page.keyboard.press("Control+/")
    expect(page.get_by_role("dialog", name="What you can do here")).to_contain_text("F6")
    page.keyboard.press("Escape")
    expect(page.locator("#msg")).to_be_focused()
    expect(page.locator("#msg")).to_have_value("what?")


def test_the_focus_comes_back_whatever_was_closed(open_person: Callable[..., Person]) -> None:
    ada = open_person(name="Ada", reduced_motion="no-preference")
    page = ada.page
    ada.say("one")
    ada.hears("one")
    page.keyboard.press("Control+k")
    page.keyboard.type("lob")
    page.keyboard.press("Enter")  # the room that is open
    expect(page.locator("#msg")).to_be_focused()
    expect(page.locator("#filter")).to_have_value("")
    page.keyboard.press("Control+k")
    page.keyboard.type("x")
    page.keyboard.press("Escape")
    expect(page.locator("#filter")).to_have_value("")
    page.keyboard.press("Escape")
    expect(page.locator("#msg")).to_be_focused()
    for opener in ("#info", "#me", "#new", "#help", "#search"):
        page.locator(opener).focus()
        page.keyboard.press("Enter")
        expect(page.locator("dialog[open], #side:not([hidden])")).to_have_count(1)
        page.wait_for_function("(opener) => !document.activeElement.matches(opener)", arg=opener)
        page.keyboard.press("Escape")
        expect(page.locator("dialog[open], #side:not([hidden])")).to_have_count(0)
        expect(page.locator(opener)).to_be_focused()
    # What opened it is gone: writing goes on.
    page.locator("#info").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#side")).to_be_visible()
    page.evaluate("() => document.getElementById('info').remove()")
    page.keyboard.press("Escape")
    expect(page.locator("#msg")).to_be_focused()


def compose(page: Page, text: str) -> None:
    """Write with an input method, and press Enter, arrows and Escape in it: they choose and end the composition."""
    session = page.context.new_cdp_session(page)
    session.send(
        "Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)}
    )
    for key in ("ArrowDown", "Enter", "Escape"):
        session.send(
            "Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": key, "windowsVirtualKeyCode": 229}
        )
    session.send("Input.insertText", {"text": text})
    # In Safari the composition has ended when its Enter comes.
    page.evaluate("""() => document.activeElement.dispatchEvent(
        new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true, cancelable: true }))""")


def test_the_keys_of_an_input_method_do_nothing_else_in_any_field(ada: Person, bob: Person) -> None:
    bob.say("こんにちは")
    ada.hears("こんにちは")
    page = ada.page
    dialogs = page.locator("dialog[open]")

    def composes(field: str, text: str) -> None:
        expect(page.locator(field)).to_be_focused()
        compose(page, text)
        expect(page.locator(field)).to_be_focused()
        expect(page.locator(field)).to_have_value(text)

    page.locator("#msg").focus()
    composes("#msg", "かんじ")
    expect(page.locator("#chat p")).to_have_count(1)
    page.locator("#msg").fill("")
    page.keyboard.press("Control+k")
    composes("#filter", "lob")
    expect(page.locator("#rail-list li")).to_have_count(1)
    page.keyboard.press("Escape")
    page.click("#search")
    composes("#side input[type=search]", "こん")
    page.keyboard.press("Escape")
    page.locator("#chat p .text").first.click(button="right")
    page.get_by_role("menuitem", name="Forward").click()
    composes("dialog input", "lob")
    expect(dialogs).to_have_count(1)
    page.keyboard.press("Escape")
    page.click("#new")
    page.get_by_role("menuitem", name="Write to one person").click()
    composes("dialog input", "bo")
    expect(dialogs).to_have_count(1)
    page.keyboard.press("Escape")
    page.locator("#msg").focus()
    page.click(".emoji-button")
    composes("dialog input[type=search]", "heart")
    expect(dialogs).to_have_count(1)
    page.keyboard.press("Escape")
    page.click("#me")
    expect(page.locator("#name")).to_be_focused()
    page.locator("#name").fill("")
    composes("#name", "あだ")
    expect(dialogs).to_have_count(1)
    expect(page.locator(".me-name")).to_have_text("Ada")
