"""Rooms, as people meet them: the list, creating, inviting, joining, talking to one person, leaving."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .axe import add_axe, finds_nothing
from .viewports import SMALL_PHONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator

    from .conftest import Person

pytestmark = pytest.mark.browser


def choose(person: Person, what: str) -> None:
    """Press the plus above the list, and one of what it offers."""
    person.page.click("#new")
    person.page.get_by_role("menuitem", name=what).click()


def create_private(person: Person, title: str) -> str:
    """Create a private room; returns the link to it."""
    choose(person, "New private room")
    person.page.get_by_label("Name", exact=True).fill(title)
    person.page.get_by_role("button", name="Create").click()
    link = person.page.get_by_label("Link", exact=True)
    expect(link).to_have_value(re.compile("#join="))
    address = link.input_value()
    person.page.keyboard.press("Escape")
    person.is_in(title)
    return address


def row(person: Person, title: str) -> Locator:
    """A room in the list."""
    return person.page.locator("#rail-list a").filter(has=person.page.get_by_text(title, exact=True))


def test_a_private_room_is_created_and_joined_by_invitation(ada: Person, bob: Person) -> None:
    link = create_private(ada, "Book club")
    ada.say("We read Middlemarch next")
    bob.page.goto(link)
    dialog = bob.page.get_by_role("dialog", name="Join “Book club”?")
    expect(dialog).to_contain_text("Ada invites you.")
    dialog.get_by_role("button", name="Join").click()
    bob.is_in("Book club")
    bob.hears("We read Middlemarch next")
    assert "join" not in bob.page.url
    bob.say("I am in")
    ada.hears("We read Middlemarch next", "I am in")
    expect(ada.page.locator("#room-people")).to_contain_text("2 members")


def test_a_void_invitation_says_so(ada: Person, bob: Person) -> None:
    link = create_private(ada, "Secret plans")
    ada.page.click("#info")
    ada.page.locator("#side").get_by_role(
        "button", name="Invite people"
    ).click()  # not that of the empty room
    ada.page.get_by_role("button", name="Make all links void").click()
    ada.page.get_by_role("dialog", name="Make all links void?").get_by_role(
        "button", name="Make all links void"
    ).click()
    expect(ada.page.locator(".toast")).to_contain_text("void now")
    bob.page.goto(link)
    expect(bob.page.get_by_role("dialog", name="This invitation does not work")).to_be_visible()


def test_a_newcomer_with_an_invitation_is_asked_for_a_name(
    ada: Person, open_person: Callable[..., Person]
) -> None:
    link = create_private(ada, "Book club")
    guest = open_person(**SMALL_PHONE)
    guest.is_online()
    guest.page.goto(link)
    guest.page.get_by_label("Your name").fill("Grace")
    guest.page.get_by_role("button", name="Join").click()
    guest.is_in("Book club")
    guest.say("Hello from my phone")
    expect(ada.page.locator("#chat .author").last).to_have_text("Grace")


def test_the_room_list_counts_unread_messages_until_they_are_read(ada: Person, bob: Person) -> None:
    link = create_private(ada, "Book club")
    bob.page.goto(link)
    bob.page.get_by_role("button", name="Join").click()
    bob.is_in("Book club")
    bob.opens("Lobby")
    ada.say("one", "two")
    expect(row(bob, "Book club")).to_contain_text("2 unread")
    expect(row(bob, "Book club")).to_contain_text("Ada: two")
    expect(bob.page).to_have_title("(2) Lobby · trio-chat")
    bob.opens("Book club")
    expect(row(bob, "Book club").locator(".badge")).to_have_count(0)
    expect(bob.page).to_have_title("Book club · trio-chat")


def test_a_muted_room_does_not_count_in_the_title(ada: Person, bob: Person) -> None:
    link = create_private(ada, "Loud room")
    bob.page.goto(link)
    bob.page.get_by_role("button", name="Join").click()
    bob.is_in("Loud room")
    bob.page.click("#info")
    bob.page.get_by_label("Tell me about").select_option("Nothing for 8 hours")
    expect(bob.page.locator(".info")).to_contain_text("Quiet until")
    bob.opens("Lobby")
    ada.say("hear me")
    expect(row(bob, "Loud room")).to_contain_text("1 unread")
    expect(row(bob, "Loud room")).to_contain_text("quiet")
    expect(bob.page).to_have_title("Lobby · trio-chat")


def test_a_direct_conversation_is_between_two_people(ada: Person, bob: Person) -> None:
    bob.say("hello")
    ada.hears("hello")
    choose(ada, "Write to one person")
    ada.page.get_by_role("dialog").get_by_role("button", name="Bob").click()
    ada.is_in("Bob")
    ada.say("only for you")
    bob.page.get_by_role("button", name="1 request").click()
    bob.page.get_by_role("button", name="Accept Ada").click()
    expect(row(bob, "Ada")).to_contain_text("only for you")
    bob.is_in("Ada")
    bob.hears("only for you")


def test_a_public_room_is_found_visited_and_joined(ada: Person, bob: Person) -> None:
    choose(ada, "New public room")
    ada.page.get_by_label("Name", exact=True).fill("Café & Tea")
    expect(ada.page.get_by_label("Address")).to_have_value("cafe-tea")
    ada.page.get_by_role("button", name="Create").click()
    ada.is_in("Café & Tea")
    ada.say("Green tea, please")
    bob.page.goto(f"{bob.url}#room=cafe-tea")
    bob.is_in("Café & Tea")
    bob.hears("Green tea, please")
    expect(row(bob, "Café & Tea")).to_have_count(0)
    bob.page.locator("#visit").get_by_role("button", name="Join").click()
    expect(row(bob, "Café & Tea")).to_be_visible()
    expect(bob.page.locator("#visit")).to_be_hidden()
    choose(bob, "Browse public rooms")
    expect(
        bob.page.get_by_role("dialog").get_by_role("button", name=re.compile("Café & Tea"))
    ).to_contain_text("Open")


def test_title_and_topic_of_a_room_change_for_everybody(ada: Person, bob: Person) -> None:
    bob.page.goto(create_private(ada, "Book club"))
    bob.page.get_by_role("button", name="Join").click()
    bob.is_in("Book club")
    ada.page.click("#info")
    for what, text in {"name": "Film club", "topic": "One film a week"}.items():
        ada.page.get_by_role("button", name=f"Change the {what}").click()
        ada.page.get_by_role("textbox", name=f"Change the {what}").fill(text)
        ada.page.keyboard.press("Enter")
    bob.is_in("Film club")
    expect(row(bob, "Film club")).to_be_visible()
    expect(bob.page.locator("#room-people")).to_contain_text("One film a week")


def test_who_goes_on_while_a_name_is_saved_stays_where_they_are(ada: Person) -> None:
    create_private(ada, "Book club")
    ada.page.click("#info")
    ada.page.get_by_role("button", name="Change the name").click()
    ada.page.get_by_role("textbox", name="Change the name").fill("Film club")
    topic = ada.page.get_by_role("button", name="Change the topic").element_handle()
    ada.page.evaluate("(topic) => { document.activeElement.form.requestSubmit(); topic.click(); }", topic)
    expect(ada.page.get_by_role("textbox", name="Change the name")).to_be_hidden()
    expect(ada.page.get_by_role("textbox", name="Change the topic")).to_be_focused()


def test_a_private_room_that_was_left_is_gone_from_the_list(ada: Person, bob: Person) -> None:
    bob.page.goto(create_private(ada, "Book club"))
    bob.page.get_by_role("button", name="Join").click()
    bob.is_in("Book club")
    bob.page.click("#info")
    bob.page.get_by_role("button", name="Leave this room").click()
    bob.page.get_by_role("dialog").get_by_role("button", name="Leave this room").click()
    bob.is_in("Lobby")
    expect(row(bob, "Book club")).to_have_count(0)
    expect(ada.page.locator("#room-people")).to_contain_text("1 member")


def test_on_a_phone_list_and_room_are_two_screens_with_a_way_back(
    ada: Person, open_person: Callable[..., Person]
) -> None:
    phone = open_person(name="Grace", **SMALL_PHONE)
    expect(phone.page.locator("#rail")).to_be_hidden()
    ada.say("hello")
    phone.page.click("#back")
    expect(phone.page.locator("#msg")).to_be_hidden()
    row(phone, "Lobby").click()
    expect(phone.page.locator("#msg")).to_be_visible()
    phone.page.go_back()
    expect(phone.page.locator("#rail")).to_be_visible()


def test_rooms_are_found_and_changed_with_the_keyboard(ada: Person) -> None:
    create_private(ada, "Book club")
    ada.say("it is the newest now")
    ada.hears("it is the newest now")
    ada.page.keyboard.press("Control+k")
    expect(ada.page.locator("#filter")).to_be_focused()
    ada.page.keyboard.type("lob")
    expect(ada.page.locator("#rail-list a")).to_have_count(1)
    ada.page.keyboard.press("Enter")
    ada.is_in("Lobby")
    expect(ada.page.locator("#msg")).to_be_focused()
    ada.page.keyboard.press("Alt+ArrowUp")
    ada.is_in("Book club")
    ada.page.keyboard.press("Alt+ArrowDown")
    ada.is_in("Lobby")
    ada.page.locator("#chat").focus()
    ada.page.keyboard.press("?")
    expect(ada.page.get_by_role("dialog", name="What you can do here")).to_be_visible()


def test_a_reload_opens_the_room_that_was_open(ada: Person) -> None:
    create_private(ada, "Book club")
    ada.page.reload()
    ada.is_in("Book club")


def test_rooms_and_dialogs_are_accessible_to_axe(open_person: Callable[..., Person]) -> None:
    ada = open_person(name="Ada")
    add_axe(ada.page)
    ada.open()
    ada.is_online()
    finds_nothing(ada.page)
    ada.page.click("#new")
    expect(ada.page.get_by_role("menu")).to_be_visible()
    finds_nothing(ada.page)
    ada.page.keyboard.press("Escape")
    create_private(ada, "Book club")
    ada.page.click("#info")
    expect(ada.page.locator(".info .entry")).to_have_count(1)
    finds_nothing(ada.page)
    ada.page.get_by_role("button", name="Invite people").click()
    expect(ada.page.locator(".qr")).to_be_visible()
    finds_nothing(ada.page)
    ada.page.keyboard.press("Escape")
    for opener in ("#me", "#help"):
        ada.page.click(opener)
        expect(ada.page.get_by_role("dialog")).to_be_visible()
        finds_nothing(ada.page)
        ada.page.keyboard.press("Escape")
