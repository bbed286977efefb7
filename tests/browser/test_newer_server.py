"""A page that is older than its server: unknown events are one line, and it loads itself again when nothing is lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import WebSocketRoute

    from tests.browser.conftest import Person

pytestmark = pytest.mark.browser

LONG_MS = 60_000


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


def count_loads(person: Person) -> list[str]:
    loads: list[str] = []
    person.page.on("load", lambda page: loads.append(page.url))
    return loads


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
    ada.is_online()
    change_what_is_heard(ada, with_another_page)
    ada.open()
    loads = count_loads(ada)
    ada.is_online()
    ada.page.wait_for_event("load", timeout=LONG_MS)
    ada.is_online()
    ada.page.wait_for_timeout(30_000)
    assert len(loads) == 1, "the server still says that it is old, but once was enough"


def test_who_is_writing_is_not_disturbed_and_is_told(ada: Person) -> None:
    ada.is_online()
    change_what_is_heard(ada, with_another_page)
    ada.open()
    loads = count_loads(ada)
    ada.is_online()
    toast = ada.page.locator(".toast").filter(has_text="newer version of this page")
    for _ in range(60):
        ada.page.focus("#msg")
        ada.page.keyboard.type("a ")
        if toast.is_visible():
            break
        ada.page.wait_for_timeout(2_000)
    expect(toast).to_be_visible()
    assert loads == []
    draft = ada.page.input_value("#msg")
    toast.get_by_role("button", name="Reload").click()
    ada.page.wait_for_event("load", timeout=LONG_MS)
    ada.is_online()
    expect(ada.page.locator("#msg")).to_have_value(draft)
