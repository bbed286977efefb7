"""Everything can be done with the keyboard alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .page import FIELD

if TYPE_CHECKING:
    from .page import Page

MESSAGE = "#chat p.message"


def test_enter_sends_several_lines_as_one_message(ada: Page, bob: Page) -> None:
    """Also where the browser knows of no mouse, as Firefox without a window."""
    ada.click(FIELD)
    ada.type("one")
    ada.press("Shift+Enter")
    ada.type("two")
    ada.press("Enter")
    bob.hears("one\ntwo")
    ada.focus_is_on(FIELD)
    ada.type("three")
    ada.press("Enter")
    bob.hears("one\ntwo", "three")


def test_one_writes_changes_reacts_and_deletes_without_a_mouse(ada: Page, bob: Page) -> None:
    ada.focus_is_on(FIELD)
    ada.type("typed")
    ada.press("Enter")
    for person in (ada, bob):
        person.hears("typed")
    ada.press("ArrowUp")
    ada.seen(".composer-bar")
    ada.type(" again")
    ada.press("Enter")
    for person in (ada, bob):
        person.hears("typed again")
    ada.press("Shift+Tab")
    ada.focus_is_on(f"#chat, {MESSAGE}")
    ada.press("End")
    ada.focus_is_on(MESSAGE)
    ada.press("Enter")
    ada.focus_is_on("[role=menuitem]")
    ada.press("ArrowDown", "Escape")
    ada.gone("dialog")
    ada.focus_is_on(MESSAGE)
    ada.press("Enter")
    ada.focus_is_on("[role=menuitem]")
    ada.press("d")
    ada.equals("Delete", "return document.activeElement.textContent")
    ada.press("Enter")
    ada.choose("Delete for everybody", "button")
    bob.hears("This message was deleted")
    ada.press("x")
    ada.focus_is_on(FIELD)


def test_tab_leads_to_everything_and_the_settings_are_changed(ada: Page) -> None:
    ada.click(FIELD)
    for place in ("#search", "#info", "#help", "#new", "#filter", "#rail-list a", "#me"):
        for _ in range(6):
            ada.press("Tab")
            if ada.run("return document.activeElement.matches(arguments[0])", place):
                break
        ada.focus_is_on(place)
    ada.press("Enter")
    ada.focus_is_on("#name")
    ada.press("Control+a")
    ada.type("countess")
    ada.press("Enter")
    ada.equals("countess", "return document.querySelector('.me-name').textContent")
    ada.focus_is_on(FIELD)


def test_a_room_is_found_with_control_k(ada: Page) -> None:
    ada.click(FIELD)
    ada.press("Control+k")
    ada.focus_is_on("#filter")
    ada.type("lob")
    ada.press("Enter")
    ada.focus_is_on(FIELD)
    ada.press("Control+k")
    ada.focus_is_on("#filter")
    ada.press("Escape")
    ada.focus_is_on(FIELD)
