"""Voice notes: recorded by fingers and keys from the microphone that Chromium makes up, kept, and heard by others."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect

from tests.browser.axe import add_axe, finds_nothing
from tests.browser.conftest import NETWORK_NAME
from tests.browser.finger import Finger, middle
from tests.browser.patience import passes
from tests.browser.viewports import DESKTOP, PHONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Locator, Page

    from tests.browser.conftest import Person, Server

pytestmark = pytest.mark.browser

REFUSING = """(name) => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", name));
}"""


@pytest.fixture
def grace(hearing: Browser, open_person: Callable[..., Person]) -> Person:
    """Grace, on a phone with a microphone."""
    person = open_person(name="Grace", in_browser=hearing, **PHONE)
    expect(microphone(person.page)).to_be_visible()
    return person


@pytest.fixture
def finger(grace: Person) -> Finger:
    """Grace's finger."""
    return Finger(grace.page)


def microphone(page: Page) -> Locator:
    """The button."""
    return page.get_by_role("button", name="Record a voice note")


def recorder(page: Page) -> Locator:
    """What is shown while something is recorded."""
    return page.get_by_role("group", name="Voice note", exact=True).and_(page.locator(".recorder"))


def is_in(page: Page, phase: str) -> None:
    """Wait until the recorder is in this phase."""
    expect(page.locator(".recorder")).to_have_attribute("data-phase", phase)


def at_least(seconds: int, before: str = "") -> re.Pattern[str]:
    """A text with a time of so many seconds, fewer than ten, or more: who is busy looks and presses late."""
    return re.compile(f"{before}0:(0[{seconds}-9]|[1-5]\\d)")


def has_recorded(page: Page, seconds: int) -> None:
    """Wait until so many seconds are recorded."""
    expect(recorder(page).get_by_role("timer")).to_have_text(at_least(seconds))


def press(page: Page, name: str) -> None:
    """Press a button of the recorder."""
    recorder(page).get_by_role("button", name=name, exact=True).click()


def sent(page: Page) -> Locator:
    """The voice notes in the log."""
    return page.locator("#chat .audio-player.voice")


