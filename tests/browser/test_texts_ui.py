"""What people write, as it is shown: links, and marks in heaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .patience import come_to_rest

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Person

pytestmark = pytest.mark.browser

HEAP = "Z" + "\u0301" * 60 + "algo"

HIDE_TEXT = """hidden => {
  for (const text of document.querySelectorAll('.stacked')) text.style.visibility = hidden ? 'hidden' : '';
}"""


def test_a_link_says_where_it_leads(ada: Person, bob: Person) -> None:
    for person in (ada, bob):
        person.is_online()
    ada.say(
        "请看https://example.com/a，谢谢",
        "https://school.example@evil.example/",
        "https://\u0430pple.com/",
        "www.x.org",
    )
    links = bob.page.locator("#chat p .text a")
    expect(links).to_have_text(["https://example.com/a", "https://\u0430pple.com/", "www.x.org"])
    expect(links.nth(0)).to_have_attribute("href", "https://example.com/a")
    expect(links.nth(2)).to_have_attribute("href", "https://www.x.org/")
    said = links.nth(1).evaluate("link => getComputedStyle(link, '::after').content")
    assert "xn--pple-43d.com" in said
    assert links.nth(0).evaluate("link => getComputedStyle(link, '::after').content") == "none"


def test_heaps_of_marks_cover_no_other_messages(ada: Person, bob: Person) -> None:
    for person in (ada, bob):
        person.is_online()
    bob.say("Before", "it")
    ada.say(HEAP)
    bob.say("After", "it")
    page = ada.page
    ada.hears("Before", "it", HEAP, "After", "it")
    others = page.locator("#chat p:not(.own)")
    expect(others).to_have_count(4)
    come_to_rest(page)
    with_heap = [others.nth(number).screenshot() for number in range(4)]
    page.evaluate(HIDE_TEXT, True)
    assert [others.nth(number).screenshot() for number in range(4)] == with_heap
    page.evaluate(HIDE_TEXT, False)
    assert page.locator("#chat .stacked").count() == 1


def test_whom_a_text_tells_is_seen_while_it_is_written(ada: Person, bob: Person) -> None:
    for person in (ada, bob):
        person.is_online()
    bob.rename("Bob")
    bob.page.keyboard.press("Escape")
    bob.say("hello")
    ada.hears("hello")
    page = ada.page
    line = page.locator(".mention-line")
    for text, told in (
        ("hi @Bob", "Tells Bob"),
        ("@bob and @all", "Tells Bob, everybody in this room"),
        ("@bob_smith", None),
        ("bob@bob.example", None),
        ("@all-hands", None),
        ("`@bob`", None),
    ):
        page.fill("#msg", text)
        if told is None:
            expect(line).to_be_hidden()
        else:
            expect(line).to_have_text(told)
    page.fill("#msg", "")
    page.keyboard.type("@bo")
    page.keyboard.press("Tab")
    expect(page.locator("#msg")).to_have_value("@Bob ")
    expect(line).to_have_text("Tells Bob")
    page.keyboard.press("Enter")
    ada.hears("hello", "@Bob ")
    expect(line).to_be_hidden()


def test_somebody_who_is_not_in_sight_can_be_mentioned(
    ada: Person, bob: Person, open_person: Callable[..., Person]
) -> None:
    for person in (ada, bob):
        person.is_online()
    bob.say("hello")
    ada.hears("hello")
    bob.page.close()
    ada.say(*(f"line {number}" for number in range(60)))
    expect(ada.page.locator("#chat p .text", has_text="line 59")).to_be_visible()
    expect(ada.page.locator('#chat p[data-status="waiting"]')).to_have_count(0)
    cleo = open_person(name="Cleo")
    cleo.is_online()
    cleo.page.focus("#msg")
    cleo.page.keyboard.type("@bo")
    cleo.page.get_by_role("option", name="@Bob").click()
    expect(cleo.page.locator(".mention-line")).to_have_text("Tells Bob")
    cleo.page.keyboard.press("Enter")
    expect(cleo.page.locator("#chat .mention", has_text="@Bob")).to_be_visible()
