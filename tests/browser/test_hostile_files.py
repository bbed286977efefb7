"""Whatever somebody sends as a file, nothing in it runs in the browser of who looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
from playwright.sync_api import Error, expect

from tests.browser.patience import wait_until
from tests.support.hostile_files import CARRIERS, HTML, POLYGLOTS, SVG, gif_that_is_a_script
from trio_chat.client import Attachment, open_chat
from trio_chat.errors import Refused

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Response, Route

    from .conftest import Person, Server

pytestmark = pytest.mark.browser

SENT: dict[str, bytes] = {
    **{f"{name}.html": make() for name, make in POLYGLOTS.items()},
    **{f"{name}.svg": make() for name, make in CARRIERS.items()},
    "page.html": HTML,
    "page.xhtml": b'<html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>',
    "picture.svg": SVG,
    "script.js": b"alert('CANARY')",
    "style.css": b"html { --canary: 1; background: red }",
    "worker.js": gif_that_is_a_script(),
}

EMBEDS = """(addresses) => {
  const done = addresses.flatMap((address) =>
    ["iframe src", "object data", "embed src", "script src", "link href", "img src", "video src"].map(
      (one) => {
        const [tag, attribute] = one.split(" ");
        const element = document.createElement(tag);
        if (tag === "link") element.rel = "stylesheet";
        element[attribute] = address;
        document.body.append(element);
        return new Promise((resolve) => {
          element.onload = element.onerror = resolve;
          setTimeout(resolve, 2000);
        });
      },
    ),
  );
  for (const address of addresses) {
    try {
      new Worker(address).onmessage = () => alert("CANARY");
    } catch {}
  }
  return Promise.all(done);
}"""
"""Asks for each in every way in which a page can, and waits until all are answered."""


async def send_all(url: str) -> list[tuple[int, str, bool]]:
    """Send each as a file, and as what it is where that is taken; the numbers, names, and whether it was as a file."""
    sent = []
    async with open_chat(url.replace("http", "ws", 1), name="Mallory") as chat:
        for name, data in SENT.items():
            for as_file in (True, False):
                try:
                    file = await chat.upload("lobby", Attachment(data, name=name, as_file=as_file))
                except Refused as refused:
                    if refused.code != "bad_file" or as_file:
                        raise
                    continue
                sent.append((await chat.send("lobby", name, files=[file]), name, as_file))
    return sent


class Listening:
    """What happens in a browser context that must not."""

    def __init__(self, context: BrowserContext) -> None:
        self.said: list[str] = []
        self.answers: list[Response] = []
        context.on("dialog", self._note)
        context.on("response", lambda response: self.answers.append(response))

    def _note(self, dialog: Any) -> None:  # noqa: ANN401
        self.said.append(dialog.message)
        dialog.dismiss()


def test_nothing_in_a_file_runs_however_it_is_asked_for(server: Server, ada: Person) -> None:
    sent = trio.run(send_all, server.url)
    assert len(sent) > len(SENT) * 1.5
    ada.open()  # with the cookie that fetches files
    expect(ada.page.locator("#chat p .text").last).to_have_text(sent[-1][1])
    listening = Listening(ada.context)
    addresses = [f"{server.url}files/lobby/{seq}/0/{name.replace(' ', '%20')}" for seq, name, _ in sent]

    page = ada.context.new_page()
    for address in addresses:
        try:
            page.goto(address)
        except Error as error:
            assert "Download is starting" in error.message  # noqa: PT017
        else:
            assert page.evaluate("() => document.contentType").startswith(("image/", "audio/"))
            assert page.evaluate("() => document.scripts.length") == 0

    # A page of the same origin that allows everything: only what the files say of themselves is left.
    anything = f"{server.url}anything"
    ada.context.route(anything, lambda route: route.fulfill(body="<body></body>", content_type="text/html"))
    page.goto(anything)
    page.evaluate(EMBEDS, addresses)
    page.wait_for_timeout(500)
    assert (
        page.evaluate("() => getComputedStyle(document.documentElement).getPropertyValue('--canary')") == ""
    )
    assert page.title() == ""
    page.close()

    answers = [answer for answer in listening.answers if "/files/" in answer.url and answer.status == 200]
    assert {answer.url for answer in answers} >= set(addresses)
    for answer in answers:
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["x-content-type-options"] == "nosniff"
        kind = answer.headers["content-type"]
        assert kind == "application/octet-stream" or kind.startswith("image/")
        assert answer.headers["content-disposition"].startswith("inline" if "image" in kind else "attachment")
    assert listening.said == []


def test_the_control_would_notice(server: Server, ada: Person) -> None:
    """The same, of an address that says what it is: there it runs."""
    listening = Listening(ada.context)
    address = f"{server.url}anything"
    ada.context.route(address, lambda route: route.fulfill(body="<body></body>", content_type="text/html"))
    harm = {"script": (b"alert('CANARY')", "text/javascript"), "page": (HTML, "text/html")}

    def answer(route: Route) -> None:
        body, kind = harm[route.request.url.rpartition("/")[2]]
        route.fulfill(body=body, content_type=kind)

    for name in harm:
        ada.context.route(f"{server.url}{name}", answer)
    page = ada.context.new_page()
    page.goto(address)
    page.evaluate(EMBEDS, [f"{server.url}{name}" for name in harm])
    wait_until(page, lambda: len(listening.said) >= 3)
    page.close()
