"""Files are sent from the page, through cuts, reloads and restarts; and it is said what cannot be sent."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import FilePayload, expect

from .axe import add_axe, finds_nothing
from .conftest import NETWORK_NAME
from .patience import wait_until
from .viewports import DESKTOP, PHONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Route, WebSocketRoute

    from .conftest import Person, Server

pytestmark = pytest.mark.browser

MIB = 1 << 20


def png(width: int = 320, height: int = 200, colour: tuple[int, int, int] = (40, 120, 200)) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes(colour) * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def choose(person: Person, *files: tuple[str, str, bytes]) -> None:
    """Choose files (name, type, bytes) by the button."""
    with person.page.expect_file_chooser() as chooser:
        person.page.get_by_role("button", name="Attach files").click()
    payloads = [FilePayload(name=name, mimeType=kind, buffer=data) for name, kind, data in files]
    chooser.value.set_files(payloads)


def digest(person: Person, message: int = -1, n: int = 0) -> str:
    """The SHA-256 of a file of a message, as the person gets it from the server."""
    seq = person.page.locator("#chat p.message").nth(message).get_attribute("data-seq")
    answer = person.context.request.get(f"{person.url}files/lobby/{seq}/{n}/x?download")
    assert answer.status == 200, answer.text()
    return hashlib.sha256(answer.body()).hexdigest()


def arrived(person: Person, count: int = 1) -> None:
    """Wait until so many messages are logged."""
    expect(person.page.locator("#chat p.message[data-seq]")).to_have_count(count, timeout=60_000)


def test_files_are_chosen_described_put_in_order_and_sent_with_a_caption(ada: Person, bob: Person) -> None:
    page = ada.page
    notes = os.urandom(3 * MIB)
    choose(ada, ("kite.png", "image/png", png()), ("notes.bin", "", notes))
    tray = page.get_by_role("group", name="Files to be sent")
    expect(tray.get_by_role("listitem")).to_have_count(2)
    expect(tray).to_contain_text("2 files, 3.15 MB")
    expect(tray).to_contain_text("not kept if you close the page")
    tray.get_by_role("button", name="kite.png, ").click()
    page.get_by_role("menuitem", name="Describe it").click()
    page.get_by_label("What is to be seen?").fill("A red kite")
    page.keyboard.press("Enter")
    expect(tray.get_by_role("button", name="described: A red kite")).to_be_visible()
    tray.get_by_role("button", name="kite.png, ").press("Alt+ArrowRight")
    expect(tray.get_by_role("listitem").first).to_contain_text("notes.bin")
    tray.get_by_role("button", name="notes.bin, ").press("Alt+ArrowRight")
    page.fill("#msg", "The field this morning")
    page.press("#msg", "Enter")
    expect(tray).to_be_hidden()
    expect(page.locator("#msg")).to_have_value("")
    arrived(bob)
    bob.hears("The field this morning")
    assert digest(bob, n=1) == hashlib.sha256(notes).hexdigest()
    expect(bob.page.get_by_role("button", name="A red kite")).to_be_visible()


def test_a_file_alone_is_sent_by_enter_and_removed_ones_are_not(ada: Person, bob: Person) -> None:
    page = ada.page
    choose(ada, ("a.txt", "text/plain", b"a"), ("b.txt", "text/plain", b"b"))
    page.get_by_role("button", name="Remove a.txt").click()
    expect(page.locator(".tray-item")).to_have_count(1)
    page.locator(".tray-face").press("Delete")
    expect(page.locator(".tray")).to_be_hidden()
    choose(ada, ("c.txt", "text/plain", b"c"))
    expect(page.locator(".tray-item")).to_have_count(1)
    page.keyboard.press("Enter")  # the field has the focus
    arrived(bob)
    expect(bob.page.get_by_role("link", name="Save c.txt")).to_be_visible()


PASTE = """([files, text, type]) => {
  const clipboardData = new DataTransfer();
  for (const [name, kind, data] of files)
    clipboardData.items.add(new File([Uint8Array.from(data)], name, { type: kind }));
  if (text) clipboardData.setData(type, text);
  const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
  return !(document.activeElement ?? document.body).dispatchEvent(event);
}"""

DROP = """([selector, files]) => {
  const dataTransfer = new DataTransfer();
  for (const [name, kind, data] of files)
    dataTransfer.items.add(new File([Uint8Array.from(data)], name, { type: kind }));
  const at = { dataTransfer, bubbles: true, cancelable: true };
  const element = document.querySelector(selector);
  element.dispatchEvent(new DragEvent("dragover", at));
  const isShown = document.querySelector(".drop-overlay") !== null;
  return [isShown, !element.dispatchEvent(new DragEvent("drop", at))];
}"""


def given(*files: tuple[str, str, bytes]) -> list[list[Any]]:
    """Files as a script in the page takes them."""
    return [[name, kind, list(data)] for name, kind, data in files]


def test_what_is_pasted_or_dropped_goes_along_wherever_it_is_dropped(ada: Person, bob: Person) -> None:
    page = ada.page
    page.focus("#msg")
    picture = ("image.png", "image/png", png())
    assert page.evaluate(PASTE, [given(picture), "", "text/plain"])
    expect(page.locator(".tray-face > img")).to_have_count(1)
    assert not page.evaluate(PASTE, [given(picture), "{}", "text/rtf"]), (
        "a text of an office program is a text"
    )
    assert page.evaluate(DROP, ["#rail", given(("b.txt", "text/plain", b"bee"))]) == [True, True]
    expect(page.locator(".tray-item")).to_have_count(2)
    expect(page.locator(".drop-overlay")).to_have_count(0)
    page.click("#me")
    expect(page.locator("#name")).to_be_focused()
    assert page.evaluate(DROP, ["#name", given(("c.txt", "text/plain", b"sea"))]) == [False, True], (
        "not behind a dialog, but neither in place of the page"
    )
    page.keyboard.press("Escape")
    expect(page.locator(".tray-item")).to_have_count(2)
    page.press("#msg", "Enter")
    arrived(bob)
    assert digest(bob, n=1) == hashlib.sha256(b"bee").hexdigest()
    assert page.url == ada.url


def test_the_first_paste_and_drop_are_caught_before_the_views_are_there(ada: Person) -> None:
    page = ada.page

    def late(route: Route) -> None:
        page.evaluate(DROP, ["body", given(("early.txt", "text/plain", b"e"))])
        page.evaluate(PASTE, [given(("pasted.txt", "text/plain", b"p")), "", "text/plain"])
        route.continue_()

    page.route("**/tray.js", lambda route: route.continue_())
    page.route("**/all-views.js", late, times=1)
    ada.open()
    expect(page.locator(".tray-item")).to_have_count(2)


def test_each_room_has_its_tray_and_answers_and_edits_get_along_with_it(ada: Person, bob: Person) -> None:
    page = ada.page
    bob.say("a question")
    ada.hears("a question")
    choose(ada, ("a.txt", "text/plain", b"a"))
    expect(page.locator(".tray-item")).to_have_count(1)
    page.evaluate("location.hash = '#room=garden'")
    ada.is_in("garden")
    expect(page.locator(".tray")).to_be_hidden()
    page.evaluate("location.hash = '#room=lobby'")
    ada.is_in("Lobby")
    expect(page.locator(".tray-item")).to_have_count(1)
    page.locator("#chat p.message .text").click(button="right")
    page.get_by_role("menuitem", name="Reply", exact=True).click()
    page.fill("#msg", "the answer")
    page.press("#msg", "Enter")
    arrived(bob, 2)
    expect(bob.page.locator("#chat p.message").last.locator(".quoted")).to_be_visible()
    choose(ada, ("b.txt", "text/plain", b"b"))
    page.press("#msg", "ArrowUp")
    expect(page.locator(".composer-bar")).to_be_visible()
    expect(page.locator(".tray")).to_be_hidden()
    page.get_by_role("button", name="Attach files").click()
    expect(page.locator(".toast")).to_contain_text("An edit changes the text only")
    page.fill("#msg", "the better answer")
    page.press("#msg", "Enter")
    bob.hears("a question", "the better answer")
    expect(page.locator(".tray-item")).to_have_count(1)


def test_an_upload_goes_on_after_cuts_a_reload_a_restart_and_an_absence(
    ada: Person, bob: Person, server: Server
) -> None:
    page = ada.page
    data = os.urandom(9 * MIB)
    cuts = iter(["reload", "restart", "cut", "cut", "cut", "cut", "cut"])
    seen: list[str] = []

    def cut(route: Route) -> None:
        if route.request.method != "PATCH":
            return route.continue_()
        seen.append(route.request.headers["upload-offset"])
        what = next(cuts, None) if len(seen) % 2 == 0 else None
        if what is None:
            return route.continue_()
        seen.append(what)
        if what == "restart":
            server.kill()
            server.start()
        return route.abort()

    page.route("**/uploads/*", cut)
    choose(ada, ("big.bin", "", data))
    page.press("#msg", "Enter")
    expect(page.locator("#chat p.message")).to_be_visible()
    ada.say("behind it")
    expect(page.locator('#chat p[data-status="waiting"]')).to_have_count(2)
    wait_until(page, lambda: "reload" in seen)
    ada.open()
    expect(page.locator("#chat p.message")).to_have_count(2)
    wait_until(page, lambda: "restart" in seen)
    ada.context.set_offline(True)
    page.wait_for_timeout(300)
    ada.context.set_offline(False)
    ada.hurry()
    arrived(bob, 2)
    assert digest(bob, 0) == hashlib.sha256(data).hexdigest()
    expect(bob.page.locator("#chat p.message .text").last).to_have_text("behind it")
    assert seen.count("cut") == 5
    assert page.evaluate("indexedDB.databases().then((all) => all.map(({ name }) => name))")
    page.wait_for_function(
        """() => new Promise((resolve) => {
          const asked = indexedDB.open("trio-chat.files");
          asked.onsuccess = () => {
            const all = asked.result.transaction("files").objectStore("files").getAllKeys();
            all.onsuccess = () => resolve(all.result.length === 0);
          };
        })"""
    )


def test_a_transfer_is_cancelled_and_nothing_is_left_of_it(ada: Person, bob: Person) -> None:
    page = ada.page
    page.route("**/uploads/*", lambda route: route.abort())
    choose(ada, ("a.bin", "", os.urandom(1000)))
    page.press("#msg", "Enter")
    page.get_by_role("button", name="Do not send a.bin").click()
    expect(page.locator("#chat p.message")).to_have_count(0)
    ada.say("instead")
    bob.hears("instead")


def test_two_tabs_send_it_once_and_the_other_goes_on_when_one_is_closed(ada: Person, bob: Person) -> None:
    page = ada.page
    ada.context.route("**/uploads/*", lambda route: route.abort())
    data = os.urandom(MIB)
    choose(ada, ("a.bin", "", data))
    page.press("#msg", "Enter")
    expect(page.locator("#chat p.message")).to_have_count(1)
    other = ada.context.new_page()
    other.goto(ada.url)
    expect(other.locator("#chat p.message")).to_have_count(1)
    ada.context.unroute("**/uploads/*")
    page.close()
    arrived(bob)
    expect(other.locator("#chat p.message[data-seq]")).to_have_count(1)
    assert digest(bob) == hashlib.sha256(data).hexdigest()


def test_it_is_said_what_cannot_be_sent_before_a_byte_is(
    open_person: Callable[..., Person], server: Server
) -> None:
    server.stop()
    server.arguments = (*server.arguments, "--max-file-bytes=700000", "--files-per-person=1")
    server.start()
    ada = open_person(name="Ada")
    page = ada.page
    choose(ada, ("big.bin", "", bytes(700_001)), ("small.bin", "", bytes(10)))
    expect(page.locator(".tray-problem")).to_have_text(
        "“big.bin” is larger than the 700 kB that this server takes."
    )
    expect(page.locator(".tray-item")).to_have_count(1)
    choose(ada, *((f"{n}.bin", "", b"x") for n in range(12)))
    expect(page.locator(".tray-problem")).to_contain_text("10 files at most")
    expect(page.locator(".tray-item")).to_have_count(10)
    for _ in range(10):
        page.locator(".tray-face").first.press("Delete")
    choose(ada, ("one.bin", "", os.urandom(600_000)), ("two.bin", "", os.urandom(600_000)))
    expect(page.locator(".tray-problem")).to_contain_text("more than the 1.05 MB")
    page.press("#msg", "Enter")
    failed = page.locator("#failed")
    expect(failed).to_be_visible()
    failed.get_by_role("button", name="Edit").click()
    expect(page.locator(".tray-item")).to_have_count(2)
    page.locator(".tray-face").first.press("Delete")
    page.press("#msg", "Enter")
    expect(page.locator("#chat p.message[data-seq]")).to_have_count(1)


def test_all_of_it_works_at_a_plain_http_address(
    ada: Person, open_person: Callable[..., Person], server: Server
) -> None:
    eve = open_person()
    eve.url = f"http://{NETWORK_NAME}:{server.port}/"
    eve.open()
    eve.is_online()
    assert eve.page.evaluate("isSecureContext") is False
    data = os.urandom(2 * MIB)
    choose(eve, ("a.bin", "", data))
    eve.page.press("#msg", "Enter")
    arrived(ada)
    assert digest(ada) == hashlib.sha256(data).hexdigest()
    choose(eve, ("kite.png", "image/png", png()))
    eve.page.press("#msg", "Enter")
    arrived(ada, 2)
    eve.open()  # the cookie serves at this address as well
    eve.page.wait_for_function("() => document.querySelector('#chat img')?.naturalWidth > 0")


FILM = """async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
  const pen = canvas.getContext("2d");
  const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm" });
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const isOver = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start();
  for (let frame = 0; frame < 20; frame += 1) {
    pen.fillStyle = "rgb(200, 40, 90)";
    pen.fillRect(0, 0, 320, 180);
    pen.clearRect(frame * 10, 20, 10, 10);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  recorder.stop();
  await isOver;
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File(parts, "film.webm", { type: "video/webm" }));
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
}"""


def test_a_video_has_a_still_that_the_page_has_drawn(ada: Person, bob: Person) -> None:
    page = ada.page
    ada.is_online()
    page.evaluate(FILM)
    expect(page.locator(".tray-face.video > img")).to_be_visible()
    page.press("#msg", "Enter")
    arrived(bob)
    seq = bob.page.locator("#chat p.message").get_attribute("data-seq")
    still = bob.context.request.get(f"{bob.url}files/lobby/{seq}/0/film.webm?size=480")
    assert (still.status, still.headers["content-type"]) == (200, "image/webp")


def test_a_picture_that_cannot_be_shown_is_sent_as_a_file(ada: Person, bob: Person) -> None:
    page = ada.page
    bomb = png(8_000, 6_500)
    choose(ada, ("huge.png", "image/png", bomb))
    page.press("#msg", "Enter")
    failed = page.locator("#failed")
    expect(failed).to_contain_text("megapixels", timeout=60_000)
    failed.get_by_role("button", name="Send as a file").click()
    arrived(bob)
    expect(failed).to_be_hidden()
    assert digest(bob) == hashlib.sha256(bomb).hexdigest()
    expect(bob.page.get_by_role("link", name="Save huge.png")).to_be_visible()


def test_who_is_new_to_a_server_with_probation_sees_why_not(ada: Person) -> None:
    def through(socket: WebSocketRoute) -> None:
        def told(message: str | bytes) -> None:
            frame = json.loads(message)
            if frame["type"] == "welcome":
                frame["new_until"] = "2100-01-01T00:00:00Z"
            socket.send(json.dumps(frame))

        socket.connect_to_server().on_message(told)

    page = ada.page
    page.route_web_socket("**", through)
    ada.open()
    ada.is_online()
    page.get_by_role("button", name="Attach files").click()
    expect(page.locator(".toast")).to_contain_text("You are new here, and cannot send files yet")
    page.evaluate(DROP, ["#chat", given(("b.txt", "text/plain", b"bee"))])
    expect(page.locator(".tray")).to_be_hidden()


@pytest.mark.parametrize("options", [DESKTOP, PHONE | {"color_scheme": "dark"}], ids=["desk", "phone"])
def test_what_is_sent_is_accessible_to_axe(
    open_person: Callable[..., Person], options: dict[str, object]
) -> None:
    """The tray, an upload in progress, and one that failed."""
    ada = open_person(name="Ada", **options)
    page = ada.page
    add_axe(page)
    ada.open()
    held: list[Route] = []
    page.route("**/uploads/*", lambda route: held.append(route))
    page.focus("#msg")
    chosen = [("kite.png", "image/png", png()), ("notes.bin", "", b"x" * 1000)]
    assert page.evaluate(DROP, ["body", given(*chosen)]) == [True, True]
    expect(page.locator(".tray-face > img")).to_have_count(1)
    expect(page.locator(".tray-item")).to_have_count(2)
    page.locator("#msg").fill("The field this morning")
    finds_nothing(page)
    page.press("#msg", "Enter")
    expect(page.get_by_role("button", name="Do not send").first).to_be_visible()
    wait_until(page, lambda: len(held) > 0)
    finds_nothing(page)
    held[0].fulfill(status=507, body="The server's disk is full. Try later.")
    expect(page.locator("#failed")).to_be_visible()
    expect(page.get_by_role("button", name="again").first).to_be_visible()
    finds_nothing(page)
