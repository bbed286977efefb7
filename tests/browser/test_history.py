"""The log as a thing to read: history, the reader's place, what is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.plain_lines import send_lines

from .patience import box_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from .conftest import Person, Server

pytestmark = pytest.mark.browser

LINES = 260  # more than the page is given on opening, and several pages of history

# So many people come, each reacts to a message and goes.
REACT_MANY = """async ([url, count, seq]) => {
  for (let number = 1; number <= count; number += 1) {
    const socket = new WebSocket(url, "trio-chat.v1");
    const say = (frame) => socket.send(JSON.stringify(frame));
    await new Promise((resolve) => {
      socket.onopen = () => say({ type: "hello", name: `Person ${number}` });
      socket.onmessage = ({ data }) => {
        const { type } = JSON.parse(data);
        if (type === "welcome") say({ type: "join", id: "join", room: "lobby" });
        if (type === "joined") say({ type: "react", id: "react", room: "lobby", seq, emoji: "🎉" });
        if (type === "ack") resolve();
      };
    });
    socket.close();
  }
}"""

# Scrolls to the top, waits until older messages stand there, and returns how far the message that was at the top has
# moved on the screen. Measured in the frame in which they appear and again when everything has come to rest.
SCROLL_UP = """async () => {
  const chat = document.querySelector("#chat");
  const first = chat.querySelector("p");
  chat.scrollTop = 5;
  const before = first.getBoundingClientRect().top;
  const moved = () => Math.abs(first.getBoundingClientRect().top - before);
  let most = 0;
  while (chat.querySelector("p") === first) {
    await new Promise(requestAnimationFrame);
    most = Math.max(most, moved());
  }
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return Math.max(most, moved());
}"""

# The message at the top of what is in view, and how far it is below the top.
PLACE = """() => {
  const chat = document.querySelector("#chat");
  const top = chat.getBoundingClientRect().top;
  const first = [...chat.querySelectorAll("p")].find((one) => one.getBoundingClientRect().bottom > top);
  return [first.querySelector(".text").textContent, Math.round(first.getBoundingClientRect().top - top)];
}"""


@pytest.fixture
def full_room(server: Server, open_person: Callable[..., Person]) -> Person:
    """Ada, in a room with a long history."""
    send_lines(server.url, LINES)
    ada = open_person(name="Ada")
    ada.is_online()
    expect(ada.page.locator("#chat p .text").last).to_have_text(f"line {LINES}")
    return ada


def test_of_many_who_reacted_the_first_are_named_and_all_can_be_seen(
    full_room: Person, open_person: Callable[..., Person]
) -> None:
    ada = full_room
    ada.page.evaluate(REACT_MANY, [ada.url.replace("http", "ws"), 8, 9])
    bob = open_person(name="Bob")
    bob.page.goto(f"{bob.url}#room=lobby&m=9")
    line = bob.page.locator("#chat p").filter(has=bob.page.get_by_text("line 9", exact=True))
    chip = line.locator(".reaction")
    names = ", ".join(f"Person {number}" for number in range(1, 6))
    expect(chip).to_have_attribute("aria-label", f"🎉 8: {names} and 3 more")
    expect(chip).to_have_attribute("data-count", "8")
    chip.click()
    expect(chip).to_have_attribute("aria-label", f"🎉 9: {names}, You and 3 more")
    expect(chip).to_have_attribute("aria-pressed", "true")
    line.locator(".text").click(button="right")
    bob.page.get_by_role("menuitem", name="Message info").click()
    section = bob.page.get_by_role("dialog").locator("section").filter(has_text="Reactions")
    expect(section.locator(".entry")).to_have_count(9)
    expect(section.locator(".entry").last).to_contain_text("You")
    text = bob.page.get_by_role("dialog").locator(".info-text")
    assert text.evaluate("(text) => text.clientHeight === text.scrollHeight"), "the message is not squeezed"
    bob.page.keyboard.press("Escape")
    chip.click()
    expect(chip).to_have_attribute("aria-label", f"🎉 8: {names} and 3 more")


def is_at_end(page: Page) -> None:
    """Wait until nothing is below what is in view."""
    page.wait_for_function(
        "() => { const c = document.querySelector('#chat'); return c.scrollHeight - c.clientHeight - c.scrollTop < 2; }"
    )


def scroll_to(page: Page, top: int) -> None:
    """Put the log there, and wait until the page has noticed."""
    page.evaluate("(top) => { document.querySelector('#chat').scrollTop = top; }", top)
    expect(page.locator("#jump")).to_be_visible()


def is_at(page: Page, place: list[object]) -> None:
    """Wait until the reader is at this place (see ``PLACE``), a pixel more or less."""
    text, top = place
    page.wait_for_function(
        f"([text, top]) => {{ const [now, at] = ({PLACE})(); return now === text && Math.abs(at - top) <= 1; }}",
        arg=[text, top],
    )


def test_a_reader_further_up_comes_back_to_the_same_message(full_room: Person, bob: Person) -> None:
    page = full_room.page
    full_room.open()
    expect(page.locator("#chat p .text").last).to_have_text(f"line {LINES}")
    for _ in range(3):  # beyond what is held of a room that is not open
        page.evaluate(SCROLL_UP)
    scroll_to(page, 900)
    place = page.evaluate(PLACE)
    page.goto(f"{full_room.url}#room=workshop")
    full_room.is_in("workshop")
    bob.say("news")
    expect(page.locator('#rail-list a[data-room="lobby"]')).to_contain_text("news")
    page.locator('#rail-list a[data-room="lobby"]').click()
    is_at(page, place)
    expect(page.locator("#jump")).to_have_text("1 new message")
    page.reload()
    full_room.is_online()
    is_at(page, place)
    expect(page.locator("#jump")).to_have_text("1 new message")
    page.locator("#jump").click()
    expect(page.locator("#jump")).to_be_hidden()
    is_at_end(page)


def test_a_reader_a_little_up_comes_back_too_and_a_link_leads_elsewhere(full_room: Person) -> None:
    page = full_room.page
    end = page.locator("#chat").evaluate("(chat) => chat.scrollTop")
    scroll_to(page, end - 300)
    place = page.evaluate(PLACE)
    page.goto(f"{full_room.url}#room=workshop")
    full_room.is_in("workshop")
    page.locator('#rail-list a[data-room="lobby"]').click()
    is_at(page, place)
    page.goto(f"{full_room.url}#room=workshop")
    full_room.is_in("workshop")
    page.goto(f"{full_room.url}#room=lobby&m=20")
    expect(page.locator("#chat p.goal")).to_be_in_viewport()
    page.goto("about:blank")
    page.goto(f"{full_room.url}#room=lobby&m=200")
    expect(page.locator("#chat p.goal")).to_be_in_viewport()


def test_opening_shows_the_latest_page_at_its_end(full_room: Person) -> None:
    full_room.open()
    expect(full_room.page.locator("#chat p .text").last).to_have_text(f"line {LINES}")
    assert full_room.page.locator("#chat p").count() < LINES
    is_at_end(full_room.page)
    expect(full_room.page.locator("#jump")).to_be_hidden()


def test_scrolling_up_loads_the_whole_history_without_a_jump(full_room: Person) -> None:
    full_room.open()
    expect(full_room.page.locator("#chat p .text").last).to_have_text(f"line {LINES}")
    while full_room.page.locator("#chat p .text").first.text_content() != "line 1":
        assert full_room.page.evaluate(SCROLL_UP) <= 1
    assert full_room.texts() == [f"line {number}" for number in range(1, LINES + 1)]


def test_a_reader_at_the_end_stays_there(full_room: Person, bob: Person) -> None:
    bob.say("news")
    expect(full_room.page.locator("#chat p .text").last).to_have_text("news")
    is_at_end(full_room.page)


def test_a_reader_further_up_keeps_the_place_and_sees_a_count_of_new_messages(
    full_room: Person, bob: Person
) -> None:
    page = full_room.page
    scroll_to(page, 900)
    place = page.evaluate(PLACE)
    bob.say("news", "more news")
    jump = page.locator("#jump")
    expect(jump).to_have_text("2 new messages")
    is_at(page, place)
    jump.click()
    expect(jump).to_be_hidden()
    is_at_end(page)
    expect(page.locator(".divider.unread")).to_have_text("New messages")
    full_room.say("now I have read it")
    expect(page.locator(".divider.unread")).to_have_count(0)


def test_sending_a_message_scrolls_to_the_end(full_room: Person) -> None:
    scroll_to(full_room.page, 900)
    full_room.say("mine")
    expect(full_room.page.locator("#jump")).to_be_hidden()
    is_at_end(full_room.page)


def test_a_short_conversation_stands_next_to_the_input(open_person: Callable[..., Person]) -> None:
    person = open_person()
    expect(person.page.locator("#empty")).to_be_visible()
    expect(person.page.locator("#chat p")).to_have_count(0)
    person.say("first")
    expect(person.page.locator("#empty")).to_be_hidden()
    message, chat = box_of(person.page.locator("#chat p")), box_of(person.page.locator("#chat"))
    assert chat["y"] + chat["height"] - message["y"] < 150
