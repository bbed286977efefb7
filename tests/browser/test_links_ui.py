"""Links to rooms and messages, in whatever spelling and however wrong; and what stands where there is nothing yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Person

pytestmark = pytest.mark.browser

WRONG = (
    "#m=1",
    "#m=0",
    "#m=99999999999999999999",
    "#room=",
    "#room=%",
    "#room=%E0%A4%A",
    "#room=%00",
    "#room=lobby&m=x",
    "#room=" + "x" * 70_000,
    "#join=" + "x" * 70_000,
    "#link=%",
    "#own=%F0",
    "#=&&==#",
    "#room=__proto__",
    "#room=constructor&m=1",
)
"""Behind the `#`: nobody means any of it, and nothing breaks."""


@pytest.mark.parametrize("asked", ["Lobby", "LOBBY", "\uff4cobby", "%20lobby"])
def test_a_link_in_another_spelling_opens_the_room(ada: Person, bob: Person, asked: str) -> None:
    ada.say("first")
    bob.page.goto(f"{bob.url}#room={asked}")
    bob.hears("first")
    bob.say("second")
    ada.hears("first", "second")
    ada.say("third")
    for person in (ada, bob):
        person.hears("first", "second", "third")
    expect(bob.page.locator("#rail-list a")).to_have_count(1)  # the page has it under one address
    expect(bob.page.locator("#rail-list a")).to_have_attribute("data-room", "lobby")
    bob.page.goto(bob.url)
    bob.hears("first", "second", "third")


def test_a_link_in_another_spelling_while_the_page_is_open_keeps_what_was_begun(
    ada: Person, bob: Person
) -> None:
    ada.page.goto(f"{ada.url}#room=strasse")
    ada.page.get_by_role("button", name="Make “strasse”").click()
    ada.page.get_by_role("dialog").get_by_role("button", name="Create").click()
    ada.say("one")
    bob.say("in the lobby")
    bob.page.evaluate("() => { location.hash = 'room=Straße&m=2'; }")
    bob.hears("one")
    expect(bob.page.locator("#room-title")).to_have_text("strasse")
    expect(bob.page).to_have_url(f"{bob.url}#room=strasse")
    bob.page.fill("#msg", "half a")
    bob.page.evaluate("() => { location.hash = 'room=STRASSE'; }")
    bob.hears("one")
    expect(bob.page.locator("#msg")).to_have_value("half a")
    bob.say("two")
    ada.hears("one", "two")


def test_a_room_that_is_not_there_says_so_and_can_be_made(ada: Person) -> None:
    ada.page.goto(f"{ada.url}#room=Gardn")
    empty = ada.page.locator("#empty")
    expect(empty).to_contain_text("There is no room “gardn”")
    expect(ada.page.locator("#msg")).to_be_hidden()
    ada.open()  # the first time in this tab; a reload says the same
    ada.page.goto(f"{ada.url}#room=gardn")
    ada.page.reload()
    empty.get_by_role("button", name="Make “gardn”").click()
    dialog = ada.page.get_by_role("dialog")
    expect(dialog.get_by_label("Address")).to_have_value("gardn")
    dialog.get_by_role("button", name="Create").click()
    expect(empty).to_contain_text("Nobody has written here yet.")
    ada.say("now there is")
    ada.hears("now there is")
    expect(empty).to_be_hidden()


def test_a_name_that_no_room_can_have_is_the_title_of_a_new_one(ada: Person) -> None:
    ada.page.goto(f"{ada.url}#room=Book Club")
    empty = ada.page.locator("#empty")
    expect(empty).to_contain_text("There is no room “Book Club”")
    expect(empty).to_contain_text("A room's name has only letters")
    ada.is_online()
    empty.get_by_role("button", name="Make “Book Club”").click()
    dialog = ada.page.get_by_role("dialog")
    expect(dialog.get_by_label("Address")).to_have_value("book-club")
    dialog.get_by_role("button", name="Create").click()
    ada.is_in("Book Club")
    ada.say("here")
    ada.hears("here")


def test_a_room_of_others_leads_to_the_lobby_and_says_why(ada: Person, bob: Person) -> None:
    ada.say("hello")
    bob.page.goto("about:blank")
    bob.page.goto(f"{bob.url}#room=~abcdefgh")
    expect(bob.page.locator(".toast")).to_contain_text("There is no such room, or it is not yours to see.")
    bob.hears("hello")


def test_whatever_stands_in_the_address_nothing_breaks(ada: Person, bob: Person) -> None:
    ada.say("hello")
    for wrong in WRONG:
        bob.page.goto("about:blank")
        bob.page.goto(bob.url + wrong)
        bob.is_online()
        for again in WRONG[:3]:
            bob.page.evaluate("(hash) => { location.hash = hash; }", again)
        bob.page.evaluate("(hash) => { location.hash = hash; }", wrong)
        bob.is_online()
    bob.page.goto("about:blank")
    bob.page.goto(bob.url)
    bob.page.evaluate("() => { location.hash = 'room=lobby'; }")
    bob.hears("hello")


def test_a_new_person_reaches_a_room_by_a_link_in_another_spelling(
    ada: Person, open_person: Callable[..., Person]
) -> None:
    ada.say("hello")
    guest = open_person()
    guest.context.clear_cookies()
    guest.page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
    guest.page.goto("about:blank")
    guest.page.goto(f"{guest.url}#room=LOBBY&m=1")
    guest.hears("hello")
