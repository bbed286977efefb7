"""Strangers, as people meet them: requests, leaving a conversation, and blocking.

With ``TRIO_CHAT_SCREENSHOTS=DIR`` in the environment the pictures are kept in that directory.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from .axe import add_axe, finds_nothing
from .viewports import PHONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator

    from .conftest import Person

pytestmark = pytest.mark.browser

DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}


def keep(person: Person, name: str) -> None:
    """Keep a picture, light and dark, if that is wanted."""
    folder = os.environ.get("TRIO_CHAT_SCREENSHOTS")
    if folder is None:
        return
    width = person.page.evaluate("() => innerWidth")
    for scheme in ("light", "dark"):
        person.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        person.page.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png", animations="disabled")


def row(person: Person, title: str) -> Locator:
    """A room in the list."""
    return person.page.locator("#rail-list a").filter(has=person.page.get_by_text(title, exact=True))


def write_to(person: Person, name: str, *texts: str) -> None:
    """Begin a conversation."""
    person.page.click("#new")
    person.page.get_by_role("menuitem", name="Write to one person").click()
    person.page.get_by_role("dialog").get_by_role("button", name=name).click()
    person.is_in(name)
    person.say(*texts)


@pytest.fixture(params=["desktop", "phone"])
def bob(request: pytest.FixtureRequest, open_person: Callable[..., Person]) -> Person:
    """Bob, who is known to the others by what he wrote."""
    bob = open_person(name="Bob", **(PHONE if request.param == "phone" else DESKTOP))
    bob.say("hello")
    bob.hears("hello")
    return bob


def open_requests(bob: Person, label: str) -> Locator:
    bob.to_list()
    bob.page.get_by_role("button", name=label).click()
    dialog = bob.page.get_by_role("dialog", name="Requests")
    expect(dialog).to_be_visible()
    return dialog


def test_a_request_is_read_and_accepted(bob: Person, open_person: Callable[..., Person]) -> None:
    ada = open_person(name="Ada")
    ada.hears("hello")
    write_to(ada, "Bob", "may I?", "I am from your school")
    ada.hears("may I?", "I am from your school")
    bob.to_list()
    expect(row(bob, "Ada")).to_have_count(0)
    dialog = open_requests(bob, "1 request")
    expect(dialog.locator(".request")).to_contain_text("I am from your school")
    keep(bob, "requests")
    dialog.get_by_role("button", name="Accept Ada").click()
    bob.is_in("Ada")
    bob.hears("may I?", "I am from your school")
    bob.say("welcome")
    ada.hears("may I?", "I am from your school", "welcome")
    bob.to_list()
    expect(bob.page.locator(".requests-row")).to_be_hidden()
    bob.open()
    bob.to_list()
    expect(row(bob, "Ada")).to_be_visible()


def test_a_request_is_declined_and_its_sender_blocked(
    bob: Person, open_person: Callable[..., Person]
) -> None:
    ada, eve = open_person(name="Ada"), open_person(name="Eve")
    for person in (ada, eve):
        person.hears("hello")
        write_to(person, "Bob", "buy my potion")
        person.hears("buy my potion")
    dialog = open_requests(bob, "2 requests")
    dialog.get_by_role("button", name="Decline Ada", exact=True).click()
    dialog.get_by_role("button", name="Decline and block Eve").click()
    expect(dialog).to_contain_text("Nobody waits for an answer.")
    bob.page.keyboard.press("Escape")
    expect(bob.page.locator(".requests-row")).to_be_hidden()
    for person in (ada, eve):
        person.say("please")
        expect(person.page.locator(".failed-notice, #failed")).to_contain_text(
            "does not take messages from you now"
        )


def test_a_conversation_is_left_and_comes_back_as_a_request(
    bob: Person, open_person: Callable[..., Person]
) -> None:
    ada = open_person(name="Ada")
    ada.hears("hello")
    write_to(ada, "Bob", "may I?")
    open_requests(bob, "1 request").get_by_role("button", name="Accept Ada").click()
    bob.is_in("Ada")
    bob.page.click("#info")
    bob.page.get_by_role("button", name="Leave this conversation").click()
    bob.page.get_by_role("dialog").get_by_role("button", name="Leave this conversation").click()
    expect(row(bob, "Ada")).to_have_count(0)
    expect(ada.page.locator("#chat .note").last).to_have_text("Bob left")
    ada.say("come back")
    expect(bob.page.get_by_role("button", name="1 request")).to_be_visible()
    expect(ada.page.locator("#chat .note").last).to_have_text(re.compile("You asked Bob"))


def test_what_the_blocked_write_is_hidden_until_one_wants_to_see_it(
    bob: Person, open_person: Callable[..., Person]
) -> None:
    ada, cy = open_person(name="Ada"), open_person(name="Cy")
    ada.say("first")
    bob.hears("hello", "first")
    bob.page.click("#info")
    bob.page.locator(".info .entry").filter(has_text="Ada").click()
    card = bob.page.get_by_role("dialog", name="About this person")
    card.get_by_role("button", name="Block").click()
    bob.page.get_by_role("dialog", name="Block Ada?").get_by_role("button", name="Block").click()
    expect(card).to_contain_text("You have blocked this person.")
    keep(bob, "blocked-card")
    bob.page.keyboard.press("Escape")
    bob.page.locator("#side").get_by_role("button", name="Close").click()
    bob.hears("hello")
    ada.say("second", "third")
    cy.say("fourth")
    bob.hears("hello", "fourth")
    hidden = bob.page.locator("#chat .blocked")
    expect(hidden).to_contain_text("3 messages of people you blocked")
    keep(bob, "blocked")
    hidden.get_by_role("button", name="Show").click()
    bob.hears("hello", "first", "second", "third", "fourth")
    bob.open()
    bob.hears("hello", "fourth")
    ada.hears("hello", "first", "second", "third", "fourth")


def test_requests_and_what_is_hidden_are_accessible_to_axe(open_person: Callable[..., Person]) -> None:
    bob = open_person(name="Bob")
    add_axe(bob.page)
    bob.open()
    bob.say("hello")
    ada = open_person(name="Ada")
    ada.hears("hello")
    ada.say("me too")
    write_to(ada, "Bob", "may I?")
    bob.hears("hello", "me too")
    dialog = open_requests(bob, "1 request")
    finds_nothing(bob.page)
    dialog.get_by_role("button", name="Decline and block Ada").click()
    bob.page.keyboard.press("Escape")
    expect(bob.page.locator("#chat .blocked")).to_contain_text("1 message of somebody you blocked")
    finds_nothing(bob.page)
