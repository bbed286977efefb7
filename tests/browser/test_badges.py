"""Badges of the room list: what is unread, and whom it mentions, as it is now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from .conftest import Person

pytestmark = pytest.mark.browser


def test_what_was_counted_before_the_page_came_follows_deletions_and_edits(ada: Person, bob: Person) -> None:
    bob.say("first")
    ada.hears("first")
    bob.page.goto(f"{bob.url}#room=workshop")
    bob.is_in("workshop")
    bob.page.goto("about:blank")
    ada.say("one", "@Bob two", "three")
    ada.hears("first", "one", "@Bob two", "three")
    bob.page.goto(f"{bob.url}#room=workshop")
    lobby = bob.page.locator('#rail-list a[data-room="lobby"]')
    expect(lobby.locator(".badge.count")).to_contain_text("3")
    expect(lobby.locator(".badge.mention")).to_be_visible()
    for text in ("one", "@Bob two"):
        ada.page.locator("#chat p", has_text=text).locator(".text").click(button="right")
        ada.page.get_by_role("menuitem", name="Delete", exact=True).click()
        ada.page.get_by_role("button", name="Delete for everybody").click()
    expect(lobby.locator(".badge.count")).to_contain_text("1")
    expect(lobby.locator(".badge.mention")).to_have_count(0)
    ada.page.locator("#chat p", has_text="three").locator(".text").click(button="right")
    ada.page.get_by_role("menuitem", name="Edit", exact=True).click()
    ada.say("three, @Bob")
    expect(lobby.locator(".badge.mention")).to_be_visible()
    expect(lobby.locator(".badge.count")).to_contain_text("1")
