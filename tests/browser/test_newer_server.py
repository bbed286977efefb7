"""A page that is older than its server: unknown events are one line, and it loads itself again when nothing is lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.patience import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import WebSocketRoute

    from tests.browser.conftest import Person

pytestmark = pytest.mark.browser

STEP_MS = 4_000
"""Shorter than any deadline of the connection: in between the server has its say."""

STEPS = 15
"""Longer together than the page waits for a moment in which it disturbs nobody."""


def change_what_is_heard(person: Person, change: Callable[[dict[str, Any]], list[dict[str, Any]]]) -> None:
    """Let the page hear something else than the server says, from the next load on."""

    def route(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def to_page(message: str | bytes) -> None:
            for frame in change(json.loads(message)):
                socket.send(json.dumps(frame))

        server.on_message(to_page)

    person.page.route_web_socket("**", route)


def with_another_page(frame: dict[str, Any]) -> list[dict[str, Any]]:
    if frame["type"] == "welcome":
        frame["about"]["page"] = "0123456789abcdef"
    return [frame]


def open_old(person: Person) -> list[str]:
    """Let the page be older than its server, on a clock that can be put forward; the loads from then on."""
    change_what_is_heard(person, with_another_page)
    person.page.clock.install()
    person.open()
    loads: list[str] = []
    person.page.on("load", lambda page: loads.append(page.url))
    person.is_online()
    return loads


def step(person: Person) -> None:
    """A moment passes."""
    person.page.clock.run_for(STEP_MS)
    person.is_online()


def test_an_event_of_an_unknown_kind_is_one_line_and_what_follows_is_heard(ada: Person, bob: Person) -> None:
    def change(frame: dict[str, Any]) -> list[dict[str, Any]]:
        if frame["type"] == "message" and frame["text"].startswith("secret"):
            return [
                {
                    "type": "poll",
                    **{key: frame[key] for key in ("room", "seq", "from", "name", "at", "proof")},
                }
            ]
        return [frame]

    change_what_is_heard(bob, change)
    bob.open()
    bob.is_online()
    ada.say("one", "secret 1", "secret 2", "two")
    bob.hears("one", "two")
    expect(bob.page.locator("#chat .note").filter(has_text="newer version of this page")).to_have_count(1)
    bob.open()
    bob.is_online()
    bob.hears("one", "two")


def test_an_idle_page_loads_itself_again_once(ada: Person) -> None:
    loads = open_old(ada)
    for _ in range(STEPS):
        step(ada)
    wait_until(ada.page, lambda: len(loads) > 0)
    for _ in range(STEPS):
        step(ada)
    assert len(loads) == 1, "the server still says that it is old, but once was enough"


def test_who_is_writing_is_not_disturbed_and_is_told(ada: Person) -> None:
    loads = open_old(ada)
    toast = ada.page.locator(".toast").filter(has_text="newer version of this page")
    for _ in range(STEPS):
        ada.page.focus("#msg")
        ada.page.keyboard.type("a ")
        step(ada)
        if toast.is_visible():  # said at the end of a step, or not yet
            break
    expect(toast).to_be_visible()
    assert loads == []
    draft = ada.page.input_value("#msg")
    toast.get_by_role("button", name="Reload").click()
    wait_until(ada.page, lambda: len(loads) == 1)
    ada.is_online()
    expect(ada.page.locator("#msg")).to_have_value(draft)
