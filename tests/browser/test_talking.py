"""People talk: what one writes, all see, once and in one order."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .patience import box_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from .conftest import Person, Server

pytestmark = pytest.mark.browser

STRANGERS_PAGE = """<!doctype html><meta charset="utf-8"><div id="heard"></div><script>
  const socket = new WebSocket(%s);
  socket.onopen = () => { document.title = "open"; };
  socket.onmessage = ({ data }) => {
    const line = document.createElement("div");
    line.textContent = data;
    document.getElementById("heard").append(line);
  };
</script>"""


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_two_people_see_the_same_messages_in_the_same_order(
    open_person: Callable[..., Person], motion: str
) -> None:
    ada, bob = (open_person(name=name, reduced_motion=motion) for name in ("Ada", "Bob"))
    ada.say("Hello", "Anybody here?")
    bob.hears("Hello", "Anybody here?")
    bob.say("Hi Ada")
    ada.say("How are you?")
    ada.hears(*bob_order(bob, 4))
    assert sorted(ada.texts()) == ["Anybody here?", "Hello", "Hi Ada", "How are you?"]


def bob_order(bob: Person, count: int) -> list[str]:
    """What Bob has, once it is that many."""
    expect(bob.page.locator("#chat p")).to_have_count(count)
    return bob.texts()


def test_many_messages_written_at_once_arrive_in_order(ada: Person, bob: Person) -> None:
    lines = [f"line {number}" for number in range(30)]
    ada.say(*lines)
    bob.hears(*lines)
    ada.hears(*lines)


def test_a_message_shows_its_author_and_time(ada: Person, bob: Person) -> None:
    ada.say("Hello")
    message = bob.page.locator("#chat p")
    expect(message.locator(".author")).to_have_text("Ada")
    time = message.locator("time")
    expect(time).to_have_text(re.compile(r"^\d\d:\d\d$"))
    expect(time).to_have_attribute("datetime", re.compile(r"^\d{4}-\d\d-\d\dT"))
    time.hover()
    expect(time).to_have_attribute("title", re.compile(r"\d{4}"))
    expect(bob.page.locator(".divider.day")).to_have_text("Today")


ARE_SEEN = """(times) => times.map((time) =>
  [time, time.parentElement].every((one) => getComputedStyle(one).clipPath === "none"))"""


def test_messages_written_together_show_their_time_once_and_each_tells_it_when_asked(
    ada: Person, bob: Person
) -> None:
    ada.say("one", "two", "three")
    bob.hears("one", "two", "three")
    for person in (ada, bob):
        times = person.page.locator("#chat p time")
        expect(times).to_have_text([re.compile(r"^\d\d:\d\d$")] * 3)  # whoever hears the page is told
        assert times.evaluate_all(ARE_SEEN) == [False, False, True]
        person.page.locator("#chat p .text").first.hover()
        expect(person.page.locator("#chat .tools")).to_have_attribute("data-time", re.compile(r"^\d\d:\d\d$"))
        person.page.locator("#chat p .text").last.hover()
        expect(person.page.locator("#chat .tools")).to_have_attribute("data-time", "")
        person.page.focus("#chat")
        person.page.keyboard.press("ArrowUp")
        person.page.keyboard.press("ArrowUp")
        assert times.evaluate_all(ARE_SEEN) == [False, True, True]
    bob.page.locator("#chat p .text").first.click(button="right")
    bob.page.get_by_role("menuitem", name="Pin for everybody").click()
    sign = bob.page.locator("#chat p").first.locator(".mark-pinned")
    expect(sign).to_be_visible()


def test_own_messages_stand_at_the_right(ada: Person, bob: Person) -> None:
    ada.say("from me")
    bob.hears("from me")
    bob.say("from you")
    ada.hears("from me", "from you")
    mine, theirs = (box_of(ada.page.locator(f"{whose} .bubble")) for whose in ("p.own", "p:not(.own)"))
    assert mine["x"] > theirs["x"] + 50
    expect(ada.page.locator("p.own .status")).to_have_attribute("aria-label", "Read")


def test_consecutive_messages_of_one_person_show_the_name_once(ada: Person, bob: Person) -> None:
    ada.say("one", "two", "three")
    bob.hears("one", "two", "three")
    expect(bob.page.locator("p.first")).to_have_count(1)
    expect(bob.page.locator("p.last")).to_have_count(1)


def test_the_first_button_of_the_document_sends_and_the_input_is_cleared(ada: Person) -> None:
    """As a script does that knows nothing of this page but the contract."""
    left = ada.page.evaluate("""() => {
        document.querySelector("#msg").value = "by a script";
        document.querySelector("button").click();
        return document.querySelector("#msg").value;
    }""")
    assert left == ""
    expect(ada.page.locator("#chat p", has_text="by a script")).to_have_count(1)
    ada.hears("by a script")


def test_enter_and_the_button_send_and_keep_the_focus_in_the_input(ada: Person) -> None:
    message = ada.page.locator("#msg")
    ada.say("with Enter")
    expect(message).to_have_value("")
    expect(message).to_be_focused()
    message.fill("with the button")
    ada.page.click("#send")
    expect(message).to_have_value("")
    expect(message).to_be_focused()
    ada.hears("with Enter", "with the button")


def test_a_blank_message_is_not_sent(ada: Person) -> None:
    ada.say("", "   ", "something")
    ada.hears("something")


def test_a_newcomer_can_write_at_once_under_a_friendly_generated_name(
    open_person: Callable[..., Person], bob: Person
) -> None:
    guest = open_person()
    guest.say("just typing")
    bob.hears("just typing")
    name = guest.page.locator(".me-name").text_content()
    assert name
    expect(bob.page.locator("#chat p .author")).to_have_text(name)
    expect(guest.page.locator(".me-hint")).to_have_text("Choose your name")


def test_a_name_is_remembered_over_a_reload_and_seen_by_others(ada: Person, bob: Person) -> None:
    ada.rename("Countess Ada")
    ada.open()
    expect(ada.page.locator(".me-name")).to_have_text("Countess Ada")
    expect(ada.page.locator(".me-hint")).to_have_text("Settings")
    ada.say("it is me")
    expect(bob.page.locator("#chat p .author")).to_have_text("Countess Ada")
    ada.open()
    expect(ada.page.locator("p.own")).to_have_count(1)


def test_a_name_that_somebody_has_is_refused_with_a_reason(ada: Person, bob: Person) -> None:
    bob.settings()
    bob.page.fill("#name", "aDA")
    bob.page.press("#name", "Enter")
    expect(bob.page.locator("#name-problem")).not_to_be_empty()
    expect(bob.page.locator("#name")).to_have_attribute("aria-invalid", "true")
    bob.page.press("#name", "Escape")
    expect(bob.page.locator(".me-name")).to_have_text("Bob")
    expect(bob.page.get_by_role("button", name="Settings")).to_be_focused()  # where one came from


def test_a_message_that_breaks_a_rule_says_why_and_can_be_edited(ada: Person, bob: Person) -> None:
    ada.say("x" * 4001, "short")
    notice = ada.page.locator("#failed")
    expect(notice).to_contain_text("4,001")
    expect(ada.page.locator('p[data-status="failed"]')).to_have_count(1)
    bob.hears("short")  # it holds nobody up
    notice.get_by_role("button", name="Edit").click()
    expect(notice).to_be_hidden()
    ada.page.fill("#msg", ada.page.input_value("#msg")[:10])
    ada.page.press("#msg", "Enter")
    bob.hears("short", "x" * 10)


def test_two_tabs_are_the_same_person(ada: Person) -> None:
    other = ada.context.new_page()
    other.goto(ada.url)
    expect(other.locator(".me-name")).to_have_text("Ada")
    ada.say("from the first tab")
    expect(other.locator("p.own .text")).to_have_text("from the first tab")
    other.fill("#msg", "from the second tab")
    other.press("#msg", "Enter")
    ada.hears("from the first tab", "from the second tab")


LATE = """(newValue) =>
  window.dispatchEvent(new StorageEvent("storage", { key: "trio-chat.draft.lobby", newValue }))"""


def test_what_another_tab_wrote_earlier_takes_nothing_from_what_is_written_now(ada: Person) -> None:
    other = ada.context.new_page()
    other.goto(ada.url)
    expect(other.locator(".me-name")).to_have_text("Ada")
    ada.page.fill("#msg", "half a sen")
    expect(other.locator("#msg")).to_have_value("half a sen")
    other.focus("#msg")
    other.keyboard.press("End")
    other.keyboard.type("tence")
    expect(ada.page.locator("#msg")).to_have_value("half a sentence")
    other.evaluate(LATE, "half a sen")  # it was long on the way
    ada.page.evaluate(LATE, "half")
    ada.page.wait_for_timeout(200)
    for page in (ada.page, other):
        expect(page.locator("#msg")).to_have_value("half a sentence")


def test_a_page_with_another_client_can_talk_to_this_server(
    browser: Browser, server: Server, ada: Person, tmp_path: Path
) -> None:
    """Opened from a file, with nothing but `new WebSocket`: its origin is null."""
    file = tmp_path / "strange.html"
    file.write_text(STRANGERS_PAGE % json.dumps(server.url.replace("http", "ws")))
    context = browser.new_context()
    page = context.new_page()
    page.goto(file.as_uri())
    expect(page).to_have_title("open")
    ada.say("Hello, stranger")
    expect(page.locator("#heard div")).to_have_text(["Hello, stranger"])
    page.evaluate("() => socket.send('Hello, Ada')")
    ada.hears("Hello, stranger", "Hello, Ada")
    expect(page.locator("#heard div")).to_have_text(["Hello, stranger", "Hello, Ada"])
    expect(ada.page.locator("p:not(.own) .author")).not_to_be_empty()
    context.close()


def test_a_link_opens_a_new_tab_without_opener_or_referrer(ada: Person, bob: Person) -> None:
    ada.say("see https://example.org/a?b=1, or javascript:alert(1)")
    link = bob.page.locator("#chat a")
    expect(link).to_have_count(1)
    expect(link).to_have_text("https://example.org/a?b=1")
    expect(link).to_have_attribute("href", "https://example.org/a?b=1")
    expect(link).to_have_attribute("target", "_blank")
    expect(link).to_have_attribute("rel", "noopener noreferrer")


def type_into(page: Page, text: str) -> None:
    """What a person's fingers do."""
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def test_everything_can_be_done_with_the_keyboard_alone(open_person: Callable[..., Person]) -> None:
    person = open_person()
    person.is_online()
    page = person.page
    expect(page.locator("#msg")).to_be_focused()
    type_into(page, "typed")
    person.hears("typed")
    places = (
        "#send",
        ".emoji-button",
        ".attach-button",
        ".voice-button",
        "#search",
        "#info",
        "#help",
        "#new",
        "#filter",
    )
    for place in (*places, "#rail-list a", "#rail-list button:visible", "#me"):
        page.keyboard.press("Tab")
        expect(page.locator(place)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#name")).to_be_focused()
    type_into(page, "Keyboard Kim")
    expect(page.locator(".me-name")).to_have_text("Keyboard Kim")
    expect(page.locator("#msg")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#chat")).to_be_focused()
