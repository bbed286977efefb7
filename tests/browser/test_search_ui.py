"""Finding what was said, and what was starred."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.plain_lines import send_lines

from .axe import add_axe, finds_nothing

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Person

pytestmark = pytest.mark.browser


def look_for(person: Person, query: str) -> None:
    """Open the search, and write something into its field."""
    person.page.get_by_role("button", name="Search in messages").click()
    look_again(person, query)


def look_again(person: Person, query: str) -> None:
    """Write something else into the field of the search."""
    person.page.get_by_role("searchbox", name="Search in messages").fill(query)


def test_a_search_marks_the_word_and_shows_the_message_in_its_place(ada: Person, bob: Person) -> None:
    bob.say("The café opens at nine", "Bring a cup")
    ada.hears("The café opens at nine", "Bring a cup")
    look_for(ada, "CAFE")
    hit = ada.page.locator(".hit")
    expect(hit).to_have_count(1)
    expect(hit.locator("mark")).to_have_text("café")
    expect(hit).to_contain_text("Bob")
    hit.click()
    expect(ada.page.locator('#chat p[data-seq="1"]')).to_have_class(re.compile(r"\bgoal\b"))
    look_again(ada, "teapot")
    expect(ada.page.locator(".search")).to_contain_text("Nothing was found")


def test_a_found_old_message_is_shown_and_one_button_leads_back_to_the_end(ada: Person) -> None:
    ada.is_online()
    ada.say("the needle")
    ada.hears("the needle")
    ada.page.goto("about:blank")
    send_lines(ada.url, 400)
    ada.open()
    expect(ada.page.locator("#chat p .text").last).to_have_text("line 400")
    expect(ada.page.locator('#chat p[data-seq="1"]')).to_have_count(0)
    look_for(ada, "needle")
    ada.page.locator(".hit").click()
    expect(ada.page.locator('#chat p[data-seq="1"]')).to_be_in_viewport()
    ada.page.click("#jump")
    expect(ada.page.locator("#chat p .text").last).to_have_text("line 400")
    expect(ada.page.locator("#chat p .text").last).to_be_in_viewport()
    ada.say("at the end")
    expect(ada.page.locator("#chat p .text").last).to_have_text("at the end")


def test_starred_messages_are_listed_and_seen_by_nobody_else(ada: Person, bob: Person) -> None:
    bob.say("keep this", "not this")
    ada.hears("keep this", "not this")
    message = ada.page.locator("#chat p", has_text="keep this")
    message.locator(".text").click(button="right")
    ada.page.get_by_role("menuitem", name="Star").click()
    expect(message.locator(".mark-starred")).to_be_visible()
    look_for(ada, "")
    expect(ada.page.locator(".hit")).to_have_count(1)
    expect(ada.page.locator(".hit")).to_contain_text("keep this")
    ada.open()
    expect(ada.page.locator("#chat p", has_text="keep this").locator(".mark-starred")).to_be_visible()
    expect(bob.page.locator(".mark-starred")).to_have_count(0)


def test_a_deleted_message_is_not_found(ada: Person, bob: Person) -> None:
    bob.say("hunter2")
    ada.hears("hunter2")
    look_for(ada, "hunter")
    expect(ada.page.locator(".hit")).to_have_count(1)
    bob.page.locator("#chat p .text").click(button="right")
    bob.page.get_by_role("menuitem", name="Delete").click()
    bob.page.get_by_role("button", name="Delete for everybody").click()
    ada.hears("This message was deleted")
    look_again(ada, "hunte")
    expect(ada.page.locator(".search")).to_contain_text("Nothing was found")


def test_the_search_is_accessible_to_axe(open_person: Callable[..., Person], bob: Person) -> None:
    ada = open_person(name="Ada")
    add_axe(ada.page)
    ada.open()
    bob.say("something to find")
    ada.hears("something to find")
    look_for(ada, "find")
    expect(ada.page.locator(".hit")).to_have_count(1)
    finds_nothing(ada.page)
