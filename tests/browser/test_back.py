"""Back and Escape: they take away what was opened last; then Back leads to the list, and then away from the page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.patience import box_of
from tests.browser.viewports import DESKTOP, SMALL_PHONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.conftest import Person

pytestmark = pytest.mark.browser


def back(page: Page, times: int = 1) -> None:
    """Press Back, more than once without waiting in between."""
    page.evaluate(
        "(times) => void setTimeout(() => { for (let time = 0; time < times; time += 1) history.back(); })",
        times,
    )


def opened_from_a_blank_page(person: Person) -> Person:
    """The chat again, with a page before it, to which one can leave."""
    person.page.goto("about:blank")
    person.open()
    person.is_in("Lobby")
    return person


def has_settled(page: Page) -> None:
    """Wait until the history stands where what is on the screen does."""
    page.wait_for_function("""() => {
        const open = document.querySelectorAll("dialog[open], aside:not([hidden])").length;
        const { index, base, screen } = history.state;
        return index - base === open && (innerWidth > 640 || screen === document.body.dataset.screen);
    }""")


@pytest.fixture
def phone(open_person: Callable[..., Person], ada: Person) -> Person:
    """Grace, on a phone, with three rooms; the blank page is behind the chat in her browser."""
    ada.say("hello")
    phone = opened_from_a_blank_page(open_person(name="Grace", **SMALL_PHONE))
    expect(phone.page.locator("#chat p")).to_have_count(1)
    for name in ("First", "Second"):
        phone.page.click("#back")
        phone.page.click("#new")
        phone.page.get_by_role("menuitem", name="Private room").click()
        phone.page.get_by_label("Name").fill(name)
        phone.page.get_by_role("button", name="Create").click()
        expect(phone.page.get_by_role("dialog", name="Invite people")).to_be_visible()
        back(phone.page)
        expect(phone.page.locator("dialog")).to_have_count(0)
        phone.is_in(name)
        expect(phone.page.locator("#msg")).to_be_visible()
    return phone


def test_on_a_phone_back_closes_the_topmost_then_shows_the_list_then_leaves(phone: Person) -> None:
    page = phone.page
    page.click("#info")
    expect(page.locator("#side")).to_be_visible()
    page.locator("#side").get_by_role("button", name="Invite people").click()  # the empty room has one, too
    expect(page.get_by_role("dialog", name="Invite people")).to_be_visible()
    back(page)
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator("#side")).to_be_visible()
    back(page)
    expect(page.locator("#side")).to_be_hidden()
    expect(page.locator("#msg")).to_be_visible()
    back(page)
    expect(page.locator("#rail")).to_be_visible()
    back(page)
    page.wait_for_url("about:blank")


@pytest.mark.parametrize("close", ["button", "escape", "backdrop", "back"])
def test_however_something_is_closed_its_entry_goes(phone: Person, close: str) -> None:
    page = phone.page
    page.click("#back")
    expect(page.locator("#rail")).to_be_visible()
    for _ in range(3):
        page.click("#me")
        expect(page.locator("#name")).to_be_focused()
        if close == "button":
            page.get_by_role("dialog").get_by_role("button", name="Close").click()
        elif close == "escape":
            page.keyboard.press("Escape")
        elif close == "backdrop":
            page.touchscreen.tap(180, 20)
        else:
            back(page)
        expect(page.locator("dialog")).to_have_count(0)
    has_settled(page)
    back(page)
    page.wait_for_url("about:blank")


def test_the_arrow_and_the_list_pile_up_nothing(phone: Person) -> None:
    page = phone.page
    for name in ("First", "Second", "Lobby") * 2:
        phone.opens(name)
    has_settled(page)
    page.click("#back")
    expect(page.locator("#rail")).to_be_visible()
    has_settled(page)
    page.go_forward()
    expect(page.locator("#msg")).to_be_visible()
    phone.is_in("Lobby")
    back(page)
    expect(page.locator("#rail")).to_be_visible()
    back(page)
    page.wait_for_url("about:blank")
    page.go_forward()
    expect(page.locator("#rail")).to_be_visible()


def test_two_backs_at_once_close_two_things(phone: Person) -> None:
    page = phone.page
    page.click("#info")
    page.locator("#side").get_by_role("button", name="Invite people").click()  # the empty room has one, too
    expect(page.get_by_role("dialog", name="Invite people")).to_be_visible()
    has_settled(page)
    back(page, 2)
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator("#side")).to_be_hidden()
    expect(page.locator("#msg")).to_be_visible()
    has_settled(page)


def test_a_menu_that_opens_a_dialog_leaves_one_entry(phone: Person) -> None:
    page = phone.page
    phone.opens("Lobby")
    page.locator("#chat p .text").first.click(button="right")
    page.get_by_role("menuitem", name="Message info").click()
    expect(page.get_by_role("dialog", name="Message info")).to_be_visible()
    has_settled(page)
    back(page)
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator("#msg")).to_be_visible()
    back(page)
    expect(page.locator("#rail")).to_be_visible()


@pytest.mark.parametrize("screen", [SMALL_PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_reload_with_something_open_closes_it_and_back_goes_on_as_before(
    open_person: Callable[..., Person], screen: dict[str, object]
) -> None:
    person = opened_from_a_blank_page(open_person(name="Kim", **screen))
    page = person.page
    page.click("#info")
    expect(page.locator("#side")).to_be_visible()
    page.locator("#side .entry").first.click()
    expect(page.locator("dialog[open]")).to_have_count(1)
    has_settled(page)
    page.reload()
    person.is_in("Lobby")
    expect(page.locator("#me, #back")).not_to_have_count(0)
    has_settled(page)
    expect(page.locator("dialog")).to_have_count(0)
    page.go_forward()  # what was open does not come back, and nothing is stuck
    has_settled(page)
    expect(page.locator("dialog")).to_have_count(0)
    if screen is SMALL_PHONE:
        back(page)
        expect(page.locator("#rail")).to_be_visible()
        page.reload()
        expect(page.locator("#rail")).to_be_visible()
        has_settled(page)
    back(page)
    page.wait_for_url("about:blank")


def test_on_a_desktop_back_closes_the_panel_and_then_leads_to_the_room_before(
    open_person: Callable[..., Person],
) -> None:
    ada = open_person(name="Ada", reduced_motion="no-preference")
    page = ada.page
    page.set_viewport_size({"width": 1400, "height": 800})
    page.click("#new")
    page.get_by_role("menuitem", name="Private room").click()
    page.get_by_label("Name").fill("Book club")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("dialog", name="Invite people")).to_be_visible()
    page.keyboard.press("Escape")
    page.click("#info")
    expect(page.locator("#side")).to_be_visible()
    ada.opens("Lobby")
    expect(page.locator("#side")).to_be_visible()  # it stays beside the rooms
    has_settled(page)
    back(page)
    expect(page.locator("#side")).to_be_hidden()
    ada.is_in("Lobby")
    back(page)
    ada.is_in("Book club")
    page.go_forward()
    ada.is_in("Lobby")


@pytest.mark.parametrize("screen", [SMALL_PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_link_that_is_followed_while_a_dialog_is_open_closes_it(
    open_person: Callable[..., Person], screen: dict[str, object], bob: Person
) -> None:
    bob.page.click("#new")
    bob.page.get_by_role("menuitem", name="New public room").click()
    bob.page.get_by_label("Name").fill("Cinema")
    bob.page.get_by_role("button", name="Create").click()
    bob.is_in("Cinema")
    person = opened_from_a_blank_page(open_person(name="Kim", **screen))
    person.settings()
    has_settled(person.page)
    person.page.evaluate("() => (location.hash = '#room=cinema')")
    person.is_in("Cinema")
    expect(person.page.locator("dialog")).to_have_count(0)
    expect(person.page.locator("#msg")).to_be_visible()
    has_settled(person.page)
    assert person.page.evaluate("location.hash") == "#room=cinema"
    person.page.evaluate("() => (location.hash = '#room=cinema')")  # once more changes nothing
    has_settled(person.page)
    person.settings()
    person.page.evaluate("() => (location.hash = '#join=no-such-token')")
    expect(person.page.get_by_role("dialog")).to_contain_text("invitation")
    expect(person.page.locator("dialog")).to_have_count(1)
    has_settled(person.page)
    assert "no-such-token" not in person.page.url
    person.page.go_forward()
    person.page.keyboard.press("Escape")
    expect(person.page.locator("dialog")).to_have_count(0)
    has_settled(person.page)
    if screen is SMALL_PHONE:  # the settings stood above the list
        expect(person.page.locator("#rail")).to_be_visible()
    else:
        back(person.page)
        person.is_in("Lobby")
    back(person.page)
    person.page.wait_for_url("about:blank")


def test_a_sheet_is_pulled_down(phone: Person) -> None:
    page = phone.page
    session = page.context.new_cdp_session(page)

    def drag(start: tuple[float, float], by: float) -> None:
        points = [start[1] + by * step / 10 for step in range(11)]
        for kind, y in zip(["touchStart"] + ["touchMove"] * 10, points, strict=True):
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": start[0], "y": y}]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    phone.opens("Lobby")
    page.locator("#chat p .text").first.click(button="right")
    menu = page.locator("dialog.menu-sheet")
    expect(menu).to_be_visible()
    box = box_of(menu)
    drag((180, box["y"] + 30), 40)  # not far enough
    expect(menu).to_be_visible()
    expect(menu).not_to_have_class(re.compile("dragged"))
    drag((180, box["y"] + 30), 200)
    expect(menu).to_have_count(0)
    expect(page.locator(".composer-bar")).to_be_hidden()
    page.click("#info")
    page.locator("#side .entry").first.click()
    dialog = page.locator("dialog[open]")
    expect(dialog).to_be_visible()
    box = box_of(dialog)
    drag((150, box["y"] + 20), 250)
    expect(dialog).to_have_count(0)
    has_settled(page)
