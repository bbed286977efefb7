"""How long messages are kept, as moderators choose it and as everybody reads it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .conftest import Server
from .viewports import PHONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Person

pytestmark = pytest.mark.browser


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that deletes messages after 30 days."""
    server = Server(tmp_path, "--messages-per-second=0", "--retention=30")
    try:
        server.start()
        yield server
    finally:
        server.stop()


def keep(person: Person, name: str) -> None:
    """Save what is on the screen, when somebody wants to have it."""
    folder = os.environ.get("TRIO_CHAT_SCREENSHOTS")
    if folder:
        person.page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled")


def test_a_room_keeps_its_messages_as_long_as_its_moderators_choose_and_the_server_at_most(
    open_person: Callable[..., Person],
) -> None:
    ada = open_person(name="Ada", color_scheme="dark")
    bob = open_person(name="Bob", **PHONE)
    ada.page.click("#new")
    ada.page.get_by_role("menuitem", name="New private room").click()
    ada.page.get_by_label("Name", exact=True).fill("News")
    ada.page.get_by_role("button", name="Create").click()
    link = ada.page.get_by_label("Link", exact=True)
    expect(link).to_have_value(re.compile("#join="))
    bob.page.goto(link.input_value())
    bob.page.get_by_role("button", name="Join").click()
    ada.page.keyboard.press("Escape")
    for person in (ada, bob):
        person.page.click("#info")
        expect(person.page.locator(".info .card")).to_contain_text("Messages are deleted after 30 days.")
    choice = ada.page.get_by_label("Messages are deleted")
    expect(choice.locator("option")).to_have_text(
        ["After 30 days, as everywhere here", "After 1 day", "After 7 days"]
    )
    choice.select_option("After 1 day")
    asked = ada.page.get_by_role("dialog", name="Delete old messages?")
    expect(asked).to_contain_text("older than 1 day")
    keep(ada, "retention-asked")
    asked.get_by_role("button", name="Cancel").click()
    expect(choice).to_have_value("0")
    expect(bob.page.locator(".info .card")).to_contain_text("Messages are deleted after 30 days.")
    choice.select_option("After 7 days")
    asked.get_by_role("button", name="Delete after 7 days").click()
    for person in (ada, bob):
        expect(person.page.locator(".info .card")).to_contain_text("Messages are deleted after 7 days.")
    expect(ada.page.get_by_label("Messages are deleted")).to_have_value("7")
    keep(ada, "retention")
    keep(bob, "retention-phone")
    ada.page.get_by_label("Messages are deleted").select_option("After 30 days, as everywhere here")
    expect(bob.page.locator(".info .card")).to_contain_text("Messages are deleted after 30 days.")
    expect(ada.page.locator("#chat .note").last).to_have_text("You ended that this room deletes old messages")
