"""Many rooms and a long log: what happens touches only what it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.plain_lines import send_lines

from .conftest import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import Person

pytestmark = pytest.mark.browser

ROOMS = 500
MESSAGES = 10_000
MOST_SHOWN = 360  # static/js/core/slice.js

CREATE_ROOMS = """async ([url, token, count]) => {
  const socket = new WebSocket(url, "trio-chat.v1");
  await new Promise((resolve) => { socket.onopen = resolve; });
  let answers = 0;
  const done = new Promise((resolve) => { socket.onmessage = ({ data }) => {
    const { id } = JSON.parse(data);
    if (id?.startsWith("c")) answers += 1;
    if (answers === count) resolve();
  }; });
  socket.send(JSON.stringify({ type: "hello", token }));
  for (let number = 0; number < count; number += 1) {
    const room = { type: "create", id: `c${number}`, kind: "public", room: `room-${number}`, title: `Room ${number}` };
    socket.send(JSON.stringify(room));
  }
  await done;
  socket.close();
}"""

WATCH_LIST = """() => {
  window.touched = new Set();
  const rowOf = (node) => node.closest?.("li") ?? node.parentElement?.closest("li");
  new MutationObserver((changes) => {
    for (const { target, addedNodes, removedNodes } of changes) {
      for (const node of [target, ...addedNodes, ...removedNodes]) {
        const row = rowOf(node);
        if (row) window.touched.add(row.querySelector("a").dataset.room);
      }
    }
  }).observe(document.querySelector("#rail-list"), {
    subtree: true, childList: true, attributes: true, characterData: true,
  });
}"""

SCROLL_UP = """async (times) => {
  const chat = document.querySelector("#chat");
  for (let time = 0; time < times; time += 1) {
    chat.scrollTop -= 1500;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that lets one person be in many rooms."""
    server = Server(tmp_path, "--messages-per-second=0", "--max-rooms-per-connection=0")
    try:
        server.start()
        yield server
    finally:
        server.stop()


def test_a_message_costs_the_same_with_many_rooms(ada: Person, bob: Person) -> None:
    address = ada.url.replace("http", "ws")
    token = ada.page.evaluate("localStorage.getItem('trio-chat.token')")
    ada.page.goto("about:blank")
    bob.page.evaluate(CREATE_ROOMS, [address, token, ROOMS])
    ada.open()
    rows = ada.page.locator("#rail-list li")
    expect(rows).to_have_count(ROOMS + 1)
    ada.is_online()
    expect(ada.page.locator("#room-people")).to_contain_text(
        "here"
    )  # the last of what comes with being online
    ada.page.evaluate(WATCH_LIST)
    bob.page.evaluate("() => { location.hash = 'room=room-250'; }")
    bob.is_in("Room 250")
    bob.say("Is somebody here?")
    expect(rows.first).to_contain_text("Is somebody here?")
    assert ada.page.evaluate("() => [...window.touched]") == ["room-250"]
    ada.opens("Room 250")
    ada.hears("Is somebody here?")


# Older ones may still be coming above it.
FIRST_IN_VIEW = """() => {
  const { top } = chat.getBoundingClientRect();
  const isInView = (each) => each.getBoundingClientRect().bottom > top;
  return [...document.querySelectorAll("#chat p")].find(isInView).textContent;
}"""


def test_a_long_log_costs_only_what_is_in_view(server: Server, open_person: Callable[..., Person]) -> None:
    send_lines(server.url, MESSAGES)
    ada, bob = open_person(name="Ada"), open_person(name="Bob")
    messages = ada.page.locator("#chat p")
    expect(messages.last).to_contain_text(f"line {MESSAGES}")
    ada.page.evaluate(SCROLL_UP, 100)
    assert messages.count() <= MOST_SHOWN
    place = ada.page.evaluate(FIRST_IN_VIEW)
    bob.say("one more")
    expect(ada.page.locator("#jump")).to_be_visible()
    assert ada.page.evaluate(FIRST_IN_VIEW) == place
    ada.page.click("#jump")
    expect(messages.last).to_contain_text("one more")
    assert messages.count() <= MOST_SHOWN
