"""Contact sheets: every screen and state of the page, one sheet for each width and look; ``nox -s sheets`` makes them.

Without ``TRIO_CHAT_SHEETS=DIR`` in the environment nothing is done. ``TRIO_CHAT_SHEETS_FULL=DIR`` keeps each screen at
its full size as well.
"""

from __future__ import annotations

import os
import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest
from playwright.sync_api import expect

from tests.support.page_files import send_kites

from .morning import talk_in_the_morning
from .test_messages_ui import does, message
from .test_moderation_ui import become_owner, moderate
from .test_requests_ui import write_to
from .test_rooms_ui import create_private
from .viewports import DESKTOP

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from .conftest import Person, Server

FOLDER: Final = os.environ.get("TRIO_CHAT_SHEETS")
FULL_FOLDER: Final = os.environ.get("TRIO_CHAT_SHEETS_FULL")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(FOLDER is None, reason="contact sheets are made by nox -s sheets"),
]

Look = Literal["light", "dark"]

LOOKS: Final[tuple[Look, ...]] = ("light", "dark")
SCREENS: Final = {360: 740, 390: 844, 820: 1180, 1280: 800, 1920: 1080}
"""Width and height of each screen."""

COLUMNS: Final = {360: 8, 390: 8, 820: 7, 1280: 5, 1920: 5}
SHEET_WIDTH: Final = 1800
QUALITY: Final = 62

SHEET: Final = """<!doctype html><meta charset="utf-8"><style>
body {{ display: grid; grid-template-columns: repeat({columns}, 1fr); gap: 14px; margin: 0; padding: 16px;
  color: {ink}; background: {paper}; font: 600 13px/1.5 sans-serif; }}
figure {{ margin: 0; }} img {{ display: block; width: 100%; border: 1px solid {line}; border-radius: 6px; }}
</style>{figures}"""

LETTER = "Dear all,\nthis is what I know:\n- the hall is ours from six\n- the projector is here\n- cake\nUntil then!"


