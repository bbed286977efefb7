"""Devices: logging out, recovering, being somebody by a code and going back; and another server at the address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Person, Server

pytestmark = pytest.mark.browser


def open_devices(person: Person) -> None:
    """Open the dialog of one's devices."""
    person.settings()
    person.page.get_by_role("button", name="All devices and recovery code").click()
    expect(person.page.locator(".devices .device").first).to_be_visible()


def is_called(person: Person, name: str) -> None:
    """Wait until the person is called so."""
    expect(person.page.locator(".me-name")).to_have_text(name)


def device_code(person: Person) -> str:
    """A device code of this person."""
    person.settings()
    person.page.get_by_role("button", name="Link a device").click()
    code = person.page.locator("output.code")
    expect(code).not_to_be_empty()
    text = code.inner_text()
    person.page.keyboard.press("Escape")
    return text


def become(person: Person, code: str) -> None:
    """Be the person of a code, typed in the settings."""
    person.settings()
    person.page.get_by_role("button", name="I have a code").click()
    person.page.get_by_label("Code of the other device").fill(code)
    person.page.get_by_role("button", name="Next").click()
    person.page.get_by_role("button", name="Yes, link it").click()


def test_another_device_is_logged_out_and_keeps_nothing(
    ada: Person, open_person: Callable[..., Person]
) -> None:
    ada.say("only for me")
    ada.hears("only for me")
    phone = open_person()
    phone.is_online()
    become(phone, device_code(ada))
    is_called(phone, "Ada")
    phone.hears("only for me")
    open_devices(ada)
    entries = ada.page.locator(".devices .device")
    expect(entries).to_have_count(2)
    expect(entries.nth(0)).to_contain_text("this device")
    expect(entries.nth(1)).to_contain_text("here now")
    entries.nth(1).get_by_role("button", name="Log out").click()
    ada.page.locator("dialog").last.get_by_role("button", name="Log out").click()
    expect(phone.page.get_by_role("heading", name="This device was logged out")).to_be_visible()
    expect(phone.page.locator("#chat p")).to_have_count(0)
    expect(entries).to_have_count(1)
    phone.page.wait_for_function("""() => new Promise((resolve) => {
        const request = indexedDB.open("trio-chat");
        request.onsuccess = () => {
            const all = request.result.transaction("cache").objectStore("cache").getAll();
            all.onsuccess = () => resolve(all.result.length === 0);
        };
    })""")
    phone.open()
    expect(phone.page.get_by_role("heading", name="does not know you any more")).to_be_visible()
    phone.page.get_by_role("button", name="Start as somebody new").click()
    phone.is_online()
    expect(phone.page.locator(".me-name")).not_to_have_text("Ada")


def test_a_wrong_data_directory_for_a_minute_costs_nobody_their_identity(
    server: Server, tmp_path: Path, ada: Person, bob: Person
) -> None:
    """Two real data directories at one address. Ada waits; Bob starts anew on the wrong one."""
    ada.say("in the right one")
    bob.hears("in the right one")
    server.stop()
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    swap_data(tmp_path, to=right, back=None)
    server.start()
    for person in (ada, bob):
        person.hurry()
        expect(person.page.get_by_role("heading", name="This is another chat")).to_be_visible()
    expect(ada.page.locator("#banner")).to_contain_text("another chat server")
    bob.page.get_by_role("button", name="Start as somebody new").click()
    bob.is_online()
    bob.say("in the wrong one")
    bob.hears("in the wrong one")
    server.stop()
    swap_data(tmp_path, to=wrong, back=right)
    server.start()
    for person, name in ((ada, "Ada"), (bob, "Bob")):
        person.hurry()
        person.is_online()
        is_called(person, name)
        expect(person.page.locator("dialog")).to_have_count(0)
    ada.say("and back")
    for person in (ada, bob):
        person.hears("in the right one", "and back")
    expect(ada.page.locator("p.own")).to_have_count(2)


def swap_data(folder: Path, *, to: Path, back: Path | None) -> None:
    """Put the server's data away, and others in place of them."""
    to.mkdir()
    for file in folder.glob("chat.db*"):
        file.rename(to / file.name)
    if back is not None:
        for file in back.iterdir():
            file.rename(folder / file.name)


def test_with_the_recovery_code_one_is_oneself_in_a_fresh_browser(
    ada: Person, open_person: Callable[..., Person]
) -> None:
    ada.say("it was me")
    ada.hears("it was me")
    ada.settings()
    expect(ada.page.locator(".settings")).to_contain_text("If you lose this device")
    ada.page.keyboard.press("Escape")
    open_devices(ada)
    ada.page.get_by_role("button", name="Make a recovery code").click()
    shown = ada.page.locator("output.recovery-code")
    expect(shown).to_have_text(re.compile(r"^([A-Z0-9]{5}-){4}[A-Z0-9]{5}$"))
    code = shown.inner_text()
    ada.page.keyboard.press("Escape")
    ada.settings()
    expect(ada.page.locator(".settings")).not_to_contain_text("If you lose this device")
    fresh = open_person()
    fresh.is_online()
    become(fresh, code.lower())
    is_called(fresh, "Ada")
    expect(fresh.page.locator("p.own .text")).to_have_text("it was me")


def test_a_link_says_whom_one_becomes_and_one_can_go_back(ada: Person, bob: Person) -> None:
    code = device_code(ada)
    bob.page.evaluate("(code) => { location.hash = `link=${code}`; }", code)
    dialog = bob.page.get_by_role("dialog", name="Be Ada here?")
    expect(dialog).to_contain_text("Here you are Bob until now")
    dialog.get_by_role("button", name="Yes, link it").click()
    is_called(bob, "Ada")
    open_devices(bob)
    bob.page.get_by_role("button", name="Go back to being Bob").click()
    is_called(bob, "Bob")
    bob.open()
    is_called(bob, "Bob")


def test_a_link_that_is_not_good_changes_nothing(bob: Person) -> None:
    bob.is_online()
    bob.page.evaluate("() => { location.hash = 'link=WRNG-CDE2'; }")
    expect(bob.page.get_by_role("dialog", name="This code does not work")).to_be_visible()
    is_called(bob, "Bob")


def test_logging_out_here_asks_who_to_be(ada: Person) -> None:
    ada.is_online()
    open_devices(ada)
    ada.page.locator(".devices .device").get_by_role("button", name="Log out").click()
    expect(ada.page.locator("dialog").last).to_contain_text("you have no recovery code")
    ada.page.locator("dialog").last.get_by_role("button", name="Log out").click()
    expect(ada.page.get_by_role("heading", name="This device was logged out")).to_be_visible()
    ada.page.keyboard.press("Escape")
    ada.page.get_by_role("button", name="What now?").click()
    ada.page.get_by_role("button", name="Start as somebody new").click()
    ada.is_online()
