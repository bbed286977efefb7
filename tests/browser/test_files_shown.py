"""Files of messages on the page: in the log, full screen, in the album; and what becomes of them."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import FilePayload, expect

from tests.support.page_files import file, photo, send_files

from .axe import add_axe, finds_nothing
from .patience import box_of, come_to_rest, wait_until
from .viewports import DESKTOP, PHONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Locator, Page, Request, Route

    from .conftest import Person, Server

pytestmark = pytest.mark.browser

FILES = re.compile(r"/files/[^/]+/\d+/")
LOADED = '[data-state="loaded"]'

WATCH = """() => {
  const chat = document.querySelector("#chat");
  window.seen = { bottom: 0, top: 0, count: 0 };
  const { top: edge } = chat.getBoundingClientRect();
  const element = [...chat.querySelectorAll("p")].find((each) => each.getBoundingClientRect().bottom > edge);
  const top = element?.getBoundingClientRect().top;
  const look = () => {
    seen.bottom = Math.max(seen.bottom, chat.scrollHeight - chat.clientHeight - chat.scrollTop);
    seen.top = Math.max(seen.top, Math.abs(element.getBoundingClientRect().top - top));
    seen.count += 1;
    requestAnimationFrame(look);
  };
  if (element) look();
}"""
"""Notes from now on how far the end is below the screen, and how far the first message on it moves."""


class Held:
    """Holds up the pictures that a browser asks for, or what is sent, until it is let through."""

    def __init__(self, context: BrowserContext, what: re.Pattern[str] = FILES) -> None:
        self._held: list[Route] = []
        self._is_open = False
        context.route(what, self._note)

    def _note(self, route: Route) -> None:
        if self._is_open:
            route.continue_()
        else:
            self._held.append(route)

    def wait_for(self, page: Page, count: int) -> None:
        """Wait until so many are held."""
        wait_until(page, lambda: len(self._held) >= count)

    def let_through(self) -> int:
        """From now on they come; how many had to wait."""
        self._is_open = True
        for route in self._held:
            route.continue_()
        return len(self._held)


CACHE = """() => new Promise((resolve) => {
  indexedDB.open("trio-chat").onsuccess = ({ target }) => {
    const all = target.result.transaction("cache").objectStore("cache").getAll();
    all.onsuccess = () => resolve(JSON.stringify(all.result));
  };
})"""


def pictures(page: Page) -> Locator:
    """All pictures of the log."""
    return page.locator("#chat .picture")


def sends_a_gallery(person: Person) -> None:
    """Four messages, with a wide picture, a tall one, three and six."""
    page = person.page
    send_files(page, photo("kite.jpg", (1600, 900), alt="A red kite"), text="the field this morning")
    send_files(page, photo("tower.jpg", (500, 1200), hue=40))
    send_files(page, *(photo(f"three{n}.jpg", hue=60 + 20 * n) for n in range(3)))
    send_files(page, *(photo(f"six{n}.png", hue=120 + 15 * n) for n in range(6)), text="all six")


def test_pictures_have_their_shape_at_once_and_nothing_moves_when_they_come(ada: Person, bob: Person) -> None:
    for _ in range(3):
        sends_a_gallery(ada)
        ada.say("in between")
    page = bob.page
    expect(page.locator("#chat p .text").last).to_have_text("in between")
    held = Held(bob.context)
    bob.open()
    expect(page.locator("#chat p .text").last).to_have_text("in between")
    page.evaluate(WATCH)
    held.wait_for(page, 6)
    held.let_through()
    expect(pictures(page).first).to_be_attached()
    expect(page.locator(f"#chat .picture:not({LOADED})")).to_have_count(0)
    seen = page.evaluate("() => window.seen")
    assert seen["count"] > 3
    assert seen["bottom"] < 2
    assert seen["top"] <= 1
    assert page.evaluate("""() => [...document.querySelectorAll('#chat .gallery[data-count="1"]')].every((gallery) => {
        const image = gallery.querySelector("img");
        const { width, height } = gallery.getBoundingClientRect();
        return Math.abs(width / height - image.naturalWidth / image.naturalHeight) < 0.15;
    })""")
    # And in the middle, where the reader comes back to after a reload.
    page.evaluate(
        "() => { const chat = document.querySelector('#chat'); chat.scrollTop = chat.scrollHeight / 3; }"
    )
    expect(page.locator("#jump")).to_be_visible()
    page.wait_for_timeout(600)  # the place is kept when the reader has come to rest
    again = Held(bob.context)
    bob.open()
    expect(page.locator("#jump")).to_be_visible()
    page.evaluate(WATCH)
    again.wait_for(page, 1)
    again.let_through()
    expect(page.locator(f"#chat .picture:not({LOADED})")).to_have_count(0)
    assert page.evaluate("() => window.seen.top") <= 1


def test_a_message_says_in_one_line_what_it_has_and_nothing_is_left_when_it_is_deleted(
    ada: Person, bob: Person
) -> None:
    send_files(ada.page, photo("secretkite.jpg", alt="A secret kite"))
    page = bob.page
    row = page.locator('#rail-list a[data-room="lobby"]')
    expect(row).to_contain_text("📷 Photo")
    picture = page.get_by_role("button", name="Photo: A secret kite")
    expect(picture).to_have_attribute("data-state", "loaded")
    assert re.fullmatch(r"Ada\s+[\d:]+\s*", page.locator("#chat p").text_content() or ""), (
        "only what was written"
    )
    picture.click(button="right")
    page.get_by_role("menuitem", name="Reply").click()
    expect(page.locator(".composer-bar")).to_contain_text("📷 Photo")
    bob.say("how high it is")
    expect(page.locator(".quoted-text")).to_have_attribute("data-label", "📷 Photo")
    send_files(ada.page, file("secretplan.pdf", b"%PDF-1.7 x"), file("b.bin", b"\0"))
    expect(row).to_contain_text("📎 2 files")
    card = page.get_by_role("link", name=re.compile("Save secretplan.pdf, 10 bytes"))
    expect(card).to_be_visible()
    page.click("#info")
    page.get_by_role("button", name="Files", exact=True).click()
    expect(page.locator(".album-pictures .picture")).to_have_count(1)
    page.get_by_role("tab", name="Files").click()
    expect(page.locator(".album-files .file-card")).to_have_count(2)
    pictures(page).first.click()
    expect(page.locator(".lightbox-text")).to_have_text("A secret kite")
    for name in ("secretplan", "A secret kite"):
        own = ada.page.locator("#chat p").filter(has=ada.page.locator(f'[aria-label*="{name}"]'))
        own.locator(".files").click(button="right")
        ada.page.get_by_role("menuitem", name="Delete").click()
        ada.page.get_by_role("button", name="Delete for everybody").click()
    expect(page.locator("dialog.lightbox")).to_have_count(0)
    expect(page.locator(".album-files .file-card")).to_have_count(0)
    expect(page.locator("#chat .files")).to_have_count(0)
    page.wait_for_function(
        "() => !/secret|kite/i.test(document.body.outerHTML.replace(/toast.*?<\\/div>/gs, ''))"
    )
    page.wait_for_timeout(1_500)  # the cache is written once a second
    page.wait_for_function(f"async () => !(await ({CACHE})()).includes('secret')")


def test_pictures_are_looked_through_full_screen_by_keys(open_person: Callable[..., Person]) -> None:
    ada = open_person(name="Ada", **DESKTOP)
    page = ada.page
    sends_a_gallery(ada)
    expect(pictures(page)).to_have_count(1 + 1 + 3 + 4)
    expect(page.locator(".picture-more")).to_have_attribute("data-label", "+2")
    pictures(page).nth(2).click()
    count = page.locator(".lightbox-count")
    expect(count).to_have_text("3/11")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(count).to_have_text("1/11")
    expect(page.locator(".lightbox-text")).to_have_text("the field this morning\nA red kite")
    expect(page.get_by_role("button", name="Previous")).to_be_hidden()
    expect(page.locator(".zoom-frame.loaded")).to_be_visible()
    page.keyboard.press("+")
    expect(page.locator(".stage.larger")).to_be_visible()
    page.keyboard.press("-")
    expect(page.locator(".stage.larger")).to_have_count(0)
    page.mouse.move(500, 400)
    page.mouse.wheel(0, -300)
    expect(page.locator(".stage.larger")).to_be_visible()
    for _ in range(30):  # nowhere else
        page.keyboard.press("Tab")
        assert page.evaluate(
            "() => document.activeElement === document.body || Boolean(document.activeElement.closest('.lightbox'))"
        )
    page.get_by_role("button", name="Next").click()
    expect(count).to_have_text("2/11")
    page.keyboard.press("Escape")
    expect(page.locator("dialog.lightbox")).to_have_count(0)
    expect(pictures(page).nth(2)).to_be_focused()
    pictures(page).last.click()
    expect(count).to_have_text("9/11")
    page.get_by_role("button", name="Show in the conversation").click()
    expect(page.locator("#chat p.goal")).to_contain_text("all six")


def touches(page: Page) -> Callable[..., None]:
    """A function that puts fingers on the screen, at these places; none: they are lifted."""
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *places: tuple[int, int]) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})

    return touch


def test_fingers_swipe_pinch_and_pull_pictures(open_person: Callable[..., Person]) -> None:
    linus = open_person(name="Linus", **PHONE)
    page = linus.page
    sends_a_gallery(linus)
    expect(pictures(page).last).to_have_attribute("data-state", "loaded")
    pictures(page).last.tap()
    count = page.locator(".lightbox-count")
    expect(count).to_have_text("9/11")
    touch = touches(page)

    def slides(from_: tuple[int, int], by: tuple[int, int]) -> None:
        touch("Start", from_)
        for step in range(1, 9):
            touch("Move", (from_[0] + by[0] * step // 8, from_[1] + by[1] * step // 8))
        touch("End")

    slides((320, 400), (-150, 5))
    expect(count).to_have_text("10/11")
    slides((60, 400), (150, -5))
    slides((60, 400), (30, 0))  # not far enough
    expect(count).to_have_text("9/11")
    touch("Start", (170, 400), (220, 400))
    for step in range(1, 9):
        touch("Move", (170 - 10 * step, 400), (220 + 10 * step, 400))
    touch("End")
    expect(page.locator(".stage.larger")).to_be_visible()
    slides((320, 400), (-150, 5))  # moves the picture
    expect(count).to_have_text("9/11")
    for _ in range(2):
        touch("Start", (200, 420))
        touch("End")
    expect(page.locator(".stage.larger")).to_have_count(0)
    slides((200, 300), (4, 160))
    expect(page.locator("dialog.lightbox")).to_have_count(0)
    page.wait_for_timeout(400)  # or it is the second of two quick presses
    pictures(page).last.click()
    expect(count).to_be_visible()
    page.go_back()
    expect(page.locator("dialog.lightbox")).to_have_count(0)
    expect(page.locator("#room-title")).to_be_visible()


def test_an_album_has_all_pictures_files_and_links_of_a_room(ada: Person, bob: Person) -> None:
    sends_a_gallery(ada)
    send_files(ada.page, file("plan.pdf", b"%PDF-1.7 x"), text="the plan")
    ada.say("see https://example.org/parts?list=42")
    ada.say(*(f"line {number}" for number in range(60)))
    page = bob.page
    expect(page.locator("#chat p .text").last).to_have_text("line 59")
    bob.open()
    page.click("#info")
    page.get_by_role("button", name="Files", exact=True).click()
    thumbs = page.locator(".album-pictures .picture")
    expect(thumbs).to_have_count(11)
    expect(page.locator(f".album-pictures .picture{LOADED}")).to_have_count(11)
    thumbs.last.click()
    expect(page.locator(".lightbox-count")).to_have_text("1/11")
    page.keyboard.press("Escape")
    expect(thumbs.last).to_be_focused()
    send_files(ada.page, photo("new.jpg"))
    expect(thumbs).to_have_count(12)
    page.get_by_role("tab", name="Links").click()
    expect(page.get_by_role("link", name="https://example.org/parts?list=42").last).to_be_visible()
    page.get_by_role("tab", name="Files").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Save plan.pdf").last.click()
    assert download.value.suggested_filename == "plan.pdf"
    page.locator(".album-files").get_by_role("button", name="Show in the conversation").click()
    expect(page.locator("#chat p.goal .text")).to_have_text("the plan")
    page.get_by_role("button", name="Back to the room's info").click()
    expect(page.locator("#side h2")).to_have_text("About this room")


def test_what_is_forwarded_and_saved_is_what_the_message_has(ada: Person, bob: Person) -> None:
    send_files(ada.page, photo("kite.jpg", alt="A red kite"), file("plan.pdf", b"%PDF-1.7 x"), text="look")
    page = bob.page
    expect(pictures(page)).to_have_count(1)
    page.locator("#chat .text", has_text="look").click(button="right")
    page.get_by_role("menuitem", name="Forward").click()
    page.get_by_role("dialog").get_by_role("button", name="Lobby").click()
    for reader in (ada.page, page):
        expect(pictures(reader)).to_have_count(2)
        expect(reader.get_by_role("button", name="Photo: A red kite")).to_have_count(2)
        expect(reader.locator(f"#chat .picture{LOADED}")).to_have_count(2)
        expect(reader.locator("#chat .forwarded")).to_have_attribute("data-label", "Forwarded from Ada")
    expect(page.locator('#chat p[data-status="waiting"]')).to_have_count(0)
    page.locator("#chat .text", has_text="look").last.click(button="right")
    saved: list[str] = []
    page.on("download", lambda download: saved.append(download.suggested_filename))
    page.get_by_role("menuitem", name="Save all 2").click()
    wait_until(page, lambda: len(saved) >= 2)
    assert sorted(saved) == ["kite.jpg", "plan.pdf"]


def test_a_picture_goes_into_the_clipboard(ada: Person) -> None:
    ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = ada.page
    send_files(page, photo("kite.jpg", (320, 200)))
    pictures(page).click(button="right")
    page.get_by_role("menuitem", name="Copy picture").click()
    expect(page.locator(".toast")).to_contain_text("The picture was copied")
    assert page.evaluate("""async () => {
        const [item] = await navigator.clipboard.read();
        const { width, height } = await createImageBitmap(await item.getType("image/png"));
        return [width, height];
    }""") == [320, 200]


def test_what_cannot_be_loaded_says_why_and_is_tried_again(ada: Person, bob: Person) -> None:
    page = bob.page
    answer = {"status": 404}
    bob.context.route(FILES, lambda route: route.fulfill(**answer) if answer else route.continue_())
    send_files(ada.page, photo())
    box = pictures(page)
    expect(box).to_have_attribute("data-problem", "This file is not there any more")
    answer["status"] = 503
    send_files(ada.page, photo(hue=90))
    expect(box.last).to_have_attribute("data-state", "failed")
    answer.clear()
    box.last.click()
    expect(box.last).to_have_attribute("data-state", "loaded")
    expect(page.locator("dialog.lightbox")).to_have_count(0)


def test_what_one_sends_is_seen_at_once_and_stays_as_it_is_when_it_is_logged(ada: Person) -> None:
    page = ada.page
    held = Held(ada.context, re.compile(r"/uploads/"))
    wide, tall = photo("kite.jpg", (1600, 1000)), photo("tower.jpg", (600, 900), hue=90)
    page.set_input_files(
        "input[type=file]",
        [
            FilePayload(name=one["name"], mimeType="image/jpeg", buffer=base64.b64decode(one["data"]))
            for one in (wide, tall)
        ],
    )
    expect(page.locator(".tray-item")).to_have_count(2)
    ada.say("look")
    own = page.locator("#chat .picture img")
    expect(page.locator(f"#chat .picture{LOADED}")).to_have_count(2)
    sources = [own.nth(number).get_attribute("src") or "" for number in range(2)]
    assert all(source.startswith("blob:") for source in sources)
    ring = page.get_by_role("button", name="Do not send these 2 files")
    expect(ring).to_be_visible()
    come_to_rest(page)
    page.evaluate(WATCH)
    held.let_through()
    expect(page.locator("#chat p[data-seq]")).to_have_count(1)
    expect(ring).to_have_count(0)
    assert [own.nth(number).get_attribute("src") for number in range(2)] == sources, "nothing is loaded anew"
    assert page.evaluate("() => window.seen.bottom") < 2
    own.first.click()
    expect(page.locator(".zoom-frame.loaded img")).to_have_attribute("src", re.compile("^files/lobby/"))


def test_what_waits_for_a_connection_says_so_and_comes_by_itself(
    server: Server, ada: Person, bob: Person
) -> None:
    held = Held(bob.context)
    send_files(ada.page, photo())
    box = pictures(bob.page)
    expect(box).to_be_visible()
    server.stop()
    bob.is_offline()
    held.let_through()
    expect(box).to_have_attribute("data-problem", "It is shown when there is a connection")
    server.start()
    bob.hurry()
    expect(box).to_have_attribute("data-state", "loaded")


def test_full_screen_and_album_are_empty_when_a_message_is_hidden_or_its_author_blocked_elsewhere(
    ada: Person, bob: Person
) -> None:
    send_files(ada.page, photo("one.jpg", alt="The first"))
    send_files(ada.page, photo("two.jpg", hue=90, alt="The second"))
    page = bob.page
    other = bob.context.new_page()
    other.goto(bob.url)
    page.click("#info")
    page.get_by_role("button", name="Files", exact=True).click()
    thumbs = page.locator(".album-pictures .picture")
    expect(thumbs).to_have_count(2)
    thumbs.first.click()
    text = page.locator(".lightbox-text")
    expect(text).to_have_text("The second")
    other.get_by_role("button", name="Photo: The second").click(button="right")
    other.get_by_role("menuitem", name="Delete").click()
    other.get_by_role("button", name="Delete for me").click()
    expect(text).to_have_text("The first")
    expect(thumbs).to_have_count(1)
    other.locator("#chat p .avatar").last.click()
    other.get_by_role("button", name="Block").click()
    other.get_by_role("dialog", name="Block Ada?").get_by_role("button", name="Block").click()
    expect(page.locator("dialog.lightbox")).to_have_count(0)
    expect(thumbs).to_have_count(0)
    expect(page.locator(".album-part .about").first).to_have_text("No pictures or videos here yet.")


def test_an_album_is_read_page_by_page(ada: Person, bob: Person) -> None:
    for number in range(55):
        send_files(ada.page, file(f"file{number}.bin", b"x"))
    ada.say(*(f"line {number}" for number in range(60)))
    page = bob.page
    expect(page.locator("#chat p .text").last).to_have_text("line 59")
    bob.open()
    page.click("#info")
    page.get_by_role("button", name="Files", exact=True).click()
    page.get_by_role("tab", name="Files").click()
    cards = page.locator(".album-files .file-card")
    expect(cards.first).to_be_visible()
    page.locator("#side").hover()

    def are_all_there() -> bool:
        page.mouse.wheel(0, 2_000)
        return cards.count() >= 55

    wait_until(page, are_all_there)
    expect(cards).to_have_count(55)
    expect(page.get_by_role("button", name="Show older ones")).to_be_hidden()


def test_a_picture_that_moves_does_so_under_the_mouse_but_not_for_who_asks_for_less(
    open_person: Callable[..., Person],
) -> None:
    ada = open_person(name="Ada", reduced_motion="no-preference")
    frames = [Image.new("RGB", (200, 150), (40 * n, 80, 120)) for n in range(5)]
    data = io.BytesIO()
    frames[0].save(data, "GIF", save_all=True, append_images=frames[1:], duration=80, loop=0)
    calm = open_person(name="Calm", **DESKTOP)
    send_files(ada.page, file("dance.gif", data.getvalue()))
    for person, plays in ((ada, True), (calm, False)):
        box = person.page.get_by_role("button", name="GIF")
        expect(box).to_have_attribute("data-state", "loaded")
        image = box.locator("img")
        expect(image).to_have_attribute("srcset", re.compile("size="))
        box.hover()
        if plays:
            expect(image).to_have_attribute("src", re.compile(r"dance\.gif$"))
            person.page.mouse.move(5, 5)
        expect(image).to_have_attribute("src", re.compile("size="))


FILM = """async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
  const pen = canvas.getContext("2d");
  const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm;codecs=vp8" });
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  recorder.start();
  for (let frame = 0; frame < 40; frame += 1) {
    pen.fillStyle = `hsl(${9 * frame}, 70%, 50%)`;
    pen.fillRect(0, 0, 320, 180);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const stopped = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.stop();
  await stopped;
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""
"""Films two seconds: a WebM, in Base64."""


def test_a_film_is_fetched_when_it_is_played_in_its_place_and_full_screen_among_others(
    ada: Person, bob: Person
) -> None:
    film = base64.b64decode(ada.page.evaluate(FILM))
    page = bob.page
    asked: list[str] = []

    def note(request: Request) -> None:
        if FILES.search(request.url):
            asked.append(request.url)

    page.on("request", note)
    send_files(ada.page, file("film.webm", film))
    play = page.get_by_role("button", name="Play video: film.webm")
    expect(play).to_be_visible()
    page.wait_for_timeout(400)  # in which something could be asked for
    box = box_of(play)
    assert asked == []
    play.press("Enter")
    video = page.locator("#chat video")
    expect(video).to_be_focused()
    page.wait_for_function("() => document.querySelector('#chat video').currentTime > 0.2")
    assert box_of(video) == pytest.approx(box, abs=0.1), "nothing moves"
    page.evaluate("() => { document.querySelector('#chat video').currentTime = 0.1; }")
    page.wait_for_function("() => document.querySelector('#chat video').error === null")
    send_files(ada.page, photo(), file("other.webm", film))
    page.get_by_role("button", name="Video: other.webm", exact=True).click()
    expect(page.locator(".lightbox-count")).to_have_text("3/3")
    page.wait_for_function("() => document.querySelector('.lightbox video')?.currentTime > 0.2")
    page.locator(".stage").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".zoom-frame.loaded")).to_be_visible()
    expect(page.locator(".lightbox video")).to_have_count(0)
    page.keyboard.press("Escape")


@pytest.mark.parametrize("options", [DESKTOP, PHONE | {"color_scheme": "dark"}], ids=["desk", "phone"])
def test_files_are_accessible(open_person: Callable[..., Person], options: dict[str, object]) -> None:
    ada = open_person(name="Ada", **options)
    page = ada.page
    add_axe(page)
    ada.open()
    sends_a_gallery(ada)
    send_files(page, file("plan.pdf", b"%PDF-1.7 x"))
    expect(pictures(page).last).to_have_attribute("data-state", "loaded")
    finds_nothing(page)
    pictures(page).last.click()
    expect(page.locator(".zoom-frame.loaded")).to_be_visible()
    finds_nothing(page)
    page.keyboard.press("Escape")
    page.click("#info")
    page.get_by_role("button", name="Files", exact=True).click()
    expect(page.locator(f".album-pictures .picture{LOADED}")).to_have_count(11)
    finds_nothing(page)
    page.get_by_role("tab", name="Files").click()
    expect(page.locator(".album-files .file-card")).to_have_count(1)
    finds_nothing(page)