class Sheets:
    """What was on the screen, in each width and look."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: list[str] = []

    def take(self, page: Page, name: str, *, is_list: bool = False) -> None:
        """Take this page as it is now; on phones the list of rooms if that is meant."""
        self._names.append(name)
        for width, height in SCREENS.items():
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate(
                "(screen) => (document.body.dataset.screen = screen)",
                "list" if is_list and width < 640 else "room",
            )
            for look in LOOKS:
                page.emulate_media(color_scheme=look)
                page.screenshot(path=self._path(name, width, look), animations="disabled")
        page.set_viewport_size(DESKTOP["viewport"])

    def save(self, page: Page, folder: Path) -> None:
        """Save the sheets in this folder."""
        for width, columns in COLUMNS.items():
            for look in LOOKS:
                figures = "".join(
                    f'<figure><img src="{self._path(name, width, look).as_uri()}">{escape(name)}</figure>'
                    for name in self._names
                )
                ink, paper, line = ("#222", "#fff", "#ddd") if look == "light" else ("#ddd", "#000", "#333")
                sheet = self._folder / f"{width}-{look}.html"
                sheet.write_text(
                    SHEET.format(columns=columns, figures=figures, ink=ink, paper=paper, line=line), "utf-8"
                )
                page.set_viewport_size({"width": SHEET_WIDTH, "height": 600})
                page.goto(sheet.as_uri())
                path = folder / f"sheet-{width}-{look}.jpg"
                page.screenshot(path=path, full_page=True, type="jpeg", quality=QUALITY)

    def _path(self, name: str, width: int, look: Look) -> Path:
        return self._folder / f"{name.replace(' ', '-')}-{width}-{look}.png"


def test_contact_sheets(server: Server, open_person: Callable[..., Person], tmp_path: Path) -> None:
    assert FOLDER is not None
    folder = Path(FULL_FOLDER) if FULL_FOLDER else tmp_path
    sheets = Sheets(folder)
    options: dict[str, Any] = DESKTOP
    ada, grace, linus = (open_person(name=name, **options) for name in ("Ada", "Grace", "Linus"))
    sheets.take(ada.page, "empty lobby")
    _talk(ada, grace, linus)
    _screens_of_talking(sheets, ada)
    _screens_of_rooms(sheets, ada, grace, linus)
    _screens_of_files(sheets, ada, grace)
    _screens_of_people(sheets, ada, grace, open_person(name="Nour", **options))
    _screens_of_moderation(sheets, server, ada, grace, linus)
    _screens_of_trouble(sheets, server, ada)
    page = ada.context.new_page()
    sheets.save(page, Path(FOLDER))


def _screens_of_files(sheets: Sheets, ada: Person, grace: Person) -> None:
    page = ada.page
    ada.opens("Book club")
    send_kites(
        grace.page, page, room=page.evaluate("() => decodeURIComponent(location.hash.split('room=')[1])")
    )
    expect(page.locator('#chat .picture:not([data-state="loaded"])')).to_have_count(0)
    sheets.take(page, "pictures")
    page.locator("#chat .picture").first.click()
    expect(page.locator(".zoom-frame.loaded")).to_be_visible()
    sheets.take(page, "full screen")
    page.keyboard.press("Escape")
    page.click("#info")
    page.get_by_role("button", name="Files", exact=True).click()
    expect(page.locator(".album-pictures .picture")).to_have_count(6)
    sheets.take(page, "album")
    page.keyboard.press("Escape")
    ada.opens("Lobby")


def _talk(ada: Person, grace: Person, linus: Person) -> None:
    """A morning in the lobby, and a few more rooms."""
    talk_in_the_morning(ada, grace, linus)
    linus.say("@Ada can I have a lift?")
    expect(message(ada, "can I have a lift")).to_be_visible()
    ada.say("Of course", "🚲")
    grace.say("Then let us meet at the back door, the one with the green sign")
    expect(message(ada, "Then let us meet")).to_be_visible()
    link = create_private(grace, "Book club")
    for person in (ada, linus):
        person.page.goto(link)
        person.page.get_by_role("button", name="Join").click()
        person.is_in("Book club")
    grace.say("Next: *Middlemarch*, until chapter ten", "Tuesday at eight, at my place")
    expect(message(ada, "Tuesday at eight")).to_be_visible()
    ada.opens("Lobby")
    expect(message(ada, "Then let us meet")).to_be_visible()


def _screens_of_talking(sheets: Sheets, ada: Person) -> None:
    page = ada.page
    sheets.take(page, "talk")
    sheets.take(page, "rooms", is_list=True)
    message(ada, "I bring the big projector").locator(".text").click(button="right")
    expect(page.get_by_role("menu")).to_be_visible()
    sheets.take(page, "menu")
    page.keyboard.press("Escape")
    page.click(".emoji-button")
    expect(page.locator(".emoji-grid > button").first).to_be_visible()
    sheets.take(page, "emoji")
    page.mouse.click(400, 200)
    page.focus("#msg")
    page.keyboard.press("Shift+Enter")
    page.locator("#editor").fill(LETTER)
    sheets.take(page, "writing")
    page.locator("#editor").fill("")
    page.keyboard.press("Enter")
    does(ada, "can I have a lift", "Reply")
    page.locator("#msg").press_sequentially("Sure, and @Gr")
    expect(page.get_by_role("option")).to_have_count(1)
    sheets.take(page, "reply and mention")
    page.keyboard.press("Escape")
    page.fill("#msg", "")
    page.keyboard.press("Escape")
    does(ada, "I bring the big projector", "Message info")
    expect(page.get_by_role("dialog")).to_contain_text("Grace")
    sheets.take(page, "message info")
    page.keyboard.press("Escape")
    message(ada, "Then let us meet").locator(".text").click(button="right")
    page.get_by_role("menuitem", name="Forward").click()
    expect(page.get_by_role("dialog")).to_contain_text("Book club")
    sheets.take(page, "forward")
    page.keyboard.press("Escape")
    page.click("#search")
    page.get_by_role("searchbox", name="Search in messages").fill("project")
    expect(page.locator("mark").first).to_be_visible()
    sheets.take(page, "search")
    page.keyboard.press("Escape")


def _screens_of_rooms(sheets: Sheets, ada: Person, grace: Person, linus: Person) -> None:
    page = ada.page
    ada.opens("Book club")
    page.click("#info")
    expect(page.get_by_text("Linus", exact=True).last).to_be_visible()
    sheets.take(page, "about the room")
    page.get_by_role("button", name="Invite people").click()
    expect(page.get_by_label("Link", exact=True)).to_have_value(re.compile("#join="))
    sheets.take(page, "invite")
    page.keyboard.press("Escape")
    page.click("#info")
    page.click("#new")
    expect(page.get_by_role("menu")).to_be_visible()
    sheets.take(page, "new", is_list=True)
    page.get_by_role("menuitem", name="New private room").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    sheets.take(page, "new room")
    page.keyboard.press("Escape")
    link = create_private(grace, "Surprise for Ada")
    sheets.take(grace.page, "new private room")
    page.goto(link)
    expect(page.get_by_role("button", name="Join")).to_be_visible()
    sheets.take(page, "join by link")
    page.keyboard.press("Escape")
    page.click("#new")
    page.get_by_role("menuitem", name="Browse public rooms").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    sheets.take(page, "public rooms")
    page.keyboard.press("Escape")
    ada.opens("Lobby")


def _screens_of_people(sheets: Sheets, ada: Person, grace: Person, nour: Person) -> None:
    page = ada.page
    message(ada, "can I have a lift").locator(".author").click()
    expect(page.get_by_role("dialog")).to_contain_text("Linus")
    sheets.take(page, "person")
    page.keyboard.press("Escape")
    grace.opens("Lobby")
    write_to(grace, "Ada", "Do you have a minute?")
    grace.hears("Do you have a minute?")
    write_to(nour, "Ada", "Hello! May I ask you something about the hall?")
    page.locator(".requests-row").click()
    expect(page.get_by_role("dialog")).to_contain_text("about the hall")
    sheets.take(page, "requests")
    page.keyboard.press("Escape")
    ada.opens("Grace")
    ada.say("Sure, what is it?")
    grace.hears("Do you have a minute?", "Sure, what is it?")
    sheets.take(page, "conversation")
    ada.opens("Lobby")
    ada.settings()
    sheets.take(page, "settings")
    page.get_by_role("button", name="Link a device").click()
    expect(page.get_by_role("dialog").last).to_contain_text("It works once")
    sheets.take(page, "link a device")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.click("#help")
    expect(page.get_by_role("dialog")).to_contain_text("What you can do here")
    sheets.take(page, "help")
    page.keyboard.press("Escape")


def _screens_of_moderation(sheets: Sheets, server: Server, ada: Person, grace: Person, linus: Person) -> None:
    page = ada.page
    become_owner(ada, server)
    ada.opens("Lobby")
    moderate(ada, "can I have a lift")
    sheets.take(page, "mute or remove")
    page.keyboard.press("Escape")
    grace.opens("Lobby")
    grace.page.locator("#chat p", has_text="can I have a lift").click(button="right")
    grace.page.get_by_role("menuitem", name=re.compile("^Report")).click()
    sheets.take(grace.page, "report")
    grace.page.get_by_role("dialog").get_by_role("button", name="Report").click()
    ada.opens("Running this server")
    expect(page.locator("#chat .note").first).to_be_visible()
    if page.locator("#side").is_hidden():
        page.click("#info")
    expect(page.locator("#side")).to_be_visible()
    sheets.take(page, "running the server")
    page.click("#info")
    ada.opens("Lobby")


def _screens_of_trouble(sheets: Sheets, server: Server, ada: Person) -> None:
    page = ada.page
    page.evaluate("""() => {
        const input = document.getElementById("msg");
        input.value = "x".repeat(4001);
        input.dispatchEvent(new Event("input", { bubbles: true }));
    }""")
    page.press("#msg", "Enter")
    page.wait_for_timeout(1000)
    sheets.take(page, "too long")
    page.fill("#msg", "")
    discard = page.locator("#failed").get_by_role("button", name="Discard")
    if discard.is_visible():
        discard.click()
    server.stop()
    ada.is_offline()
    ada.say("Is anybody still there?", "I will just keep writing, it goes out later.")
    expect(page.locator('p[data-status="waiting"]')).to_have_count(2)
    sheets.take(page, "offline")
    server.start()
    other = ada.context.new_page()
    other.route_web_socket("**", lambda socket: None)  # it opens, and nobody ever says anything
    other.add_init_script("indexedDB.open = () => { throw new Error('none') }")
    other.goto(ada.url)
    expect(other.locator("#loading")).to_be_visible()
    sheets.take(other, "loading")
    other.close()
    other = ada.context.new_page()
    reason = "You are banned from this server until tomorrow: advertising."
    other.route_web_socket("**", lambda socket: socket.close(code=4501, reason=reason))
    other.goto(ada.url)
    expect(other.locator("#banner")).to_be_visible()
    sheets.take(other, "refused")
    other.close()
