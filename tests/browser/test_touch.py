"""What fingers do, by touch events as a screen makes them: each press means one thing, and no more."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.finger import HELD_MS, Finger, middle
from tests.browser.viewports import SMALL_PHONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from tests.browser.conftest import Person

pytestmark = pytest.mark.browser


def bubble(person: Person, text: str) -> Locator:
    """The bubble of the message with this text."""
    return person.page.locator("#chat p .bubble").filter(has=person.page.get_by_text(text, exact=True))


@pytest.fixture
def phone(open_person: Callable[..., Person]) -> Person:
    """Grace, on a phone."""
    return open_person(name="Grace", **SMALL_PHONE)


@pytest.fixture
def finger(phone: Person) -> Finger:
    """Grace's finger."""
    return Finger(phone.page)


@pytest.fixture
def talk(ada: Person, phone: Person) -> Person:
    """Grace's phone, on which Ada's messages fill more than the screen."""
    lines = [f"line {number}" for number in range(1, 31)]
    ada.say(*lines)
    phone.hears(*lines)
    return phone


def count_clicks(page: Page) -> None:
    """Note in the page all clicks that anything on it could hear of."""
    page.evaluate(
        "() => { window.clicks = 0; document.addEventListener('click', () => window.clicks++, true); }"
    )


def test_the_finger_that_opened_a_menu_presses_nothing_in_it(
    talk: Person, finger: Finger, ada: Person
) -> None:
    count_clicks(talk.page)
    entries = talk.page.get_by_role("menuitem")
    for text in ("line 30", "line 28", "line 26", "line 24"):
        finger.hold(middle(bubble(talk, text)))
        expect(entries.first).to_be_visible()
        finger.up()
        talk.page.wait_for_timeout(100)
        assert talk.page.evaluate("window.clicks") == 0
        expect(entries.first).to_be_visible()
        talk.page.keyboard.press("Escape")
        expect(entries).to_have_count(0)
    expect(ada.page.locator(".pinned-bar:visible")).to_have_count(0)
    # The next press is one again.
    finger.hold(middle(bubble(talk, "line 29")))
    finger.up()
    finger.tap(middle(talk.page.get_by_role("menuitem", name="Reply")))
    expect(talk.page.locator(".composer-bar")).to_contain_text("line 29")


def test_a_finger_that_moves_after_a_hold_scrolls_nothing_below(talk: Person, finger: Finger) -> None:
    before = talk.page.evaluate("document.getElementById('chat').scrollTop")
    at = middle(bubble(talk, "line 27"))
    finger.hold(at)
    finger.along(at, (at[0], at[1] + 300))
    finger.up()
    expect(talk.page.get_by_role("menu")).to_be_visible()
    assert talk.page.evaluate("document.getElementById('chat').scrollTop") == before


def test_a_scroll_that_begins_slowly_is_no_hold_and_no_swipe(talk: Person, finger: Finger) -> None:
    before = talk.page.evaluate("document.getElementById('chat').scrollTop")
    at = middle(bubble(talk, "line 25"))
    clock = talk.page.clock  # on a busy machine the pause would become a hold
    clock.install()
    clock.pause_at(datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1))
    finger.down(at)
    clock.run_for(250)
    finger.along(at, (at[0] + 90, at[1] + 250))
    clock.run_for(HELD_MS)
    finger.up()
    talk.page.wait_for_function("(before) => document.getElementById('chat').scrollTop < before", arg=before)
    expect(talk.page.get_by_role("menu")).to_have_count(0)
    expect(talk.page.locator(".composer-bar")).to_be_hidden()


def test_a_swipe_answers_and_opens_no_link_below(talk: Person, finger: Finger, ada: Person) -> None:
    ada.say("see https://example.com/a/long/address")
    link = talk.page.locator("#chat a")
    at = middle(link)
    count_clicks(talk.page)
    finger.drag((at[0] - 60, at[1]), (at[0] + 60, at[1] + 4))
    expect(talk.page.locator(".composer-bar")).to_contain_text("see https://example.com")
    assert talk.page.evaluate("window.clicks") == 0
    assert len(talk.context.pages) == 1
    expect(talk.page.locator(".swiping")).to_have_count(0)


def test_two_fingers_are_neither_a_hold_nor_a_swipe(talk: Person, finger: Finger) -> None:
    x, y = middle(bubble(talk, "line 27"))
    finger.down((x, y))
    finger.down((x, y), (x + 20, y - 100))
    talk.page.wait_for_timeout(HELD_MS)
    finger.move((x + 90, y), (x + 110, y - 100))
    finger.up()
    expect(talk.page.get_by_role("menu")).to_have_count(0)
    expect(talk.page.locator(".composer-bar")).to_be_hidden()
    expect(talk.page.locator(".swiping")).to_have_count(0)


