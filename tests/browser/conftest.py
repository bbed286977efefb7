"""Fixtures: a real server, a real Chromium, and people, each with a browser context of their own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.patience import TIMEOUT_MS
from tests.support.page_server import UNHURRIED, open_server
from tests.support.page_server import Server as Server  # the folder's tests know it from here
from trio_chat.web.http import content_security_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, Page, Route

PROGRAMS = ("chromium-headless-shell", "chromium")

expect.set_options(timeout=TIMEOUT_MS)

PARTS = Path(__file__).parent / "parts"
PARTS_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
PARTS_SCREEN: dict[str, Any] = {
    "viewport": {"width": 1100, "height": 800},
    "reduced_motion": "reduce",
    "locale": "en-GB",
}

PERSON_SCREEN: dict[str, Any] = {"reduced_motion": "reduce", "locale": "en-GB"}
"""What moves is drawn sixty times a second, on every page: half of what a test took. Who tests motion asks for it."""

NETWORK_NAME = "studio.home.arpa"
"""The server's name on a network, as its people type it."""

RESOLVE = f"--host-resolver-rules=MAP {NETWORK_NAME} 127.0.0.1"
"""A name that is no local one to the browser: over http it is no secure context there."""


class Person:
    """A person with a browser context of their own, and the chat open in it."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        context.set_default_timeout(TIMEOUT_MS)
        self.page = context.new_page()
        self.violations: list[str] = []
        self.page.on("pageerror", lambda error: self.violations.append(f"error: {error}"))
        self.page.on("dialog", self._note_dialog)
        self.page.on("console", self._note_console)
        self.url = url
        self.open()

    def open(self) -> None:
        """Open the page, or reload it, and wait until all of it is drawn."""
        self.page.goto(self.url)
        self.is_drawn()

    def is_drawn(self) -> None:
        """Wait until all views are there. From then on the page shows another screen only if it is asked to: what is
        seen before, on a phone the room instead of the list, may be gone in a moment."""
        expect(self.page.locator("#status")).not_to_be_empty()

    def say(self, *texts: str) -> None:
        """Type and press Enter, for each text."""
        for text in texts:
            self.page.fill("#msg", text)
            self.page.press("#msg", "Enter")

    def rename(self, name: str) -> None:
        """Take another name in the settings."""
        self.settings()
        self.page.fill("#name", name)
        self.page.press("#name", "Enter")
        expect(self.page.locator(".me-name")).to_have_text(name)

    def to_list(self) -> None:
        """Go to the list of rooms; on a desktop it always is there."""
        self.is_drawn()
        if self.page.locator("#back").is_visible():
            self.page.click("#back")
        expect(self.page.locator("#rail")).to_be_visible()

    def settings(self) -> None:
        """Open the settings, on a phone by way of the room list."""
        self.to_list()
        self.page.click("#me")
        expect(self.page.locator("#name")).to_be_focused()

    def opens(self, room: str) -> None:
        """Open a room of the list."""
        self.to_list()
        self.page.locator("#rail-list a").filter(has=self.page.get_by_text(room, exact=True)).click()
        expect(self.page.locator("#room-title")).to_have_text(room)

    def is_in(self, room: str) -> None:
        """Wait until this room is open."""
        expect(self.page.locator("#room-title")).to_have_text(room)

    def hears(self, *texts: str) -> None:
        """Wait until the page shows exactly these texts, in this order, all of them logged."""
        expect(self.page.locator("#chat p .text")).to_have_text(list(texts))
        expect(self.page.locator('#chat p[data-status="waiting"]')).to_have_count(0)

    def is_online(self) -> None:
        """Wait until the page says that it is connected."""
        expect(self.page.locator("#status")).to_have_text("Online")

    def is_offline(self) -> None:
        """Wait until the page says that there is no connection."""
        expect(self.page.locator("#banner")).to_be_visible()

    def hurry(self) -> None:
        """Fire the browser's ``online`` event, upon which the page reconnects at once."""
        self.page.evaluate("() => window.dispatchEvent(new Event('online'))")

    def texts(self) -> list[str]:
        """The texts that the page shows now."""
        texts: list[str] = self.page.locator("#chat p .text").all_text_contents()
        return texts

    def _note_dialog(self, dialog: object) -> None:
        self.violations.append(f"dialog: {dialog}")

    def _note_console(self, message: object) -> None:
        text = str(getattr(message, "text", message))
        if "Content Security Policy" in text or "Trusted" in text:
            self.violations.append(f"policy: {text}")


