"""How the page looks, on a phone and on a desk, by day and by night.

With ``TRIO_CHAT_SCREENSHOTS=DIR`` in the environment the pictures are kept in that directory.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from .patience import box_of
from .viewports import DESKTOP, SMALL_PHONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from .conftest import Person, Server

pytestmark = pytest.mark.browser

PHONE: dict[str, Any] = SMALL_PHONE | {"device_scale_factor": 2}
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 3

CONVERSATION = [
    ("Grace", "Morning! Did everybody get the new timetable?"),
    ("Grace", "The hall is ours from six on Thursday 🎉"),
    ("Linus", "Got it, thanks"),
    (
        "Ada",
        "Yes. The parts list is here: https://example.org/parts?list=42 – tell me if something is missing.",
    ),
    ("Ada", "I can bring the big projector."),
    ("نور", "مرحبا جميعا! سأصل متأخرة قليلا"),
    ("نور", "Ten minutes late, I mean 🚲"),
    ("Linus", "No problem 👍"),
    (
        "Grace",
        "Then let us meet at the back door. It is the one with the green sign, next to the bicycle stands.",
    ),
    ("Ada", "Perfect, see you all there"),
]


def keep(page: Page, name: str) -> None:
    """Save what is on the screen, when somebody wants to have it."""
    folder = os.environ.get("TRIO_CHAT_SCREENSHOTS")
    if folder:
        page.mouse.move(1, 1)
        page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled")


def does_not_overflow(page: Page) -> None:
    """Nothing is wider than the screen."""
    width, room, body = page.evaluate("""() => [
        document.documentElement.clientWidth,
        document.querySelector("#chat").scrollWidth,
        document.documentElement.scrollWidth,
    ]""")
    assert room <= width
    assert body <= width


def test_a_conversation_looks_right_on_every_screen(open_person: Callable[..., Person]) -> None:
    people = {
        "Ada": open_person(name="Ada", **DESKTOP),
        "Grace": open_person(name="Grace", color_scheme="dark", **DESKTOP),
        "Linus": open_person(name="Linus", **PHONE),
        "نور": open_person(name="نور", color_scheme="dark", **PHONE),
    }
    for number, (name, text) in enumerate(CONVERSATION, 1):
        people[name].say(text)
        for person in people.values():  # so that the order is the same each time
            expect(person.page.locator("#chat p")).to_have_count(number)
    names = {"Ada": "desktop", "Grace": "desktop-dark", "Linus": "phone", "نور": "phone-dark"}
    for name, person in people.items():
        expect(person.page.locator('p[data-status="waiting"]')).to_have_count(0)
        does_not_overflow(person.page)
        keep(person.page, names[name])
    people["Linus"].say(LONG, f"https://example.org/{LONG}", "😀" * 100, "שלום " * 40)
    for person in people.values():
        expect(person.page.locator("#chat p")).to_have_count(len(CONVERSATION) + 4)
        does_not_overflow(person.page)
    keep(people["نور"].page, "phone-dark-long")
    keep(people["Ada"].page, "desktop-long")


@pytest.mark.parametrize("colour_scheme", ["light", "dark"])
def test_every_state_has_a_look(
    server: Server, open_person: Callable[..., Person], colour_scheme: str
) -> None:
    people = {
        size: open_person(color_scheme=colour_scheme, **options)
        for size, options in {"phone": PHONE, "desktop": DESKTOP}.items()
    }
    for size, person in people.items():
        expect(person.page.locator("#empty")).to_be_visible()
        keep(person.page, f"{size}-{colour_scheme}-empty")
        person.settings()
        does_not_overflow(person.page)
        keep(person.page, f"{size}-{colour_scheme}-settings")
        person.page.keyboard.press("Escape")
        if size == "phone":
            person.opens("Lobby")
        person.say("x" * 4001)
        expect(person.page.locator("#failed")).to_be_visible()
        does_not_overflow(person.page)
        keep(person.page, f"{size}-{colour_scheme}-failed")
        person.page.locator("#failed").get_by_role("button", name="Discard").click()
    server.stop()
    for size, person in people.items():
        person.is_offline()
        person.say("Is anybody still there?", "I will just keep writing, it goes out later.")
        expect(person.page.locator('p[data-status="waiting"]')).to_have_count(2)
        does_not_overflow(person.page)
        keep(person.page, f"{size}-{colour_scheme}-offline")


def test_loading_has_a_look(open_person: Callable[..., Person]) -> None:
    person = open_person(**PHONE)
    person.page.route_web_socket("**", lambda socket: None)  # it opens, and nobody ever says anything
    person.open()
    expect(person.page.locator("#loading")).to_be_visible()
    expect(person.page.locator("#status")).to_have_text("Connecting…")
    keep(person.page, "phone-loading")


def test_every_control_has_a_role_and_a_name(ada: Person) -> None:
    ada.say("hello")
    ada.hears("hello")
    expect(ada.page.locator("body")).to_match_aria_snapshot("""
        - main:
          - heading "Lobby" [level=1]
          - status: Online
          - text: 1 here
          - log "Messages":
            - text: Today
            - paragraph:
              - text: You hello
              - time
              - img
          - form "New message":
            - textbox "Message"
            - button "Send"
          - button "About this room"
        - navigation "Rooms":
          - text: trio-chat
          - button "Help"
          - button "New room or conversation"
          - searchbox "Find a room"
          - list:
            - listitem:
              - 'link /Lobby .* You: hello/'
          - button "Browse public rooms"
          - button "You are Ada Settings"
    """)
    expect(ada.page.locator("#chat")).to_have_attribute("aria-live", "polite")
    ada.settings()
    settings = ada.page.get_by_role("dialog", name="Settings")
    for role, name in [
        ("button", "Close"),
        ("textbox", "Your name"),
        ("radiogroup", "Colour"),
        ("switch", "Play a sound"),
        ("switch", "Show notifications while this page is open"),
        ("radiogroup", "Look"),
        ("switch", "Others may see that I am here, and when I was last"),
        ("switch", "Others may see what I have received and read"),
        ("switch", "Others may see that I am typing"),
        ("button", "Link a device"),
    ]:
        expect(settings.get_by_role(role, name=name)).to_have_count(1)  # type: ignore[arg-type]


LARGE = "() => document.documentElement.style.setProperty('font-size', '200%')"
LETTERS_IN = """(field) => {
    const style = getComputedStyle(field);
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = style.font;
    const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    return room / pen.measureText("n").width;
}"""
BEYOND_THE_SCREEN = """() => [...document.querySelectorAll("button, input, h1, a, [role=button]")]
    .filter((one) => one.checkVisibility() && !one.closest("[aria-hidden=true]"))
    .filter((one) => {
        const { left, right, width } = one.getBoundingClientRect();
        return width > 0 && (left < -0.5 || right > innerWidth + 0.5);
    })
    .map((one) => one.id || one.className)"""


@pytest.mark.parametrize(
    ("width", "height", "is_large"),
    [(360, 740, True), (390, 844, True), (320, 640, True), (320, 640, False), (320, 256, False)],
)
def test_large_letters_and_small_screens_leave_room_to_write(
    open_person: Callable[..., Person], width: int, height: int, *, is_large: bool
) -> None:
    person = open_person(**PHONE | {"viewport": {"width": width, "height": height}})
    page = person.page
    if is_large:
        page.evaluate(LARGE)
    person.say("hello")
    person.hears("hello")
    title = page.locator("#room-title")
    assert title.evaluate("(title) => title.scrollWidth <= title.clientWidth")
    page.fill("#msg", "What one writes when the letters are large goes over several lines.")
    assert page.locator("#editor").evaluate(LETTERS_IN) > 6
    # The field takes its height when it is drawn.
    page.wait_for_function(
        "() => document.querySelector('#send').getBoundingClientRect().bottom <= innerHeight"
    )
    assert page.evaluate(BEYOND_THE_SCREEN) == []
    does_not_overflow(page)
    keep(page, f"small-{width}-{height}-{is_large}")
    page.click("#back")
    name = page.locator("#rail-list .row-title").first
    assert name.evaluate("(name) => name.scrollWidth <= name.clientWidth")
    hint = page.locator(".me-text").evaluate("(text) => text.getBoundingClientRect().right")
    assert hint <= page.locator("#me > .icon").evaluate("(icon) => icon.getBoundingClientRect().left")
    assert page.evaluate(BEYOND_THE_SCREEN) == []
    page.click("#me")
    expect(page.locator("#name")).to_be_visible()
    assert page.locator("#name").evaluate(LETTERS_IN) > 6
    assert page.evaluate(BEYOND_THE_SCREEN) == []
    keep(page, f"small-{width}-{height}-{is_large}-settings")


def test_a_wide_screen_is_used(open_person: Callable[..., Person]) -> None:
    person = open_person(viewport={"width": 1920, "height": 1080})
    page = person.page
    person.say("hello")
    person.hears("hello")
    room, field, bubble = (
        box_of(page.locator(place)) for place in ("#room", ".composer-inner", "#chat .bubble")
    )
    left, right = field["x"] - room["x"], room["x"] + room["width"] - field["x"] - field["width"]
    assert left == pytest.approx(right, abs=20)
    assert left < 250
    assert bubble["x"] + bubble["width"] == pytest.approx(field["x"] + field["width"], abs=2)


def test_scrollbars_are_dark_where_the_page_is(open_person: Callable[..., Person]) -> None:
    person = open_person(color_scheme="light", **DESKTOP)
    page = person.page
    page.evaluate("localStorage.setItem('trio-chat.theme', 'dark')")
    person.open()
    person.settings()
    bars = page.evaluate("""() => [...document.querySelectorAll("*")]
        .filter((one) => /auto|scroll/.test(getComputedStyle(one).overflowY))
        .map((one) => [one, getComputedStyle(one)])
        .map(([one, style]) => [one.className || one.id, style.colorScheme, style.scrollbarColor])""")
    assert len(bars) > 2
    for name, scheme, colours in bars:
        assert (name, scheme) == (name, "dark")
        assert colours != "auto", name
