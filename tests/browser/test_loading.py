"""How the page comes: in few pieces, the rest when there is time, and what does not come is said."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from trio_chat.web.http import STATIC

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Route, WebSocketRoute

    from .conftest import Person, Server

pytestmark = pytest.mark.browser

LATER = "document.querySelector('meta[name=later]').content.split(' ')"
ARE_ALL_THERE = f"""() => {{
  const loaded = performance.getEntriesByType("resource").filter(({{ responseEnd }}) => responseEnd > 0);
  return {LATER}.every((module) => loaded.some(({{ name }}) => name.endsWith(module)));
}}"""


def watched(page: Page) -> tuple[list[str], list[str]]:
    """What is requested from now on, and the WebSockets that are opened."""
    requests: list[str] = []
    sockets: list[str] = []
    page.on("request", lambda request: requests.append(urlsplit(request.url).path))
    page.on("websocket", lambda socket: sockets.append(socket.url))
    return requests, sockets


def name_of(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def test_a_first_visit_needs_the_page_one_file_and_one_socket(ada: Person, bob: Person) -> None:
    ada.say("hello")
    ada.hears("hello")
    bob.context.clear_cookies()
    page = bob.context.new_page()
    page.add_init_script(
        "window.requestIdleCallback = () => {}; localStorage.clear(); indexedDB.deleteDatabase('trio-chat');"
    )
    requests, sockets = watched(page)
    page.route("**/all-views.js", lambda _: None)  # it never comes
    page.goto(bob.url)
    expect(page.locator("#chat p .text")).to_have_text(["hello"])
    assert requests[0] == "/"
    assert [name_of(path) for path in requests if path.endswith((".js", ".css"))] == [
        "first-view.js",
        "all-views.js",
    ]
    assert len(sockets) == 1


def test_a_message_sent_before_the_page_has_loaded_is_sent_and_a_draft_stays(
    ada: Person, bob: Person
) -> None:
    held: list[Route] = []
    bob.page.route("**/all-views.js", lambda route: held.append(route))
    bob.page.goto(bob.url)
    ada.say("hello")
    bob.hears("hello")
    bob.say("at once")
    expect(bob.page.locator("#msg")).to_have_value("")
    ada.hears("hello", "at once")
    bob.say("/me ")  # a command waits for who knows it
    bob.page.click("#help")
    for route in held:
        route.continue_()
    expect(bob.page.get_by_role("dialog")).to_be_visible()
    bob.page.keyboard.press("Escape")
    expect(bob.page.locator("#msg")).to_have_value("/me ")
    bob.page.focus("#msg")
    bob.page.keyboard.type("waves")
    bob.page.keyboard.press("Enter")
    expect(ada.page.locator("p.action")).to_have_count(1)


def test_messages_can_be_read_and_sent_when_the_rest_of_the_page_fails_to_load(
    ada: Person, bob: Person
) -> None:
    bob.page.route("**/all-views.js", lambda route: route.abort())
    bob.page.goto(bob.url)
    ada.say("hello")
    bob.hears("hello")
    expect(bob.page.get_by_role("alert").filter(has_text="could not be loaded")).to_be_visible()
    bob.say("not lost")
    ada.hears("hello", "not lost")
    bob.page.unroute_all()
    bob.page.get_by_role("button", name="Reload").click()
    bob.hears("hello", "not lost")
    expect(bob.page.locator(".emoji-button")).to_be_visible()


def test_a_late_refusal_is_shown(ada: Person) -> None:
    sockets: list[WebSocketRoute] = []
    ada.page.route_web_socket("**", lambda socket: sockets.append(socket))
    ada.page.evaluate("() => localStorage.clear()")
    ada.open()
    expect(ada.page.locator(".emoji-button")).to_be_visible()  # it has given up waiting for messages
    sockets[0].close(code=1008, reason="Not today.")
    expect(ada.page.locator("#banner")).to_contain_text("Not today.")


def test_a_returning_visit_needs_one_socket(ada: Person) -> None:
    ada.say("hello")
    ada.hears("hello")
    _, sockets = watched(ada.page)
    ada.open()
    ada.is_online()
    ada.hears("hello")
    assert len(sockets) == 1


def test_modules_that_are_imported_later_are_fetched_ahead(ada: Person, server: Server) -> None:
    ada.is_online()
    ada.page.wait_for_function(ARE_ALL_THERE)
    server.stop()
    ada.is_offline()
    ada.page.click("#help")
    expect(ada.page.locator("dialog")).to_be_visible()


def test_a_module_that_fails_to_load_is_reported_with_a_reload_button(
    open_person: Callable[..., Person],
) -> None:
    ada = open_person(name="Ada")
    ada.page.route("**/panels.js", lambda route: route.fulfill(status=404))
    ada.page.route("**/panels.js", lambda route: route.abort(), times=1)
    ada.open()
    ada.is_online()
    toast = ada.page.locator(".toast.bad")
    for opener in ("#help", "#info", "#info"):
        ada.page.click(opener)
        expect(toast).to_contain_text("could not be loaded")
        # Whatever notice is there still; it may be going by itself.
        toast.get_by_label("Close").evaluate_all("buttons => buttons.forEach((button) => button.click())")
    ada.page.click("#help")
    ada.page.unroute_all()
    toast.get_by_text("Reload").click()
    ada.is_online()
    ada.page.click("#help")
    expect(ada.page.locator("dialog")).to_be_visible()


def test_the_page_works_unpacked(ada: Person, bob: Person) -> None:
    def serve(route: Route) -> None:
        route.fulfill(body=(STATIC / "index.html").read_text("utf-8"), content_type="text/html")

    bob.context.grant_permissions(
        ["local-network-access"]
    )  # a page of which it is not known where it came from
    bob.page.route(bob.url, serve)
    requests, sockets = watched(bob.page)
    bob.open()
    ada.say("hello")
    bob.hears("hello")
    bob.page.click("#help")
    expect(bob.page.locator("dialog")).to_be_visible()
    assert "/static/js/core/fold.js" in requests
    assert len(sockets) == 1