def find_chromium() -> str | None:
    """The one named by TRIO_CHAT_CHROMIUM, else the system's; None: Playwright's own."""
    return os.environ.get("TRIO_CHAT_CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, see `find_chromium`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[RESOLVE])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def hearing(browser: Browser) -> Iterator[Browser]:
    """Another Chromium, with a microphone that beeps and that everybody may use."""
    microphone = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    launched = browser.browser_type.launch(executable_path=find_chromium(), args=[RESOLVE, *microphone])
    yield launched
    launched.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running server with a data directory of its own."""
    with open_server(tmp_path, *UNHURRIED) as server:
        yield server


@pytest.fixture
def open_person(browser: Browser, server: Server) -> Iterator[Callable[..., Person]]:
    """A function that opens the chat for one more person, with options of a browser context; closes all at the end."""
    people: list[Person] = []

    def open_one(
        *,
        name: str | None = None,
        in_browser: Browser = browser,
        **options: Any,  # noqa: ANN401 - Playwright knows them
    ) -> Person:
        if name is not None:  # as somebody whose browser remembers the name
            remembered = [{"name": "trio-chat.name", "value": name}]
            options["storage_state"] = {
                "origins": [{"origin": server.url.rstrip("/"), "localStorage": remembered}]
            }
        context = in_browser.new_context(**{**PERSON_SCREEN, **options})
        person = Person(context, server.url)
        people.append(person)
        if name is not None:
            expect(person.page.locator(".me-name")).to_have_text(name)
        return person

    yield open_one
    for person in people:
        person.context.close()
    for person in people:
        assert person.violations == []


@pytest.fixture
def ada(open_person: Callable[..., Person]) -> Person:
    """A person, Ada."""
    return open_person(name="Ada")


@pytest.fixture
def bob(open_person: Callable[..., Person]) -> Person:
    """Another person, Bob."""
    return open_person(name="Bob")


@pytest.fixture
def open_parts(browser: Browser, server: Server) -> Iterator[Callable[..., Page]]:
    """Opens the parts' page; at the end nothing on it may have gone against the policy."""
    contexts = []
    violations: list[str] = []

    def answer(route: Route) -> None:
        file = PARTS / route.request.url.rsplit("/", 1)[1]
        route.fulfill(
            body=file.read_text("utf-8"),
            content_type=f"{PARTS_TYPES[file.suffix]}; charset=utf-8",
            headers={"content-security-policy": content_security_policy(f"127.0.0.1:{server.port}")},
        )

    def note(said: str, expected: str | None) -> None:
        if said != expected:
            violations.append(said)

    def open_one(
        *,
        theme: str = "light",
        direction: str = "ltr",
        expected: str | None = None,
        **options: Any,  # noqa: ANN401
    ) -> Page:
        context = browser.new_context(**{**PARTS_SCREEN, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: violations.append(str(error)))
        page.on("console", lambda message: note(message.text, expected))
        page.route(f"{server.url}parts/*", answer)
        page.goto(f"{server.url}parts/page.html")
        page.wait_for_selector("html[data-ready]")
        page.evaluate(
            "([theme, dir]) => Object.assign(document.documentElement, {dir}).dataset.theme = theme",
            [theme, direction],
        )
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert violations == []
