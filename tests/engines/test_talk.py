"""People talk: what one writes, all see, once and in one order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .page import Page


def test_three_people_see_the_same_messages_in_the_same_order(
    ada: Page, bob: Page, open_page: Callable[..., Page]
) -> None:
    people = [ada, bob, open_page("Cleo")]
    written = [f"{name} {number}" for number in range(3) for name in ("ada", "bob", "cleo")]
    for number in range(3):
        for name, person in zip(("ada", "bob", "cleo"), people, strict=True):
            person.say(f"{name} {number}")
    ada.wait("all are there", lambda: len(ada.texts()) == len(written))
    order = ada.texts()
    for person in people:
        person.hears(*order)
    assert sorted(order) == sorted(written)
    for name in ("ada", "bob", "cleo"):
        own = [text for text in order if text.startswith(name)]
        assert own == [f"{name} {number}" for number in range(3)]
    for person in people:
        person.reload()
        person.hears(*order)


def test_enter_and_the_button_send_and_leave_an_empty_field_with_the_focus(ada: Page, bob: Page) -> None:
    ada.say("with Enter")
    ada.equals("", "return document.querySelector('#msg').value")
    ada.focus_is_on("#msg")
    ada.type("with the button")
    ada.click("#send")
    ada.focus_is_on("#msg")
    ada.type("and on")
    ada.press("Enter")
    bob.hears("with Enter", "with the button", "and on")
    ada.hears("with Enter", "with the button", "and on")