def test_a_touch_that_the_system_takes_away_does_nothing(talk: Person, finger: Finger) -> None:
    x, y = middle(bubble(talk, "line 27"))
    finger.down((x, y))
    finger.along((x, y), (x + 80, y))
    finger.cancel()
    expect(talk.page.locator(".swiping")).to_have_count(0)
    expect(talk.page.locator(".composer-bar")).to_be_hidden()
    finger.down((x, y))
    finger.cancel()
    talk.page.wait_for_timeout(HELD_MS)
    expect(talk.page.get_by_role("menu")).to_have_count(0)


def test_what_is_held_may_be_written_anew_or_go_meanwhile(talk: Person, finger: Finger, ada: Person) -> None:
    at = middle(bubble(talk, "line 29"))
    finger.down(at)
    ada.say("news")  # everything moves up below the finger
    expect(bubble(talk, "news")).to_be_visible()
    talk.page.wait_for_timeout(HELD_MS)
    finger.up()
    expect(talk.page.locator("p.chosen .text")).to_have_text("line 29")


def test_the_second_of_two_quick_taps_presses_nothing_that_has_opened_there(
    talk: Person, finger: Finger
) -> None:
    page = talk.page
    at = middle(page.locator("#back"))
    finger.tap(at, at)
    expect(page.locator("#rail")).to_be_visible()
    row = middle(page.locator("#rail-list a").first)
    count_clicks(page)
    finger.tap(row, row)
    expect(page.locator("#msg")).to_be_visible()
    assert page.evaluate("window.clicks") == 1
    page.click("#back")
    me = middle(page.locator("#me"))
    finger.tap(me, me, me)
    expect(page.locator("dialog[open]")).to_have_count(1)
    expect(page.get_by_role("dialog", name="Settings")).to_be_visible()


def test_text_is_selected_by_the_menu_and_then_by_fingers(talk: Person, finger: Finger) -> None:
    page = talk.page
    at = middle(bubble(talk, "line 29"))
    finger.hold(at)
    finger.up()
    finger.tap(middle(page.get_by_role("menuitem", name="Select text")))
    page.wait_for_function("() => getSelection().toString() === 'line 29'")
    selected = bubble(talk, "line 29").locator(".text")
    assert selected.evaluate("(text) => getComputedStyle(text).userSelect") == "text"
    finger.hold(middle(selected))  # moves the ends of the selection
    finger.up()
    expect(page.get_by_role("menu")).to_have_count(0)
    page.evaluate("() => getSelection().removeAllRanges()")
    expect(selected).not_to_have_class(re.compile("selectable"))
    finger.hold(at)
    finger.up()
    expect(page.get_by_role("menu")).to_be_visible()


def test_a_pen_holds_as_a_finger_does_and_a_mouse_does_not(ada: Person, bob: Person) -> None:
    bob.say("hold me")
    x, y = middle(bubble(ada, "hold me"))
    session = ada.page.context.new_cdp_session(ada.page)

    def hold(kind: str) -> None:
        event: dict[str, Any] = {"x": x, "y": y, "button": "left", "clickCount": 1, "pointerType": kind}
        session.send("Input.dispatchMouseEvent", event | {"type": "mousePressed"})
        ada.page.wait_for_timeout(HELD_MS)
        session.send("Input.dispatchMouseEvent", event | {"type": "mouseReleased"})

    hold("mouse")
    expect(ada.page.get_by_role("menu")).to_have_count(0)
    hold("pen")
    expect(ada.page.get_by_role("menu")).to_be_visible()
    ada.page.keyboard.press("Escape")
    ada.page.mouse.click(x, y, button="right")
    expect(ada.page.get_by_role("menu")).to_be_visible()
    ada.page.keyboard.press("Escape")
    ada.page.locator("#chat").focus()
    ada.page.keyboard.press("ArrowUp")
    ada.page.keyboard.press("ContextMenu")
    expect(ada.page.get_by_role("menu")).to_be_visible()


def test_a_hold_on_a_row_opens_its_menu_and_not_the_room(phone: Person, finger: Finger) -> None:
    phone.page.click("#back")
    finger.hold(middle(phone.page.locator('#rail-list a[data-room="lobby"]')))
    expect(phone.page.get_by_role("menuitem", name="Tell me nothing of it")).to_be_visible()
    finger.up()
    expect(phone.page.get_by_role("menuitem", name="Tell me nothing of it")).to_be_visible()
    expect(phone.page.locator("body")).to_have_attribute("data-screen", "list")
