"""The pictures of docs/user-guide.md and the README, each taken from the page as it is, with people who really talk.

``TRIO_CHAT_SCREENSHOTS=docs/screenshots pytest -m browser tests/browser/test_guide.py`` takes them anew.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.page_files import send_kites

from .morning import talk_in_the_morning
from .test_look import PHONE, keep
from .test_messages_ui import does, message
from .test_rooms_ui import choose, create_private
from .viewports import DESKTOP

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Person

pytestmark = pytest.mark.browser

DOCS = Path(__file__).parent.parent.parent / "docs"


def test_every_picture_of_the_guide_is_taken_here_and_there() -> None:
    pictures = re.findall(r"\]\(screenshots/([\w-]+)\.png\)", (DOCS / "user-guide.md").read_text())
    taken = re.findall(r'"(guide-[\w-]+)"', Path(__file__).read_text())
    assert sorted(pictures) == sorted(taken)
    for picture in pictures:
        assert (DOCS / "screenshots" / f"{picture}.png").exists(), picture


def test_the_guide(open_person: Callable[..., Person]) -> None:
    ada = open_person(name="Ada", **DESKTOP)
    grace = open_person(name="Grace", **DESKTOP)
    linus = open_person(name="Linus", **PHONE)
    talk_in_the_morning(ada, grace, linus)
    grace.say("Then let us meet at the back door, the one with the green sign")
    expect(message(ada, "Then let us meet").locator(".text")).to_be_visible()
    _rooms(ada, grace, linus)
    _pictures_of_rooms(ada)
    _pictures_of_messages(ada, grace)
    linus.page.click("#back")
    expect(linus.page.locator("#rail-list a")).to_have_count(4)
    keep(linus.page, "guide-rooms-phone")
    _pictures_of_files(ada, grace)


def _rooms(ada: Person, grace: Person, linus: Person) -> None:
    """A private room, a public one, and a conversation of two."""
    link = create_private(ada, "Surprise for Linus")
    grace.page.goto(link)
    grace.page.get_by_role("button", name="Join").click()
    grace.is_in("Surprise for Linus")
    grace.say("Who brings the cake? @Ada ?")
    link = create_private(grace, "Book club")
    for person in (ada, linus):
        person.page.goto(link)
        person.page.get_by_role("button", name="Join").click()
        person.is_in("Book club")
    grace.say("Next: *Middlemarch*, until chapter ten", "Tuesday at eight, at my place")
    expect(message(ada, "Tuesday at eight")).to_be_visible()
    for person, other in ((linus, "Ada"), (grace, "Linus")):
        person.to_list()
        choose(person, "Write to one person")
        person.page.get_by_role("dialog").get_by_role("button", name=other).first.click()
        person.is_in(other)
        person.say("Can I borrow your drill on Sunday?")
    ada.opens("Lobby")


def _pictures_of_rooms(ada: Person) -> None:
    page = ada.page
    expect(page.locator("#rail-list a")).to_have_count(4)
    keep(page, "guide-lobby")
    ada.opens("Surprise for Linus")
    page.click("#info")
    expect(page.get_by_text("Grace", exact=True).last).to_be_visible()
    keep(page, "guide-info")
    page.get_by_role("button", name="Invite people").click()
    expect(page.get_by_label("Link", exact=True)).to_have_value(re.compile("#join="))
    keep(page, "guide-invite")
    page.keyboard.press("Escape")
    page.click("#info")
    ada.settings()
    keep(page, "guide-settings")
    page.get_by_role("button", name="Link a device").click()
    expect(page.get_by_role("dialog").last).to_contain_text("It works once")
    keep(page, "guide-link")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    ada.opens("Lobby")


def _pictures_of_files(ada: Person, grace: Person) -> None:
    page = ada.page
    page.keyboard.press("Escape")
    send_kites(grace.page, page)
    expect(page.locator('#chat .picture:not([data-state="loaded"])')).to_have_count(0)
    keep(page, "guide-pictures")
    page.get_by_role("button", name="Photo: The kite over the field").click()
    expect(page.locator(".zoom-frame.loaded")).to_be_visible()
    keep(page, "guide-full-screen")
    page.keyboard.press("Escape")
    page.click("#info")
    page.get_by_role("button", name="Files", exact=True).click()
    expect(page.locator('.album-pictures .picture[data-state="loaded"]')).to_have_count(6)
    keep(page, "guide-album")


def _pictures_of_messages(ada: Person, grace: Person) -> None:
    page = ada.page
    grace.opens("Lobby")
    message(ada, "Then let us meet").locator(".text").click(button="right")
    expect(page.get_by_role("menu")).to_be_visible()
    keep(page, "guide-menu")
    page.keyboard.press("Escape")
    expect(message(ada, "I bring the big projector")).to_have_attribute(
        "data-status", re.compile("read|delivered")
    )
    does(ada, "I bring the big projector", "Message info")
    expect(page.get_by_role("dialog")).to_contain_text("Grace")
    keep(page, "guide-receipts")
    page.keyboard.press("Escape")
    page.locator("#msg").press_sequentially("What do you think, @Gr")
    expect(page.get_by_role("option", name="Grace")).to_be_visible()
    keep(page, "guide-mention")
    page.keyboard.press("Escape")
    page.fill("#msg", "")
    page.click("#search")
    page.get_by_role("searchbox", name="Search in messages").fill("project")
    expect(page.locator("mark").first).to_be_visible()
    keep(page, "guide-search")
    page.keyboard.press("Escape")
    page.click("#help")
    expect(page.get_by_role("dialog")).to_contain_text("What you can do here")
    keep(page, "guide-help")
