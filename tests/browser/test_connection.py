"""The server goes, and comes back: nothing that was written is lost, and nothing stands there twice."""

from __future__ import annotations

import socket
import socketserver
import threading
from typing import TYPE_CHECKING, ClassVar

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Person, Server

pytestmark = pytest.mark.browser


def test_a_message_written_offline_survives_a_reload_and_is_sent_once(
    server: Server, ada: Person, bob: Person
) -> None:
    ada.say("before")
    bob.hears("before")
    server.stop()
    ada.is_offline()
    ada.say("waiting 1", "waiting 2")
    expect(ada.page.locator('p[data-status="waiting"] .text')).to_have_text(["waiting 1", "waiting 2"])
    expect(ada.page.locator('p[data-status="waiting"] .status').first).to_have_attribute(
        "aria-label", "Waiting to be sent"
    )
    server.start()
    ada.hears("before", "waiting 1", "waiting 2")
    bob.hears("before", "waiting 1", "waiting 2")


def test_waiting_messages_survive_a_reload(server: Server, ada: Person, bob: Person) -> None:
    """The page cannot be loaded without its server, so one answers that serves the page and no WebSocket."""
    ada.is_online()
    ada.page.route_web_socket("**", lambda socket: socket.close(code=1012))
    ada.open()
    ada.is_offline()
    ada.say("waiting 1", "waiting 2")
    expect(ada.page.locator('p[data-status="waiting"]')).to_have_count(2)
    ada.open()
    expect(ada.page.locator('p[data-status="waiting"] .text')).to_have_text(["waiting 1", "waiting 2"])
    ada.say("waiting 3")
    page = ada.context.new_page()  # a tab with a connection: it takes the others' messages along
    page.goto(ada.url)
    bob.hears("waiting 1", "waiting 2", "waiting 3")
    page.close()
    ada.open()
    bob.say("and that was all")
    bob.hears("waiting 1", "waiting 2", "waiting 3", "and that was all")


class _WithoutUpgrade(socketserver.BaseRequestHandler):
    """A reverse proxy as it is after its first installation: it passes requests on, and no upgrades."""

    upstream: ClassVar[tuple[str, int]]

    def handle(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            more = self.request.recv(4096)
            if not more:
                return
            head += more
        lines = [
            line
            for line in head.partition(b"\r\n\r\n")[0].split(b"\r\n")
            if not line.lower().startswith((b"upgrade:", b"connection:"))
        ]
        with socket.create_connection(self.upstream) as upstream:
            upstream.sendall(b"\r\n".join([*lines, b"Connection: close", b"", b""]))
            while more := upstream.recv(65536):
                self.request.sendall(more)


def test_a_proxy_that_lets_no_websocket_through_is_named(server: Server, ada: Person) -> None:
    _WithoutUpgrade.upstream = ("127.0.0.1", server.port)
    socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _WithoutUpgrade) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        page = ada.context.new_page()
        page.goto(f"http://127.0.0.1:{proxy.server_address[1]}/")
        expect(page.locator("#banner .banner-message")).to_contain_text(
            "The server answers, but the chat connection does not get through", timeout=30_000
        )
        page.locator("#msg").fill("waits")
        page.locator("#msg").press("Enter")
        expect(page.locator('p[data-status="waiting"] .text')).to_have_text("waits")
        page.close()
        proxy.shutdown()
        thread.join()


def test_a_killed_server_loses_and_doubles_nothing(server: Server, ada: Person, bob: Person) -> None:
    """Both write on while it dies and comes back, three times."""
    for round_number in range(3):
        for number in range(8):
            ada.say(f"ada {round_number}.{number}")
            bob.say(f"bob {round_number}.{number}")
            if number == 4:
                server.kill()
        server.start()
        for person in (ada, bob):
            person.hurry()
    expected = [f"{name} {r}.{n}" for name in ("ada", "bob") for r in range(3) for n in range(8)]
    for person in (ada, bob):
        expect(person.page.locator("#chat p")).to_have_count(len(expected))
        expect(person.page.locator('p[data-status="waiting"]')).to_have_count(0)
    assert ada.texts() == bob.texts()
    assert sorted(ada.texts()) == sorted(expected)
    for name in ("ada", "bob"):
        mine = [text for text in ada.texts() if text.startswith(name)]
        assert mine == [text for text in expected if text.startswith(name)], "each person's own order"


def test_messages_missed_while_offline_are_caught_up(server: Server, ada: Person, bob: Person) -> None:
    ada.say("one")
    bob.hears("one")
    bob.page.evaluate("() => window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    ada.say("two", "three")
    ada.hears("one", "two", "three")
    expect(bob.page.locator("#chat p")).to_have_count(1)
    bob.page.evaluate("() => window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    bob.hears("one", "two", "three")


def test_a_page_from_the_back_forward_cache_is_up_to_date(ada: Person, bob: Person) -> None:
    ada.say("one")
    bob.hears("one")
    bob.page.goto("about:blank")
    ada.say("two")
    ada.hears("one", "two")
    bob.page.go_back()
    bob.hears("one", "two")


def test_try_now_reconnects_at_once(server: Server, ada: Person) -> None:
    ada.is_online()
    ada.page.evaluate(
        "() => { Math.random = () => 60; }"
    )  # an impossible draw: the first pause takes a minute
    server.stop()
    ada.is_offline()
    server.start()
    ada.page.get_by_role("button", name="Try now").click()
    ada.is_online()
    expect(ada.page.locator("#banner")).to_be_hidden()


def test_with_a_new_data_directory_the_page_begins_anew_when_told_to(
    server: Server, ada: Person, open_person: Callable[..., Person]
) -> None:
    """The token is unknown and the epoch another one; the name goes along, and so does what waits."""
    ada.say("in the old log")
    ada.hears("in the old log")
    server.stop()
    ada.is_offline()
    ada.say("in the new log")
    server.forget()
    server.start()
    ada.page.get_by_role("button", name="Start as somebody new").click()
    ada.hears("in the new log")
    expect(ada.page.locator(".me-name")).to_have_text("Ada")
    expect(ada.page.locator("p.own")).to_have_count(1)
    open_person().hears("in the new log")


def test_without_storage_everything_works_until_the_page_is_closed(
    open_person: Callable[..., Person], bob: Person
) -> None:
    person = open_person()
    person.page.add_init_script("""
        for (const name of ["localStorage", "indexedDB"]) {
            Object.defineProperty(window, name, { get() { throw new DOMException("blocked", "SecurityError"); } });
        }
    """)
    person.open()
    person.say("from a private window")
    bob.hears("from a private window")
    person.hears("from a private window")
