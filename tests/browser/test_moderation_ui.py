"""Looking after rooms and the server, as people meet it: owner link, roles, mute, removal, slow mode, knocking.

``TRIO_CHAT_SCREENSHOTS=DIR`` keeps what is seen on the way in that directory; what is called ``moderation-…`` are the
pictures of docs/moderation.md.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .axe import add_axe, finds_nothing
from .viewports import DESKTOP, PHONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator

    from .conftest import Person, Server

pytestmark = pytest.mark.browser


SERVER = "Running this server"

DOCS = Path(__file__).parent.parent.parent / "docs"


def test_every_picture_of_the_moderators_guide_is_taken_here_and_there() -> None:
    pictures = re.findall(r"\]\(screenshots/([\w-]+)\.png\)", (DOCS / "moderation.md").read_text())
    taken = re.findall(r'"(moderation-[\w-]+)"', Path(__file__).read_text())
    assert sorted(pictures) == sorted(taken)
    for picture in pictures:
        assert (DOCS / "screenshots" / f"{picture}.png").exists(), picture


def keep(person: Person, name: str) -> None:
    """Save what is on the screen, when somebody wants to have it."""
    folder = os.environ.get("TRIO_CHAT_SCREENSHOTS")
    if folder:
        person.page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled")


def dialog(person: Person, name: str | re.Pattern[str]) -> Locator:
    """The open dialog of this name."""
    return person.page.get_by_role("dialog", name=name)


def toast(person: Person) -> Locator:
    """The newest toast."""
    return person.page.locator(".toast").last


def become_owner(person: Person, server: Server) -> None:
    """Open an owner link, and confirm."""
    person.page.goto(server.owner_link())
    asked = dialog(person, "Become the owner of this server?")
    asked.get_by_role("button", name="Become the owner").click()
    expect(dialog(person, "You are the owner of this server")).to_be_visible()
    person.page.keyboard.press("Escape")


def menu_of(person: Person, text: str) -> Locator:
    """The menu of the message that says this."""
    person.page.locator("#chat p", has_text=text).click(button="right")
    menu = person.page.get_by_role("menu")
    expect(menu).to_be_visible()
    return menu


def moderate(person: Person, text: str) -> Locator:
    """The dialog to mute or remove who wrote this."""
    menu_of(person, text).get_by_role("menuitem", name=re.compile("^Mute or remove")).click()
    return dialog(person, re.compile("^Mute or remove"))


def choose(group: Locator, title: str, choice: str) -> None:
    """Press one of the choices under a title."""
    group.get_by_role("group", name=title).get_by_role("button", name=choice).click()


def create_private(person: Person, title: str) -> str:
    """Create a private room; returns the link to it."""
    person.page.click("#new")
    person.page.get_by_role("menuitem", name="New private room").click()
    person.page.get_by_label("Name", exact=True).fill(title)
    person.page.get_by_role("button", name="Create").click()
    link = person.page.get_by_label("Link", exact=True)
    expect(link).to_have_value(re.compile("#join="))
    address = link.input_value()
    person.page.keyboard.press("Escape")
    person.is_in(title)
    return address


def join(person: Person, link: str) -> None:
    """Open the link, and join."""
    person.page.goto(link)
    person.page.get_by_role("button", name="Join").click()


def test_an_owner_link_makes_the_owner_who_gives_roles(
    server: Server, open_person: Callable[..., Person]
) -> None:
    ada = open_person(name="Ada", **DESKTOP)
    bob = open_person(name="Bob", **PHONE)
    bob.say("hello")
    link = server.owner_link()
    ada.page.goto(link)
    asked = dialog(ada, "Become the owner of this server?")
    expect(asked).to_be_visible()
    assert "own" not in ada.page.url
    keep(ada, "owner-link")
    asked.get_by_role("button", name="Become the owner").click()
    steps = dialog(ada, "You are the owner of this server")
    keep(ada, "first-steps")
    steps.get_by_role("button", name="Go there").click()
    ada.is_in(SERVER)
    expect(ada.page.locator("#chat .note")).to_have_text("You became an owner of this server")
    expect(ada.page.locator("#rail-list a").first).to_contain_text(SERVER)

    ada.page.get_by_role("button", name="Give somebody a role").click()
    dialog(ada, "Give somebody a role").get_by_role("button", name="Bob").click()
    card = dialog(ada, "About this person")
    card.get_by_label("Role on this server").select_option("Moderator")
    expect(toast(ada)).to_contain_text("Bob is a moderator of this server now.")
    ada.page.keyboard.press("Escape")
    expect(ada.page.locator("#chat .note").last).to_have_text("You made Bob a moderator of this server")
    expect(ada.page.locator(".server-parts .decision")).to_have_count(2)
    keep(ada, "server")

    bob.opens(SERVER)
    expect(bob.page.locator("#chat .note").last).to_have_text("Ada made you a moderator of this server")
    bob.page.click("#info")
    expect(bob.page.get_by_role("heading", name="Who runs this server")).to_be_visible()
    keep(bob, "moderation-server")
    bob.page.goto(link)
    dialog(bob, "Become the owner of this server?").get_by_role("button", name="Become the owner").click()
    expect(bob.page.locator(".problem", has_text="not valid any more")).to_be_visible()


def test_a_mute_takes_two_presses_and_is_undone(server: Server, open_person: Callable[..., Person]) -> None:
    ada = open_person(name="Ada", **PHONE)
    bob = open_person(name="Bob", **PHONE)
    become_owner(ada, server)
    bob.say("buy cheap watches")
    ada.hears("buy cheap watches")
    keep(ada, "message-menu-before")
    offered = moderate(ada, "buy cheap watches")
    keep(ada, "moderation-mute")
    choose(offered, "Mute: they read, and write nothing", "1 hour")
    expect(toast(ada)).to_contain_text("Bob is muted for an hour.")
    keep(ada, "muted-toast")
    state = bob.page.locator(".writing-state")
    expect(state).to_contain_text("A moderator has muted you until")
    expect(bob.page.locator("#msg")).to_be_hidden()
    keep(bob, "moderation-muted")
    expect(bob.page.locator("#chat .note")).to_contain_text("Ada muted you until")
    toast(ada).get_by_role("button", name="Undo").click()
    expect(bob.page.locator("#msg")).to_be_visible()
    bob.say("sorry")
    ada.hears("buy cheap watches", "sorry")

    menu_of(ada, "buy cheap watches").get_by_role("menuitem", name="Delete", exact=True).click()
    ada.page.get_by_role("button", name="Delete it and mute Bob for an hour").click()
    expect(state).to_be_visible()
    expect(bob.page.locator("#chat p.deleted")).to_have_count(1)


def test_who_is_muted_everywhere_keeps_what_they_wrote(
    server: Server, open_person: Callable[..., Person]
) -> None:
    ada = open_person(name="Ada", **DESKTOP)
    bob = open_person(name="Bob", **DESKTOP)
    become_owner(ada, server)
    bob.say("one")
    ada.hears("one")
    offered = moderate(ada, "one")
    offered.get_by_label("On the whole server").check()
    keep(ada, "moderate-desk")
    bob.page.fill("#msg", "a long thought")
    choose(offered, "Mute everywhere: they read, and write nothing", "For ever")
    expect(toast(ada)).to_contain_text("Bob is muted for ever.")
    expect(bob.page.locator(".writing-state")).to_contain_text("A moderator has muted you. You can read.")
    expect(bob.page.locator("#msg")).to_have_value("a long thought")
    expect(bob.page.locator("#msg")).to_be_hidden()
    expect(bob.page.locator("#failed")).to_be_hidden()
    bob.open()
    expect(bob.page.locator(".writing-state")).to_contain_text("A moderator has muted you. You can read.")
    expect(bob.page.locator("#msg")).to_be_hidden()
    keep(bob, "muted-everywhere-desk")
    toast(ada).get_by_role("button", name="Undo").click()
    expect(bob.page.locator("#msg")).to_be_visible()
    expect(bob.page.locator("#msg")).to_have_value("a long thought")


def test_who_is_banned_is_told_and_does_not_come_back(
    server: Server, open_person: Callable[..., Person]
) -> None:
    ada = open_person(name="Ada", **DESKTOP)
    bob = open_person(name="Bob", **PHONE)
    become_owner(ada, server)
    bob.say("spam")
    ada.hears("spam")
    offered = moderate(ada, "spam")
    offered.get_by_label("On the whole server").check()
    offered.get_by_label("Reason").fill("spam")
    choose(offered, "Ban from the server, with all devices", "1 week")
    expect(toast(ada)).to_contain_text("Bob is banned for a week.")
    removed = re.compile("A moderator has removed you from this server until .+: spam.")
    expect(bob.page.locator("#banner")).to_contain_text(removed)
    keep(bob, "banned-phone")
    bob.open()
    expect(bob.page.locator("#banner")).to_contain_text(removed)
    ada.opens(SERVER)
    expect(ada.page.locator("#chat .note").last).to_have_text(re.compile("You banned Bob until .+: spam"))
    ada.page.click("#info")
    ada.page.get_by_role("button", name="Undo: Bob").click()
    expect(ada.page.locator("#chat .note").last).to_have_text("You let Bob come to the server again")
    bob.page.get_by_role("button", name="Try now").click()
    bob.is_online()


def test_a_ban_reaches_all_tabs_and_neither_loses_what_was_written(
    server: Server, open_person: Callable[..., Person]
) -> None:
    ada = open_person(name="Ada", **DESKTOP)
    bob = open_person(name="Bob", **DESKTOP)
    become_owner(ada, server)
    bob.say("spam")
    ada.hears("spam")
    first, second = bob.page, bob.context.new_page()
    second.goto(bob.url)
    expect(second.locator("#chat p .text")).to_have_text(["spam"])
    first.fill("#msg", "half a thought")
    offered = moderate(ada, "spam")
    offered.get_by_label("On the whole server").check()
    choose(offered, "Ban from the server, with all devices", "1 day")
    for tab in (first, second):
        expect(tab.locator("#banner")).to_contain_text("A moderator has removed you from this server")
    expect(first.locator("#msg")).to_have_value("half a thought")
    second.reload()
    expect(second.locator("#banner")).to_contain_text("A moderator has removed you from this server")
    toast(ada).get_by_role("button", name="Undo").click()
    expect(toast(ada)).to_contain_text("Bob can come again.")
    for tab in (first, second):
        tab.get_by_role("button", name="Try now").click()
        expect(tab.locator("#status")).to_have_text("Online")
        expect(tab.locator("#banner")).to_be_hidden()
    expect(first.locator("#msg")).to_have_value("half a thought")
    first.press("#msg", "Enter")
    for tab in (first, second, ada.page):
        expect(tab.locator("#chat p .text").last).to_have_text("half a thought")


def test_who_is_removed_from_a_room_loses_it_in_all_tabs(open_person: Callable[..., Person]) -> None:
    ada = open_person(name="Ada", **DESKTOP)
    bob = open_person(name="Bob", **DESKTOP)
    join(bob, create_private(ada, "Book club"))
    bob.is_in("Book club")
    bob.say("I have not read it")
    first, second, third = bob.page, bob.context.new_page(), bob.context.new_page()
    second.goto(first.url)  # the same room
    third.goto(f"{bob.url}#room=lobby")
    row = "#rail-list a:has-text('Book club')"
    expect(second.locator("#chat p .text")).to_have_text(["I have not read it"])
    expect(third.locator(row)).to_be_visible()
    third.click(row)
    expect(third.locator("#room-title")).to_have_text("Book club")
    third.go_back()
    expect(third.locator("#room-title")).to_have_text("Lobby")
    choose(moderate(ada, "I have not read it"), "Remove from this room", "1 day")
    for tab in (first, second, third):
        expect(tab.locator("#room-title")).to_have_text("Lobby")
        expect(tab.locator(row)).to_have_count(0)
        expect(tab.locator(".toast").last).to_contain_text("A moderator has removed you from “Book club”.")
        expect(tab.locator("#chat p .text")).to_have_count(0)
    second.reload()
    expect(second.locator("#status")).to_have_text("Online")
    expect(second.locator(row)).to_have_count(0)
    # What is kept is written a second later.
    second.wait_for_function(f"async () => !(await ({EVERYTHING_KEPT})()).includes('I have not read it')")


EVERYTHING_KEPT = """async () => {
  const names = (await indexedDB.databases()).map(({ name }) => name);
  const all = await Promise.all(names.map((name) => new Promise((resolve) => {
    indexedDB.open(name).onsuccess = ({ target: { result: database } }) => {
      const stores = [...database.objectStoreNames];
      const reads = stores.map((store) => new Promise((done) => {
        database.transaction(store).objectStore(store).getAll().onsuccess = ({ target }) => done(target.result);
      }));
      Promise.all(reads).then(resolve);
    };
  })));
  return JSON.stringify([all, { ...localStorage }, { ...sessionStorage }]);
}"""
"""All that the browser keeps for the page, as text."""


def test_those_whom_somebody_brought_in_are_banned_together(
    server: Server, open_person: Callable[..., Person]
) -> None:
    ada = open_person(name="Ada", **PHONE)
    bob = open_person(name="Bob", **DESKTOP)
    become_owner(ada, server)
    link = create_private(bob, "Spam club")
    guests = [open_person(name=name, **DESKTOP) for name in ("Cy", "Di", "Ed")]
    for guest in guests:
        join(guest, link)
        guest.is_in("Spam club")
    ada.opens(SERVER)

    def look() -> Locator:
        ada.page.click("#info")
        ada.page.get_by_role("button", name="Give somebody a role").click()
        dialog(ada, "Give somebody a role").get_by_role("button", name="Bob").click()
        ada.page.get_by_role("button", name="Whom they brought in").click()
        return dialog(ada, "Whom Bob brought in")

    offered = look()
    expect(offered.get_by_role("checkbox")).to_have_count(3)
    expect(offered.get_by_role("listitem").filter(has_text="Cy")).to_contain_text("by Bob")
    keep(ada, "branch-phone")
    offered.get_by_label("Di").uncheck()
    offered.get_by_role("button", name="Ban 2 people from the server").click()
    expect(toast(ada)).to_contain_text("2 people are banned from the server.")
    for guest in (guests[0], guests[2]):
        expect(guest.page.locator("#banner")).to_contain_text("A moderator has removed you from this server.")
    guests[1].is_online()
    toast(ada).get_by_role("button", name="Undo").click()
    expect(toast(ada)).to_contain_text("2 people can come again.")
    guests[0].page.get_by_role("button", name="Try now").click()
    guests[0].is_online()


def test_who_is_removed_from_a_room_is_told_and_can_be_brought_back(
    open_person: Callable[..., Person],
) -> None:
    ada = open_person(name="Ada", **DESKTOP)
    bob = open_person(name="Bob", **PHONE)
    join(bob, create_private(ada, "Book club"))
    bob.is_in("Book club")
    bob.say("I have not read it")
    choose(moderate(ada, "I have not read it"), "Remove from this room", "1 day")
    bob.is_in("Lobby")
    expect(toast(bob)).to_contain_text("A moderator has removed you from “Book club”.")
    toast(ada).get_by_role("button", name="Undo").click()
    expect(toast(ada)).to_contain_text("Bob can come again.")
    bob.opens("Book club")
    expect(ada.page.locator("#room-people")).to_contain_text("2 members")


def test_a_room_is_slow_or_for_announcements_only(open_person: Callable[..., Person]) -> None:
    ada = open_person(name="Ada", **DESKTOP)
    bob = open_person(name="Bob", **PHONE)
    join(bob, create_private(ada, "News"))
    bob.is_in("News")
    ada.page.click("#info")
    ada.page.get_by_label("Slow mode").select_option("One message each in 5 minutes")
    expect(bob.page.locator("#chat .note").last).to_contain_text("Ada set slow mode")
    keep(ada, "room-settings")
    bob.say("first")
    bob.hears("first")
    bob.say("second")
    expect(bob.page.locator(".complaint")).to_contain_text("This room is slow.")
    expect(bob.page.locator(".writing-countdown")).to_contain_text("Again in 4:")
    expect(bob.page.locator("#msg")).to_have_value("second")
    keep(bob, "moderation-slow")
    ada.page.get_by_label("Who may write").select_option("Only moderators")
    expect(bob.page.locator(".writing-state")).to_contain_text("Only moderators write here.")
    expect(bob.page.locator(".writing-state")).to_contain_text("What you wrote is kept.")
    keep(bob, "announcements-phone")
    bob.page.click("#info")
    expect(bob.page.locator(".policy")).to_contain_text("Only moderators write here.")
    keep(bob, "room-rules-phone")
    bob.page.get_by_role("button", name="Close").click()
    ada.page.get_by_label("Slow mode").select_option("Off")
    ada.page.get_by_label("Who may write").select_option("Everybody here")
    expect(bob.page.locator(".writing-state")).to_be_hidden()
    expect(bob.page.locator("#msg")).to_have_value("second")
    bob.page.press("#msg", "Enter")
    ada.hears("first", "second")


def test_people_knock_and_are_let_in(open_person: Callable[..., Person]) -> None:
    ada = open_person(name="Ada", **PHONE)
    ada.page.click("#back")
    link = create_private(ada, "Neighbours")
    ada.page.click("#info")
    ada.page.get_by_label("Who opens a link").select_option("Knocks: a moderator lets them in")
    expect(ada.page.locator("#chat .note").last).to_contain_text("people knock")
    ada.page.get_by_role("button", name="Close").click()

    bob = open_person(name="Bob", **PHONE)
    join(bob, link)
    knocked = dialog(bob, "You knocked")
    expect(knocked).to_contain_text("Somebody who looks after “Neighbours” lets you in.")
    keep(bob, "knocked-phone")
    knocked.get_by_role("button", name="Close").last.click()
    bob.page.click("#back")
    expect(bob.page.locator(".knocked-row")).to_contain_text("Neighbours")
    keep(bob, "knocked-list-phone")
    bob.page.reload()

    bar = ada.page.get_by_role("button", name="Bob waits to be let in")
    expect(bar).to_be_visible()
    keep(ada, "waiting-bar-phone")
    bar.click()
    ada.page.get_by_role("button", name="Let in: Bob").scroll_into_view_if_needed()
    keep(ada, "moderation-waiting")
    ada.page.get_by_role("button", name="Let in: Bob").click()
    expect(bar).to_be_hidden()
    expect(toast(bob)).to_contain_text("You are in “Neighbours” now.")
    toast(bob).get_by_role("button", name="Open").click()
    bob.is_in("Neighbours")
    expect(ada.page.locator("#chat .note").last).to_have_text("You let Bob in")

    cleo = open_person(name="Cleo", **PHONE)
    join(cleo, link)
    expect(dialog(cleo, "You knocked")).to_be_visible()
    ada.page.get_by_role("button", name="Send away: Cleo").click()
    expect(toast(ada)).to_contain_text("Cleo was sent away.")


def test_a_report_reaches_those_who_run_the_server(
    server: Server, open_person: Callable[..., Person]
) -> None:
    ada = open_person(name="Ada", **PHONE)
    bob = open_person(name="Bob", **PHONE)
    cleo = open_person(name="Cleo", **PHONE)
    become_owner(ada, server)
    bob.say("buy cheap watches", "really cheap")
    cleo.hears("buy cheap watches", "really cheap")
    menu_of(cleo, "buy cheap watches").get_by_role("menuitem", name="Report").click()
    asked = dialog(cleo, "Report this message?")
    asked.get_by_label("What is wrong?").fill("spam")
    keep(cleo, "report-phone")
    asked.get_by_role("button", name="Report").click()
    expect(toast(cleo)).to_contain_text("Reported.")

    ada.page.click("#back")
    row = ada.page.locator("#rail-list a", has_text=SERVER)
    expect(row).to_contain_text("1 open report")
    keep(ada, "badges-phone")
    row.click()
    expect(ada.page.locator("#chat .note").last).to_have_text("Cleo reported Bob: spam")
    ada.page.click("#info")
    report = ada.page.locator(".report")
    expect(report).to_contain_text("buy cheap watches")
    report.get_by_role("button", name="I take it").click()
    expect(report).to_contain_text("You look after it")
    keep(ada, "moderation-reports")
    report.get_by_role("button", name="Delete").click()
    expect(toast(ada)).to_contain_text("The message is deleted.")
    report.get_by_role("button", name="Mute or ban").click()
    choose(
        dialog(ada, re.compile("^Mute or remove")), "Delete what they wrote in all public rooms", "Last hour"
    )
    dialog(ada, "Delete what Bob wrote in the last hour?").get_by_role("button", name="Delete it").click()
    expect(bob.page.locator("#chat p.deleted")).to_have_count(2)
    report.get_by_role("button", name="Done").click()
    expect(report).to_have_count(0)
    ada.page.get_by_role("button", name="Close", exact=True).first.click()
    expect(ada.page.locator("#chat .note").last).to_have_text("You closed the report about Bob: deleted")


def test_who_may_come_is_decided_and_people_wait_at_the_door(
    server: Server, open_person: Callable[..., Person]
) -> None:
    ada = open_person(name="Ada", **DESKTOP)
    become_owner(ada, server)
    ada.opens(SERVER)
    ada.page.click("#info")
    who = ada.page.get_by_label("People whom nobody here knows")
    who.select_option("Wait until somebody lets them in")
    expect(ada.page.locator("#chat .note").last).to_have_text(
        "You decided who may come: those whom a moderator lets in"
    )
    bob = open_person(**PHONE)
    expect(bob.page.locator("#banner")).to_contain_text("Somebody who runs this server lets you in")
    keep(bob, "moderation-door")
    bob.say("hello, may I come in?")
    ada.page.get_by_role("button", name=re.compile("^Let in: ")).click()
    bob.is_online()
    ada.opens("Lobby")
    ada.hears("hello, may I come in?")

    ada.opens(SERVER)
    keep(ada, "mode")
    ada.page.get_by_role("group", name="In an emergency").get_by_role("button", name="1 hour").click()
    expect(ada.page.locator(".held")).to_contain_text("Quiet until")
    keep(ada, "quiet")
    ada.page.get_by_role("button", name="End it").click()
    expect(ada.page.locator("#chat .note").last).to_have_text("You ended the quiet")
    who.select_option("Do not come")
    expect(ada.page.locator("#chat .note").last).to_contain_text("nobody new")
    cleo = open_person(**PHONE)
    expect(cleo.page.locator("#banner")).to_be_visible()
    keep(cleo, "closed-phone")


@pytest.mark.parametrize("colour_scheme", ["light", "dark"])
def test_moderation_is_accessible_to_axe(
    server: Server, open_person: Callable[..., Person], colour_scheme: str
) -> None:
    ada = open_person(name="Ada", color_scheme=colour_scheme, **DESKTOP)
    add_axe(ada.page)
    ada.open()
    ada.is_online()
    bob = open_person(name="Bob", color_scheme=colour_scheme, **DESKTOP)
    add_axe(bob.page)
    bob.open()
    become_owner(ada, server)
    bob.say("one")
    ada.hears("one")
    ada.opens(SERVER)
    ada.page.click("#info")
    finds_nothing(ada.page)
    ada.opens("Lobby")
    offered = moderate(ada, "one")
    finds_nothing(ada.page)
    choose(offered, "Mute: they read, and write nothing", "1 hour")
    expect(bob.page.locator(".writing-state")).to_be_visible()
    finds_nothing(bob.page)
    finds_nothing(ada.page)