def keep(page: Page, name: str) -> None:
    """Save what is on the screen, when somebody wants to have it."""
    if folder := os.environ.get("TRIO_CHAT_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"voice-{name}.png")


def left(point: tuple[float, float], by: float) -> tuple[float, float]:
    """A point so far to the left."""
    return point[0] - by, point[1]


def test_who_holds_the_button_and_lets_go_sends(grace: Person, finger: Finger) -> None:
    at = middle(microphone(grace.page))
    finger.down(at)
    is_in(grace.page, "held")
    has_recorded(grace.page, 2)
    keep(grace.page, "held")
    finger.along(at, left(at, 60))
    keep(grace.page, "sliding")
    finger.along(left(at, 60), at)
    finger.up()
    is_in(grace.page, "idle")
    expect(sent(grace.page)).to_have_count(1)
    expect(sent(grace.page).locator(".audio-time")).to_have_attribute("data-label", at_least(2))


def test_a_finger_that_slides_away_cancels(grace: Person, finger: Finger) -> None:
    at = middle(microphone(grace.page))
    finger.down(at)
    has_recorded(grace.page, 2)
    finger.along(at, left(at, 130))
    is_in(grace.page, "idle")
    finger.up()
    # It can be had back, and then be sent.
    grace.page.get_by_role("button", name="Undo").click()
    expect(recorder(grace.page)).to_contain_text(at_least(2, "An unfinished recording of "))
    keep(grace.page, "unfinished")
    press(grace.page, "Discard the recording")
    is_in(grace.page, "idle")
    expect(sent(grace.page)).to_have_count(0)
    grace.say("a text goes on being one")
    grace.hears("a text goes on being one")


def test_a_finger_that_slides_up_locks_and_the_rest_is_done_by_buttons(
    grace: Person, finger: Finger, ada: Person
) -> None:
    page = grace.page
    at = middle(microphone(page))
    finger.down(at)
    is_in(page, "held")
    finger.along(at, (at[0], at[1] - 90))
    is_in(page, "free")
    finger.up()
    is_in(page, "free")
    expect(page.get_by_role("status").filter(has_text="Recording hands free.")).to_be_attached()
    expect(ada.page.locator(".typing-line")).to_have_text("Grace is recording…")
    has_recorded(page, 2)
    keep(page, "free")
    press(page, "Pause the recording")
    is_in(page, "paused")
    # Listen to it, go on, and listen again: it is longer.
    player = recorder(page).locator(".audio-player")
    expect(player).to_be_visible()
    keep(page, "paused")
    player.get_by_role("button", name="Play").click()
    passes(player, "data-phase", "playing")
    press(page, "Go on recording")
    is_in(page, "free")
    has_recorded(page, 4)
    press(page, "Pause the recording")
    expect(player.locator(".audio-time")).to_have_attribute("data-label", at_least(4))
    press(page, "Send the voice note")
    is_in(page, "idle")
    expect(sent(page)).to_have_count(1)
    expect(page.locator("#msg")).to_be_attached()
    expect(ada.page.locator("#chat .audio-player")).to_be_visible()


def test_a_tap_records_hands_free(grace: Person, finger: Finger) -> None:
    page = grace.page
    finger.tap(middle(microphone(page)))
    is_in(page, "free")
    press(page, "Discard the recording")
    is_in(page, "idle")
    expect(sent(page)).to_have_count(0)


@pytest.mark.parametrize("options", [DESKTOP, PHONE | {"color_scheme": "dark"}], ids=["desk", "phone"])
def test_the_recorder_and_a_voice_note_are_accessible_to_axe(
    hearing: Browser, open_person: Callable[..., Person], options: dict[str, object]
) -> None:
    grace = open_person(name="Grace", in_browser=hearing, **options)
    page = grace.page
    add_axe(page)
    grace.open()
    expect(microphone(page)).to_be_visible()
    page.focus("#msg")
    page.keyboard.press("Alt+Shift+KeyV")
    is_in(page, "free")
    has_recorded(page, 1)
    finds_nothing(page)
    press(page, "Pause the recording")
    is_in(page, "paused")
    expect(recorder(page).locator(".audio-player")).to_be_visible()
    finds_nothing(page)
    press(page, "Send the voice note")
    expect(sent(page)).to_have_count(1)
    finds_nothing(page)


def test_the_system_that_takes_the_finger_pauses(grace: Person, finger: Finger) -> None:
    finger.down(middle(microphone(grace.page)))
    has_recorded(grace.page, 1)
    finger.cancel()
    is_in(grace.page, "paused")
    press(grace.page, "Go on recording")
    is_in(grace.page, "free")


def test_it_is_done_by_keys_alone(hearing: Browser, open_person: Callable[..., Person]) -> None:
    person = open_person(name="Grace", in_browser=hearing, **DESKTOP)
    page = person.page
    expect(microphone(page)).to_be_visible()
    page.focus("#msg")
    page.keyboard.press("Alt+Shift+KeyV")
    is_in(page, "free")
    expect(recorder(page).get_by_role("button", name="Pause the recording")).to_be_focused()
    has_recorded(page, 1)
    keep(page, "desktop")
    page.keyboard.press("Enter")
    is_in(page, "paused")
    page.keyboard.press("Enter")
    is_in(page, "free")
    page.keyboard.press("Escape")
    is_in(page, "idle")
    expect(page.locator("#msg")).to_be_focused()
    expect(page.get_by_role("status").filter(has_text="discarded").first).to_be_attached()
    # The button by Tab, as any other, behind the one that sends; then the keys once more to send.
    page.keyboard.press("Tab")
    expect(page.locator("#send")).to_be_focused()
    expect(page.locator("#send")).to_have_css("opacity", "1")
    for place in (".emoji-button", ".attach-button", ".voice-button"):
        page.keyboard.press("Tab")
        expect(page.locator(place)).to_be_focused()
    page.keyboard.press("Enter")
    has_recorded(page, 1)
    page.keyboard.press("Alt+Shift+KeyV")
    is_in(page, "idle")
    expect(sent(page)).to_have_count(1)
    # What is written is sent by the button of old, and while something stands there nobody records by chance.
    page.fill("#msg", "words")
    expect(microphone(page)).to_be_hidden()
    page.keyboard.press("Alt+Shift+KeyV")
    page.wait_for_timeout(200)
    is_in(page, "idle")
    page.click("#send")
    expect(page.locator("#chat p .text").last).to_have_text("words")


def test_a_page_that_crashes_loses_a_second_at_most(grace: Person) -> None:
    page = grace.page
    microphone(page).tap()
    is_in(page, "free")
    has_recorded(page, 3)
    with page.expect_event("crash"), contextlib.suppress(PlaywrightError):
        page.goto("chrome://crash")
    grace.page = page = grace.context.new_page()
    grace.open()
    expect(recorder(page)).to_contain_text(at_least(2, "An unfinished recording of "))
    # One may write first; and another tab does not offer it as well.
    grace.say("first a word")
    other = grace.context.new_page()
    other.goto(grace.url)
    expect(microphone(other)).to_be_visible()
    is_in(other, "idle")
    other.close()
    page.reload()
    player = recorder(page).locator(".audio-player")
    player.get_by_role("button", name="Play").click()
    passes(player, "data-phase", "playing")
    press(page, "Send the voice note")
    is_in(page, "idle")
    expect(sent(page)).to_have_count(1)
    page.reload()
    expect(sent(page)).to_have_count(1)
    expect(microphone(page)).to_be_visible()
    is_in(page, "idle")


def test_what_was_recorded_waits_in_its_room(grace: Person) -> None:
    page = grace.page
    microphone(page).tap()
    is_in(page, "free")
    has_recorded(page, 2)
    page.evaluate("location.hash = '#room=garden'")
    expect(page.locator("#room-title")).not_to_have_text("Lobby")
    is_in(page, "idle")
    page.evaluate("location.hash = '#room=lobby'")
    grace.is_in("Lobby")
    expect(recorder(page)).to_contain_text(at_least(2, "An unfinished recording of "))
    expect(recorder(page).locator(".audio-player")).to_be_visible()


def test_whoever_records_in_another_tab_ends_it_here(grace: Person) -> None:
    page = grace.page
    microphone(page).tap()
    has_recorded(page, 1)
    other = grace.context.new_page()
    other.goto(grace.url)
    microphone(other).tap()
    is_in(other, "free")
    is_in(page, "ended")
    expect(recorder(page)).to_contain_text("The microphone was taken by something else.")
    for one in (other, page):
        press(one, "Send the voice note")
        is_in(one, "idle")
    expect(sent(page)).to_have_count(2)


def test_a_recording_that_is_too_long_ends_and_is_kept(grace: Person) -> None:
    page = grace.page
    page.clock.install()
    microphone(page).tap()
    has_recorded(page, 1)
    page.clock.fast_forward(13 * 60 * 1000 + 59_000)
    expect(page.locator(".toast")).to_contain_text("One minute is left.")
    is_in(page, "free")
    page.clock.fast_forward(60_000)
    is_in(page, "ended")
    expect(recorder(page)).to_contain_text("A voice note is 15 minutes at most.")


def test_a_voice_note_is_heard_by_others(grace: Person, finger: Finger, bob: Person) -> None:
    page = grace.page
    finger.down(middle(microphone(page)))
    has_recorded(page, 2)
    finger.up()
    expect(page.locator('#chat p[data-status="waiting"]')).to_have_count(0)
    heard = sent(bob.page)
    expect(heard).to_have_count(1)
    expect(heard.get_by_role("img", name="Not played yet")).to_be_visible()
    heard.get_by_role("button", name="Play").click()
    passes(heard, "data-phase", "playing")
    passes(heard.locator(".audio-time"), "data-label", "0:01")
    expect(heard).to_have_attribute("data-phase", "paused")
    expect(heard.get_by_role("img", name="Not played yet")).to_have_count(0)
    keep(bob.page, "heard")
    # One's own plays too, from the copy on this side.
    sent(page).get_by_role("button", name="Play").click()
    passes(sent(page), "data-phase", "playing")


@pytest.mark.parametrize("look", ["dark", "rtl"])
def test_the_recorder_looks_right(hearing: Browser, open_person: Callable[..., Person], look: str) -> None:
    person = open_person(name="Grace", in_browser=hearing, **PHONE)
    page = person.page
    set_look = {
        "dark": "document.documentElement.dataset.theme = 'dark'",
        "rtl": "document.documentElement.dir = 'rtl'",
    }
    page.evaluate(set_look[look])
    finger = Finger(page)
    at = middle(microphone(page))
    finger.down(at)
    has_recorded(page, 1)
    keep(page, f"held-{look}")
    finger.along(at, left(at, -60 if look == "rtl" else 60))
    is_in(page, "held")
    finger.along(at, (at[0], at[1] - 90))
    finger.up()
    is_in(page, "free")
    keep(page, f"free-{look}")
    press(page, "Pause the recording")
    expect(recorder(page).locator(".audio-player")).to_be_visible()
    keep(page, f"paused-{look}")
    for name in ("Discard the recording", "Go on recording", "Send the voice note"):
        box = recorder(page).get_by_role("button", name=name).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert min(box["width"], box["height"]) >= 44


def test_without_https_the_button_says_so(
    hearing: Browser, open_person: Callable[..., Person], server: Server
) -> None:
    person = open_person(name="Grace", in_browser=hearing, **DESKTOP)
    person.url = person.url.replace("127.0.0.1", NETWORK_NAME)
    person.open()
    button = person.page.get_by_role("button", name="Voice notes need https. Ask who runs this chat.")
    expect(button).to_be_visible()
    button.click()
    expect(person.page.locator(".toast")).to_contain_text("Voice notes need https.")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("NotAllowedError", "The browser does not allow the microphone"),
        ("NotFoundError", "No microphone was found"),
        ("NotReadableError", "The microphone does not work just now"),
    ],
)
def test_a_microphone_that_is_not_to_be_had_is_told(grace: Person, error: str, sentence: str) -> None:
    grace.page.evaluate(REFUSING, error)
    microphone(grace.page).tap()
    expect(grace.page.locator(".toast")).to_contain_text(sentence)
    is_in(grace.page, "idle")
    grace.say("still there")
    grace.hears("still there")
