"""Previews of links, with a real site beside the server."""

from __future__ import annotations

import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.support.page_server import UNHURRIED, open_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.browser.conftest import Person, Server

pytestmark = pytest.mark.browser

PAGES = {
    "/kite": b"""<!doctype html><title>A red kite</title><meta property="og:site_name" content="Kites and fields">
        <meta name="description" content="How to build a kite in one afternoon, from paper, string and two sticks.">
        <meta property="og:image" content="/kite.png"><meta property="og:image:alt" content="A kite">""",
    "/plain": b"<!doctype html><title>&lt;b&gt;Plain&lt;/b&gt; page</title>",
}


def picture() -> bytes:
    data = io.BytesIO()
    Image.linear_gradient("L").resize((1200, 630)).convert("RGB").save(data, "PNG")
    return data.getvalue()


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = picture() if self.path == "/kite.png" else PAGES.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", "image/png" if self.path == "/kite.png" else "text/html")
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def site() -> Iterator[str]:
    """A web site on this machine, by its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with open_server(tmp_path, "--link-previews", *UNHURRIED, module="tests.support.previewing") as server:
        yield server


def test_a_link_is_shown_with_what_it_leads_to(site: str, ada: Person) -> None:
    page = ada.page
    ada.say(
        *(f"line {number}" for number in range(30)),
        f"look at {site}/kite",
        f"and {site}/plain",
        f"{site}/gone",
    )
    cards = page.locator(".link-preview")
    expect(cards).to_have_count(2)
    expect(cards.first).to_have_attribute("href", f"{site}/kite")
    expect(cards.first).to_have_attribute(
        "aria-label",
        "A red kite. Kites and fields. How to build a kite in one afternoon, from paper, string and two sticks.",
    )
    image = cards.first.locator("img")
    expect(image).to_have_attribute("alt", "A kite")
    page.wait_for_function("() => document.querySelector('.link-preview img').naturalWidth === 480")
    assert "kite in one afternoon" not in page.locator("#chat").inner_text().replace("\n", " ")
    expect(cards.last).to_have_attribute("aria-label", f"<b>Plain</b> page. {site.removeprefix('http://')}")
    # The reader stays at the end, although the log has grown.
    expect(page.locator("#chat p").last).to_be_in_viewport()
    page.reload()
    expect(page.locator(".link-preview")).to_have_count(2)
    expect(page.locator("#chat p").last).to_be_in_viewport()


def test_an_edited_message_shows_its_new_link_and_a_deleted_one_none(site: str, ada: Person) -> None:
    page = ada.page
    ada.say(f"{site}/kite")
    expect(page.locator(".link-preview")).to_have_count(1)
    page.press("#msg", "ArrowUp")
    ada.say(f"{site}/plain")
    expect(page.locator(".link-preview")).to_have_attribute("href", f"{site}/plain")
    page.press("#msg", "ArrowUp")
    ada.say("never mind")
    expect(page.locator(".link-preview")).to_have_count(0)
