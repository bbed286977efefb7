"""What the rows of the room list tell beside the last line, and what may be dropped on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from .conftest import Person

pytestmark = pytest.mark.browser

DROP = """([selector, type, data]) => {
  const dataTransfer = new DataTransfer();
  if (type === "file") dataTransfer.items.add(new File([data], "photo.png", { type: "image/png" }));
  else dataTransfer.setData(type, data);
  const at = { dataTransfer, bubbles: true, cancelable: true };
  const element = document.querySelector(selector);
  const isAllowed = !element.dispatchEvent(new DragEvent("dragover", at));
  return [isAllowed, !element.dispatchEvent(new DragEvent("drop", at))];
}"""


def test_a_row_tells_what_kind_of_room_it_is_and_what_waits(ada: Person) -> None:
    row = ada.page.locator('#rail-list a[data-room="lobby"]')
    expect(row.locator('.row-kind .icon[data-icon="room"]')).to_be_visible()
    ada.say("sent")
    ada.hears("sent")
    expect(row.locator(".row-status")).to_have_text("")
    ada.context.set_offline(True)
    ada.page.evaluate("() => window.dispatchEvent(new Event('pagehide'))")
    ada.say("not yet")
    expect(row.locator(".row-text")).to_have_text("not yet")
    expect(row.locator(".row-status")).to_contain_text("Waiting to be sent")
    ada.context.set_offline(False)
    ada.page.evaluate("() => window.dispatchEvent(new PageTransitionEvent('pageshow'))")
    ada.hears("sent", "not yet")
    expect(row.locator(".row-status")).to_have_text("")


def test_text_and_links_are_dropped_into_the_field_and_files_go_along_in_place_of_the_page(
    ada: Person,
) -> None:
    page = ada.page
    assert page.evaluate(DROP, ["#chat", "file", "x"]) == [True, True]
    expect(page.get_by_role("group", name="Files to be sent")).to_contain_text("1 file, 1 byte")
    assert page.evaluate(DROP, ["#msg", "file", "x"]) == [True, True]
    assert page.evaluate(DROP, ["#chat", "text/plain", "some text "]) == [True, True]
    expect(page.locator("#msg")).to_have_value("some text ")
    page.evaluate(DROP, ["#rail", "text/uri-list", "# a comment\r\nhttps://example.com/a"])
    expect(page.locator("#msg")).to_have_value("some text https://example.com/a")
    assert page.evaluate(DROP, ["#filter", "text/plain", "x"]) == [False, False], (
        "a field takes text by itself"
    )
    assert page.url == ada.url


def test_the_menu_of_a_row_says_what_the_room_may_tell_and_marks_it_as_unread(
    ada: Person, bob: Person
) -> None:
    bob.say("hello")
    ada.hears("hello")
    ada.page.goto(f"{ada.url}#room=workshop")
    row = ada.page.locator('#rail-list a[data-room="lobby"]')
    expect(row.locator(".row-muted")).to_be_hidden()

    def chooses(what: str) -> None:
        row.click(button="right")
        ada.page.get_by_role("menuitem", name=what, exact=True).click()

    chooses("Tell me nothing of it")
    expect(row.locator(".row-muted")).to_be_visible()
    chooses("Tell me of every message")
    expect(row.locator(".row-muted")).to_be_hidden()
    chooses("Mark as unread")
    expect(row.locator(".badge.dot")).to_be_visible()
    row.focus()
    ada.page.keyboard.press("Shift+F10")
    ada.page.get_by_role("menuitem", name="Mark as read", exact=True).click()
    expect(row.locator(".badge.dot")).to_have_count(0)


def test_a_row_tells_who_is_typing_in_the_room_that_is_open(ada: Person, bob: Person) -> None:
    ada.say("hello")
    bob.hears("hello")
    row = ada.page.locator('#rail-list a[data-room="lobby"]')
    bob.page.focus("#msg")
    bob.page.keyboard.type("and")
    expect(row.locator(".row-text")).to_have_text("Bob is typing…")
    expect(row.locator(".row-lead")).to_have_text("")
    bob.page.press("#msg", "Enter")
    expect(row.locator(".row-text")).to_have_text("and")


def test_a_room_with_unread_messages_is_marked_as_read_from_its_menu(ada: Person, bob: Person) -> None:
    bob.say("first")
    ada.hears("first")
    ada.page.goto(f"{ada.url}#room=workshop")
    ada.is_in("workshop")
    bob.say("second", "third")
    row = ada.page.locator('#rail-list a[data-room="lobby"]')
    expect(row.locator(".badge.count")).to_contain_text("2 unread")
    row.click(button="right")
    expect(ada.page.get_by_role("menuitem", name="Mark as unread", exact=True)).to_have_count(0)
    ada.page.get_by_role("menuitem", name="Mark as read", exact=True).click()
    expect(row.locator(".badge")).to_have_count(0)
    expect(bob.page.locator('#chat p[data-status="read"]').last).to_contain_text("third")
    ada.open()
    expect(row).to_be_visible()
    expect(row.locator(".badge")).to_have_count(0)


def makes_workshop(person: Person) -> None:
    """Make a public room, which opens."""
    person.page.click("#new")
    person.page.get_by_role("menuitem", name="New public room").click()
    person.page.get_by_label("Name", exact=True).fill("workshop")
    person.page.get_by_role("button", name="Create").click()
    person.is_in("workshop")
    expect(person.page.locator("#msg")).to_be_visible()


def test_a_row_says_how_far_ones_newest_message_has_come_in_a_room_that_is_not_open(
    ada: Person, bob: Person
) -> None:
    ada.page.click("#new")
    ada.page.get_by_role("menuitem", name="Write to one person").click()
    ada.page.fill("dialog input", "Bob")
    ada.page.get_by_role("dialog").get_by_role("button", name="Bob").click()
    ada.is_in("Bob")
    ada.say("are you there?")
    row = ada.page.locator("#rail-list a").filter(has_text="are you there?")
    expect(row.locator(".row-status")).to_have_text("Sent: ")
    ada.opens("Lobby")
    bob.page.get_by_role("button", name="1 request").click()
    bob.page.get_by_role("dialog").get_by_role("button", name="Accept Ada").click()
    bob.is_in("Ada")
    expect(row.locator(".row-status")).to_have_text("Read: ")
    expect(row.locator(".row-status .status")).to_be_visible()
    bob.opens("Lobby")
    ada.open()
    ada.is_online()
    expect(row.locator(".row-status")).to_have_text("Read: ")
    ada.opens("Bob")
    ada.say("one more")
    row = ada.page.locator("#rail-list a").filter(has_text="one more")
    ada.opens("Lobby")
    expect(row.locator(".row-status")).to_have_text("Delivered: ")
    bob.say("back")
    bob.opens("Ada")
    expect(row.locator(".row-status")).to_have_text("Read: ")
    bob.say("yes")
    expect(row.locator(".row-status")).to_have_count(0)


def test_a_row_says_that_a_message_of_its_room_was_not_sent(ada: Person) -> None:
    makes_workshop(ada)
    ada.page.focus("#msg")
    ada.page.evaluate("() => document.execCommand('insertText', false, 'x'.repeat(66_000))")
    ada.page.keyboard.press("Enter")
    failed = ada.page.locator("#failed")
    expect(failed).to_be_visible()
    ada.say("behind it")
    row = ada.page.locator('#rail-list a[data-room="workshop"]')
    expect(row.locator(".row-status")).to_have_text("!Not sent: ")
    ada.opens("Lobby")
    expect(row.locator(".row-status")).to_have_text("!Not sent: ")
    ada.open()
    ada.is_online()
    expect(row.locator(".row-status")).to_have_text("!Not sent: ")
    ada.opens("workshop")
    failed.get_by_role("button", name="Discard").click()
    expect(row.locator(".row-status")).to_have_text("")
    expect(row.locator(".row-text")).to_have_text("behind it")


def test_a_room_is_pinned_to_the_top_of_the_list_on_all_devices(ada: Person, bob: Person) -> None:
    makes_workshop(ada)
    ada.say("first")
    ada.opens("Lobby")
    bob.say("hello")
    ada.hears("hello")
    rows = ada.page.locator("#rail-list a")
    expect(rows.locator(".row-title")).to_have_text(["Lobby", "workshop"])
    rows.last.click(button="right")
    ada.page.get_by_role("menuitem", name="Pin to the top", exact=True).click()
    expect(rows.locator(".row-title")).to_have_text(["workshop", "Lobby"])
    expect(rows.first.locator(".row-pinned")).to_be_visible()
    expect(rows.last.locator(".row-pinned")).to_be_hidden()
    bob.say("more")
    ada.hears("hello", "more")
    expect(rows.locator(".row-title")).to_have_text(["workshop", "Lobby"])
    other = ada.context.new_page()
    other.goto(ada.url)
    expect(other.locator("#rail-list a .row-title")).to_have_text(["workshop", "Lobby"])
    other.locator("#rail-list a").first.click(button="right")
    other.get_by_role("menuitem", name="Unpin", exact=True).click()
    expect(rows.locator(".row-title")).to_have_text(["Lobby", "workshop"])
    expect(rows.locator(".row-pinned").first).to_be_hidden()
