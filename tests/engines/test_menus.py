"""What is done with a message by its menu: each choice is carried out once, and seen by the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .page import FIELD

if TYPE_CHECKING:
    from .page import Page

CHIPS = "return [...document.querySelectorAll('.reaction')].map((one) => one.getAttribute('aria-label'))"
VALUE = f"return [...document.querySelectorAll('{FIELD}')].find((one) => one.checkVisibility()).value"


def test_a_message_is_changed_by_its_menu(ada: Page, bob: Page) -> None:
    ada.say("at five")
    bob.hears("at five")
    ada.menu("at five")
    ada.choose("Edit")
    ada.focus_is_on(FIELD)
    ada.equals("at five", VALUE)
    ada.press(*["Backspace"] * 4)
    ada.type("six")
    ada.press("Enter")
    for person in (ada, bob):
        person.hears("at six")
        person.seen("#chat p .edited")
    ada.equals("", VALUE)


def test_reactions_are_added_and_taken_back(ada: Page, bob: Page) -> None:
    ada.say("We won!")
    bob.hears("We won!")
    bob.menu("We won!")
    bob.choose("React with 🎉", "button")
    ada.equals(["🎉 1: Bob"], CHIPS)
    ada.click(".reaction")
    bob.equals(["🎉 2: You and Ada"], CHIPS)
    bob.click(".reaction")
    ada.equals(["🎉 1: You"], CHIPS)


def test_any_emoji_is_found_by_its_name(ada: Page, bob: Page) -> None:
    ada.say("Look at this")
    bob.hears("Look at this")
    bob.menu("Look at this")
    bob.choose("React", "button")
    bob.focus_is_on("dialog input[type=search]")
    bob.type("octopus")
    bob.choose("octopus", "button")
    ada.equals(["🐙 1: Bob"], CHIPS)


def test_a_message_is_deleted_for_everybody(ada: Page, bob: Page) -> None:
    ada.say("my password is hunter2", "sorry")
    bob.hears("my password is hunter2", "sorry")
    ada.menu("my password is hunter2")
    ada.choose("Delete")
    ada.choose("Delete for everybody", "button")
    for person in (ada, bob):
        person.hears("This message was deleted", "sorry")
    bob.reload()
    bob.hears("This message was deleted", "sorry")


def test_a_reply_quotes_its_message(ada: Page, bob: Page) -> None:
    ada.say("Who brings the cake?")
    bob.hears("Who brings the cake?")
    bob.menu("Who brings the cake?")
    bob.choose("Reply")
    bob.focus_is_on(FIELD)
    bob.type("me")
    bob.press("Enter")
    ada.hears("Who brings the cake?", "me")
    ada.named("#chat [role=button]", "In answer to You: Who brings the cake?").click()
    ada.seen("p.goal")


def test_a_press_beside_a_menu_closes_it(ada: Page) -> None:
    ada.say("hello")
    ada.hears("hello")
    ada.menu("hello")
    ada.press_at(4, 4)
    ada.gone("dialog")
    assert ada.texts() == ["hello"]


def test_a_menu_stays_in_the_window(ada: Page) -> None:
    ada.say("at the right edge")
    ada.hears("at the right edge")
    ada.menu("at the right edge")
    ada.seen("dialog .quick button")
    left, top, right, bottom, width, height = ada.run("""
        const { left, top, right, bottom } = document.querySelector("dialog[open]").getBoundingClientRect();
        return [left, top, right, bottom, innerWidth, innerHeight];
    """)
    assert left >= 0
    assert top >= 0
    assert right <= width
    assert bottom <= height
