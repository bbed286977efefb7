"""Settings: who one is for others, how the page looks and tells, and one's other devices."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Person

from .conftest import NETWORK_NAME

pytestmark = pytest.mark.browser

PICTURE = Path(__file__).parent.parent.parent / "docs" / "screenshots" / "desktop.png"


def test_an_avatar_is_cropped_scaled_and_seen_by_others(ada: Person, bob: Person) -> None:
    ada.say("see me")
    bob.hears("see me")
    ada.settings()
    ada.page.set_input_files("dialog input[type=file]", PICTURE)
    ada.page.get_by_role("dialog", name="What is to be seen").get_by_role("button", name="Save").click()
    expect(ada.page.locator("#me .avatar img")).to_be_visible()
    ada.page.get_by_role("radio", name="Colour 3").check()
    ada.page.keyboard.press("Escape")
    bob.page.click("#info")
    picture = bob.page.locator(".info .entry").filter(has_text="Ada").locator("img")
    expect(picture).to_be_visible()
    size = picture.evaluate(
        "async (image) => { await image.decode(); return [image.naturalWidth, image.naturalHeight]; }"
    )
    assert size == [96, 96]


def test_a_file_that_is_no_image_is_refused_with_a_reason(ada: Person) -> None:
    ada.settings()
    ada.page.set_input_files(
        "dialog input[type=file]", {"name": "a.png", "mimeType": "image/png", "buffer": b"no"}
    )
    expect(ada.page.locator("#name-problem")).to_have_text(re.compile("no picture"))


def test_a_chosen_theme_stays(ada: Person) -> None:
    ada.settings()
    for look, theme in {"Dark": "dark", "High contrast": "contrast", "Light": "light"}.items():
        ada.page.get_by_role("radio", name=look).check()
        expect(ada.page.locator("html")).to_have_attribute("data-theme", theme)
    ada.page.get_by_role("radio", name="Dark").check()
    ada.open()
    expect(ada.page.locator("html")).to_have_attribute("data-theme", "dark")
    ada.settings()
    ada.page.get_by_role("radio", name="System").check()
    expect(ada.page.locator("html")).not_to_have_attribute("data-theme", re.compile(".*"))


def test_a_device_code_makes_another_device_the_same_person(
    ada: Person, open_person: Callable[..., Person]
) -> None:
    ada.say("from my computer")
    ada.hears("from my computer")
    ada.settings()
    ada.page.get_by_role("button", name="Link a device").click()
    code = ada.page.locator("output.code")
    expect(code).not_to_be_empty()
    phone = open_person()
    phone.is_online()
    phone.settings()
    phone.page.get_by_role("button", name="I have a code").click()
    phone.page.get_by_label("Code of the other device").fill(code.inner_text().lower())
    phone.page.get_by_role("button", name="Next").click()
    expect(phone.page.locator(".card")).to_have_text("Ada")
    phone.page.get_by_role("button", name="Yes, link it").click()
    expect(phone.page.locator(".me-name")).to_have_text("Ada")
    expect(phone.page.locator("p.own .text")).to_have_text("from my computer")


@pytest.mark.parametrize("what", ["that I am here", "what I have received", "that I am typing"])
def test_the_choice_to_hide_something_is_remembered(ada: Person, what: str) -> None:
    switch = ada.page.get_by_role("switch", name=f"Others may see {what}")
    others = ada.page.get_by_role("switch", name="Others may see")
    ada.settings()
    for number in range(3):
        expect(others.nth(number)).to_be_checked()
    switch.uncheck()
    ada.open()
    ada.settings()
    expect(switch).to_be_enabled()
    expect(switch).not_to_be_checked()
    expect(others.and_(ada.page.locator(":checked"))).to_have_count(2)


def test_who_hides_being_here_is_not_seen_and_does_not_see(ada: Person, bob: Person) -> None:
    for person in (ada, bob):
        expect(person.page.locator("#room-people")).to_contain_text("2 here")
    bob.settings()
    bob.page.get_by_role("switch", name="Others may see that I am here").uncheck()
    bob.page.keyboard.press("Escape")
    expect(ada.page.locator("#room-people")).to_contain_text("1 here")
    expect(bob.page.locator("#room-people")).not_to_contain_text("here")
    bob.settings()
    bob.page.get_by_role("switch", name="Others may see that I am here").check()
    bob.page.keyboard.press("Escape")
    for person in (ada, bob):
        expect(person.page.locator("#room-people")).to_contain_text("2 here")


def test_a_browser_notification_has_the_author_and_the_text(ada: Person, bob: Person) -> None:
    bob.page.add_init_script("""
        window.told = [];
        class Told { constructor(title, { body }) { told.push(`${title}: ${body}`); } close() {} }
        Told.permission = "granted";
        Told.requestPermission = async () => "granted";
        window.Notification = Told;
        Object.defineProperty(document, "hidden", { get: () => window.isAway ?? false });
    """)
    bob.open()
    bob.settings()
    bob.page.get_by_role("switch", name="Show notifications").check()
    bob.page.keyboard.press("Escape")
    bob.page.evaluate(
        "() => { window.isAway = true; document.dispatchEvent(new Event('visibilitychange')); }"
    )
    ada.say("Are you there?")
    bob.page.wait_for_function("() => told.length > 0")
    assert bob.page.evaluate("() => told") == ["Ada in Lobby: Are you there?"]
    expect(bob.page).to_have_title("(1) Lobby · trio-chat")


def test_an_insecure_page_says_so_and_why_there_are_no_notifications(ada: Person) -> None:
    ada.settings()
    privacy = ada.page.get_by_text("This connection is not private")
    notify = ada.page.get_by_label("Show notifications while this page is open")
    expect(notify).to_be_visible()
    expect(privacy).to_have_count(0)
    ada.url = ada.url.replace("127.0.0.1", NETWORK_NAME)
    ada.open()
    ada.is_online()
    ada.settings()
    expect(privacy).to_be_visible()
    expect(notify).to_have_count(0)
    expect(ada.page.get_by_text("browsers show them only at addresses that begin with https")).to_be_visible()
