"""The first minutes of somebody new: several tabs, a link that is reloaded, a name; and linking a second device."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .viewports import SMALL_PHONE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from .conftest import Person, Server

pytestmark = pytest.mark.browser


def name_in(pages: list[Page]) -> str:
    """What the pages call the person: all of them the same, sooner or later."""
    name = pages[0].locator(".me-name").inner_text()
    for page in pages:
        expect(page.locator(".me-name")).to_have_text(name)
    return name


def test_three_tabs_opened_at_once_for_the_very_first_time_are_one_person(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    with browser.new_context() as context:
        pages = [context.new_page() for _ in range(3)]
        for page in pages:
            page.evaluate("(url) => { setTimeout(() => { location.href = url; }); }", server.url)
        for page in pages:
            expect(page.locator("#status")).to_have_text("Online")
        assert name_in(pages)
        for number, page in enumerate(pages):
            page.fill("#msg", f"from tab {number}")
            page.press("#msg", "Enter")
            expect(pages[0].locator("#chat p.own .text")).to_have_count(number + 1)
    log = (tmp_path / "server.log").read_text("utf-8")
    assert len(re.findall(r"joined person=\S+ address=\S+ by=name", log)) == 1


def test_two_tabs_of_one_person_agree_on_the_name_and_on_being_logged_out(
    open_person: Callable[..., Person],
) -> None:
    ada = open_person()
    other = ada.context.new_page()
    other.goto(ada.url)
    expect(other.locator(".me-hint")).to_have_text("Choose your name")
    ada.rename("Ada")
    expect(other.locator(".me-name")).to_have_text("Ada")
    expect(other.locator(".me-hint")).to_have_text("Settings")
    ada.settings()
    ada.page.get_by_role("button", name="All devices and recovery code").click()
    ada.page.get_by_role("button", name=re.compile("^Log out: ")).click()
    ada.page.get_by_role("dialog", name="Log out here?").get_by_role("button", name="Log out").click()
    for page in (ada.page, other):
        expect(page.get_by_role("dialog", name="This device was logged out")).to_be_visible()
    ada.page.get_by_role("button", name="Start as somebody new").click()
    for page in (ada.page, other):
        expect(page.locator("#status")).to_have_text("Online")
        expect(page.get_by_role("dialog")).to_have_count(0)
    assert name_in([ada.page, other]) != "Ada"


def test_the_question_of_an_invitation_survives_a_reload(
    ada: Person, open_person: Callable[..., Person]
) -> None:
    ada.page.click("#new")
    ada.page.get_by_role("menuitem", name="New private room").click()
    ada.page.get_by_label("Name", exact=True).fill("Book club")
    ada.page.get_by_role("button", name="Create").click()
    link = ada.page.get_by_label("Link", exact=True)
    expect(link).to_have_value(re.compile("#join="))
    guest = open_person()
    guest.page.goto(link.input_value())
    question = guest.page.get_by_role("dialog", name="Join “Book club”?")
    expect(question).to_be_visible()
    assert "join" not in guest.page.url
    guest.page.reload()
    expect(question).to_be_visible()
    guest.page.keyboard.press("Escape")
    guest.page.reload()
    guest.is_online()
    expect(question).to_have_count(0)
    guest.page.goto("about:blank")
    guest.page.goto(link.input_value())
    question.get_by_role("button", name="Join").click()
    guest.is_in("Book club")
    guest.page.reload()
    guest.is_in("Book club")
    expect(question).to_have_count(0)


def test_the_device_that_shows_a_code_says_when_another_one_has_used_it(
    ada: Person, open_person: Callable[..., Person]
) -> None:
    ada.settings()
    ada.page.get_by_role("button", name="Link a device").click()
    dialog = ada.page.get_by_role("dialog", name="Link a device")
    code = dialog.locator("output.code")
    expect(code).to_have_text(re.compile(r"\w"))
    phone = open_person(**SMALL_PHONE)
    phone.page.goto(f"{phone.url}#link={code.inner_text()}")
    phone.page.reload()
    phone.page.get_by_role("dialog", name="Be Ada here?").get_by_role("button", name="Yes, link it").click()
    expect(phone.page.locator(".toast")).to_contain_text("You are Ada now.")
    expect(dialog).to_contain_text("Linked")
    expect(dialog).to_contain_text("is Ada now, like this device")
    dialog.get_by_role("button", name="Close").last.click()
    expect(dialog).to_have_count(0)


def test_a_name_is_asked_for_once_while_the_first_message_is_written(
    open_person: Callable[..., Person],
) -> None:
    guest = open_person(**SMALL_PHONE)
    guest.is_online()
    question = guest.page.locator("#name-question")
    expect(question).to_be_hidden()
    guest.page.locator("#msg").press_sequentially("Hel")
    expect(question).to_be_visible()
    question.get_by_label("Your name").fill("   ")
    question.get_by_role("button", name="Save").click()
    expect(question).to_contain_text("Write a name first.")
    question.get_by_label("Your name").fill("Grace")
    question.get_by_role("button", name="Save").click()
    expect(question).to_be_hidden()
    expect(guest.page.locator("#msg")).to_be_focused()
    guest.page.locator("#msg").press_sequentially("lo")
    guest.page.press("#msg", "Enter")
    guest.hears("Hello")
    expect(guest.page.locator(".me-name")).to_have_text("Grace")


def test_who_sends_without_a_name_is_not_asked_again(open_person: Callable[..., Person]) -> None:
    guest = open_person(**SMALL_PHONE)
    guest.say("first")
    guest.hears("first")
    guest.page.locator("#msg").press_sequentially("second")
    expect(guest.page.locator("#name-question")).to_be_hidden()
    guest.page.reload()
    guest.page.locator("#msg").press_sequentially("!")
    expect(guest.page.locator("#name-question")).to_be_hidden()
