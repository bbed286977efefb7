"""The card of a person: it follows what is known of them, and says what one can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from .conftest import Person

pytestmark = pytest.mark.browser


def test_the_card_follows_the_person_while_it_is_open(ada: Person, bob: Person) -> None:
    bob.say("hello")
    ada.hears("hello")
    ada.page.locator("#chat .author").first.click()
    card = ada.page.get_by_role("dialog", name="About this person")
    expect(card.locator(".card h2")).to_have_text("Bob")
    expect(card).to_contain_text("here now")
    bob.rename("Robert")
    expect(card.locator(".card h2")).to_have_text("Robert")
    bob.page.close()
    expect(card).to_contain_text("last here")
    card.get_by_role("button", name="Block").click()
    question = ada.page.get_by_role("dialog", name="Block Robert?")
    question.get_by_role("button", name="Block").click()
    expect(card).to_contain_text("You have blocked this person")
    expect(card.get_by_role("button", name="Message")).to_be_hidden()
    expect(card.get_by_role("button", name="Mention")).to_be_hidden()


def test_the_card_mentions_and_tells_the_rooms_in_common(ada: Person, bob: Person) -> None:
    bob.say("hello")
    ada.hears("hello")
    bob.page.click("#new")
    bob.page.get_by_role("menuitem", name="New public room").click()
    bob.page.get_by_label("Name", exact=True).fill("workshop")
    bob.page.get_by_role("button", name="Create").click()
    bob.is_in("workshop")
    ada.page.goto(f"{ada.url}#room=workshop")
    ada.is_in("workshop")
    bob.say("a plane")
    ada.hears("a plane")
    ada.page.fill("#msg", "look,")
    ada.page.locator("#chat .author").first.click()
    card = ada.page.get_by_role("dialog", name="About this person")
    expect(card.get_by_role("heading", name="Also in")).to_be_visible()
    expect(card.locator(".entries button")).to_have_text(["Lobby"])
    card.get_by_role("button", name="Mention").click()
    expect(ada.page.locator("#msg")).to_have_value("look, @Bob ")
    expect(ada.page.locator("#msg")).to_be_focused()
    ada.page.keyboard.type("here")
    ada.page.keyboard.press("Enter")
    expect(bob.page.locator("#chat .mention")).to_have_text("@Bob")
    ada.page.locator("#chat .author").first.click()
    card.locator(".entries button").click()
    ada.is_in("Lobby")
