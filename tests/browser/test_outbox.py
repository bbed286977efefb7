"""The outbox gets past anything: the person sees what was not sent and why, and the rest goes out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import WebSocketRoute

    from tests.browser.conftest import Person

pytestmark = pytest.mark.browser

LONG = "x" * 66_000


def paste(person: Person, text: str) -> None:
    """Put a text into the field as a paste does, in one go, and press Enter."""
    person.page.focus("#msg")
    person.page.evaluate("(text) => document.execCommand('insertText', false, text)", text)
    person.page.keyboard.press("Enter")


def through(person: Person, deviate: Callable[[WebSocketRoute, str], bool]) -> None:
    """Let the page go through a proxy that does something else to some frames, and load it again."""

    def route(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def from_page(message: str | bytes) -> None:
            if not deviate(socket, str(message)):
                server.send(message)

        socket.on_message(from_page)

    person.page.route_web_socket("**", route)
    person.open()
    person.is_online()


def test_a_long_paste_locks_nobody_out(ada: Person, bob: Person) -> None:
    ada.is_online()
    paste(ada, LONG)
    ada.say("behind it")
    bob.hears("behind it")
    failed = ada.page.locator("#failed")
    expect(failed).to_contain_text("longer than the server takes")
    expect(failed).to_contain_text("xxxxxxxx")
    expect(failed.get_by_role("button", name="Try again")).to_be_hidden()
    ada.is_online()
    ada.open()  # it survives
    expect(failed).to_be_visible()
    ada.say("after a reload")
    bob.hears("behind it", "after a reload")
    failed.get_by_role("button", name="Discard").click()
    expect(failed).to_be_hidden()
    ada.open()
    ada.is_online()
    expect(failed).to_be_hidden()
    ada.hears("behind it", "after a reload")


def test_what_failed_is_decided_upon_once_in_whichever_tab(ada: Person) -> None:
    ada.is_online()
    paste(ada, LONG)
    failed = ada.page.locator("#failed")
    expect(failed).to_be_visible()
    other = ada.context.new_page()
    other.goto(ada.url)
    expect(other.locator("#failed")).to_be_visible()
    other.locator("#failed").get_by_role("button", name="Discard").click()
    expect(failed).to_be_hidden()
    expect(other.locator("#failed")).to_be_hidden()


def test_an_edit_to_a_long_text_fails_and_can_be_edited_again(ada: Person, bob: Person) -> None:
    ada.say("short")
    bob.hears("short")
    ada.page.press("#msg", "ArrowUp")
    expect(ada.page.locator(".composer-bar")).to_be_visible()
    paste(ada, LONG)
    ada.say("behind it")
    bob.hears("short", "behind it")
    failed = ada.page.locator("#failed")
    expect(failed).to_be_visible()
    expect(failed.get_by_role("button", name="Send in parts")).to_be_hidden()
    failed.get_by_role("button", name="Edit").click()
    expect(ada.page.locator(".composer-bar")).to_contain_text("Edit")
    ada.page.keyboard.press("ControlOrMeta+a")
    ada.page.keyboard.type("long enough")
    ada.page.keyboard.press("Enter")
    bob.hears("long enough", "behind it")


def test_a_refused_message_is_sent_in_parts(ada: Person, bob: Person) -> None:
    ada.is_online()
    paste(ada, "word " * 1_000)
    failed = ada.page.locator("#failed")
    expect(failed).to_contain_text("4,000")
    failed.get_by_role("button", name="Send in parts").click()
    expect(failed).to_be_hidden()
    expect(bob.page.locator("#chat p .text")).to_have_count(2)
    assert " ".join(bob.texts()).count("word") == 1_000


def test_the_field_counts_down_and_offers_to_send_in_parts(ada: Person, bob: Person) -> None:
    ada.is_online()
    count = ada.page.locator(".length-notice")
    ada.page.fill("#msg", "x" * 3_799)
    expect(count).to_be_hidden()
    ada.page.fill("#msg", "😀" * 3_990)
    expect(count).to_have_text("10 leftSend in parts", use_inner_text=False)
    expect(count.get_by_role("button")).to_be_hidden()
    ada.page.fill("#msg", "Some words here. " * 300)
    expect(count).to_contain_text("1,100 too many")
    count.get_by_role("button", name="Send in parts").click()
    expect(bob.page.locator("#chat p .text")).to_have_count(2)
    expect(count).to_be_hidden()
    expect(ada.page.locator("#msg")).to_have_value("")
    assert all(text.endswith("here.") for text in bob.texts())


@pytest.mark.parametrize("code", [1007, 1008, 1009, 4999])
def test_whatever_the_server_hangs_up_with_the_rest_goes_out(ada: Person, bob: Person, code: int) -> None:
    def hang_up(socket: WebSocketRoute, frame: str) -> bool:
        if json.loads(frame).get("text") != "poison":
            return False
        socket.close(code=code, reason="Not that.")
        return True

    through(ada, hang_up)
    ada.say("one", "poison", "two")
    bob.hears("one", "two")
    expect(ada.page.locator("#failed")).to_contain_text("“poison”")
    ada.open()
    expect(ada.page.locator("#failed")).to_contain_text("“poison”")
    ada.say("three")
    bob.hears("one", "two", "three")


def test_a_proxy_that_cuts_at_a_message_holds_up_nothing(ada: Person, bob: Person) -> None:
    def cut(socket: WebSocketRoute, frame: str) -> bool:
        if json.loads(frame).get("text") != "poison":
            return False
        socket.close(code=1011)
        return True

    through(ada, cut)
    ada.say("poison", "behind")
    bob.page.locator("#chat p .text").filter(has_text="behind").wait_for(timeout=60_000)
    failed = ada.page.locator("#failed")
    expect(failed).to_contain_text("“poison”")
    expect(failed.get_by_role("button", name="Try again")).to_be_visible()


STRANGE = [
    {"id": "000000001-a", "command": "vote", "room": "lobby", "choice": 1},
    {"id": "000000001-b", "command": "send", "room": 5, "at": "soon", "text": "left by another page"},
    {"id": "000000001-c", "command": "send", "room": "lobby", "at": 5, "text": {"not": "a text"}},
    {"id": "000000001-d", "command": "react", "room": "lobby"},
    {"id": 7},
]


def test_what_another_page_left_in_the_browser_holds_up_nothing(ada: Person, bob: Person) -> None:
    ada.is_online()
    ada.page.evaluate(
        """(entries) => new Promise((resolve, reject) => {
          const opening = indexedDB.open("trio-chat");
          opening.onerror = reject;
          opening.onsuccess = () => {
            const transaction = opening.result.transaction("outbox", "readwrite");
            for (const entry of entries) transaction.objectStore("outbox").put(entry);
            transaction.oncomplete = () => (opening.result.close(), resolve());
          };
        })""",
        STRANGE,
    )
    ada.open()
    ada.say("hello")
    bob.hears("hello")
    failed = ada.page.locator("#failed")
    expect(failed).to_contain_text("left by another page")
    failed.get_by_role("button", name="Edit").click()
    ada.page.press("#msg", "Enter")
    bob.hears("hello", "left by another page")
