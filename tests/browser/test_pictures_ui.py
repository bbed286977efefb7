"""Pictures of rooms and people on the page: chosen, cropped, seen where rooms are named, and taken away."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.support.page_files import photo, send_files

from .axe import add_axe, finds_nothing
from .viewports import DESKTOP, PHONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import FilePayload, Locator

    from .conftest import Person

pytestmark = pytest.mark.browser

SIZE = "async (image) => { await image.decode(); return [image.naturalWidth, image.naturalHeight]; }"


def picture(width: int = 900, height: int = 600) -> FilePayload:
    """A picture, to be chosen."""
    data = base64.b64decode(photo("kite.jpg", (width, height))["data"])
    return {"name": "kite.jpg", "mimeType": "image/jpeg", "buffer": data}


def save(who: Person) -> None:
    """Save the part that is shown."""
    dialog = who.page.get_by_role("dialog", name="What is to be seen")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()


def set_room_picture(who: Person) -> None:
    """Give the open room a picture, and close its info."""
    who.page.click("#info")
    who.page.set_input_files(".info input[type=file]", picture())
    save(who)
    expect(who.page.locator(".info .face img")).to_be_visible()


def shown(image: Locator) -> list[int]:
    """The size of an image, once it is there."""
    expect(image).to_be_visible()
    size: list[int] = image.evaluate(SIZE)
    return size


def test_the_picture_of_a_room_is_seen_wherever_the_room_is_named(ada: Person, bob: Person) -> None:
    bob.is_in("Lobby")
    set_room_picture(ada)
    expect(ada.page.locator("#chat .note").last).to_have_text("You changed the room’s picture")
    for who in (ada, bob):
        assert shown(who.page.locator("#rail-list .row .avatar img")) == [96, 96]
        assert shown(who.page.locator(".room-head .avatar img")) == [96, 96]
    expect(bob.page.locator("#chat .note").last).to_have_text("Ada changed the room’s picture")
    assert shown(ada.page.locator(".info .face img")) == [256, 256]
    bob.open()
    assert shown(bob.page.locator("#rail-list .row .avatar img")) == [96, 96]
    ada.page.locator(".info .face").click()
    large = ada.page.get_by_role("dialog", name="Lobby").get_by_role("img", name="Picture of Lobby")
    assert shown(large) == [600, 600]
    ada.page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    expect(ada.page.locator(".info .face")).to_be_focused()
    ada.page.locator(".info").get_by_role("button", name="Remove").click()
    for who in (ada, bob):
        expect(who.page.locator("#rail-list .row .avatar img")).to_have_count(0)
        expect(who.page.locator(".room-head .avatar img")).to_have_count(0)
    expect(ada.page.locator(".info .face")).to_be_disabled()


def test_whoever_may_not_name_the_room_is_offered_no_picture(ada: Person, bob: Person) -> None:
    ada.page.click("#new")
    ada.page.get_by_role("menuitem", name="New public room").click()
    ada.page.get_by_label("Name", exact=True).fill("workshop")
    ada.page.get_by_role("button", name="Create").click()
    ada.is_in("workshop")
    bob.page.goto(f"{bob.url}#room=workshop")
    bob.is_in("workshop")
    for who, count in ((ada, 1), (bob, 0)):
        who.page.click("#info")
        expect(who.page.locator(".info h3").first).to_have_text("workshop")
        choose = who.page.locator(".info").get_by_role("button", name="Choose a picture")
        expect(choose).to_have_count(count)


def test_the_part_that_is_shown_is_chosen_by_keys_slider_and_drag(ada: Person) -> None:
    ada.settings()
    ada.page.set_input_files("dialog input[type=file]", picture(1200, 400))
    dialog = ada.page.get_by_role("dialog", name="What is to be seen")
    part = dialog.get_by_role("group", name="The part that is shown")
    canvas = part.locator("canvas")
    before = canvas.evaluate("(canvas) => canvas.toDataURL()")
    part.focus()
    for _ in range(60):
        ada.page.keyboard.press("ArrowLeft")
    at_the_left = canvas.evaluate("(canvas) => canvas.toDataURL()")
    assert at_the_left != before
    ada.page.keyboard.press("ArrowLeft")
    assert canvas.evaluate("(canvas) => canvas.toDataURL()") == at_the_left, "it ends with the picture"
    assert canvas.evaluate("({ width }) => width") == 400
    ada.page.keyboard.press("+")
    assert canvas.evaluate("({ width }) => width") < 400
    slider = dialog.get_by_role("slider", name="Size")
    slider.fill("2")
    assert canvas.evaluate("({ width }) => width") == 200
    box = part.bounding_box()
    assert box
    dragged_from = canvas.evaluate("(canvas) => canvas.toDataURL()")
    ada.page.mouse.move(box["x"] + 100, box["y"] + 100)
    ada.page.mouse.down()
    ada.page.mouse.move(box["x"] + 40, box["y"] + 100, steps=4)
    ada.page.mouse.up()
    assert canvas.evaluate("(canvas) => canvas.toDataURL()") != dragged_from
    save(ada)
    assert shown(ada.page.locator("dialog .avatar.huge img")) == [200, 200]


def test_a_crop_that_is_given_up_changes_nothing(ada: Person) -> None:
    ada.settings()
    ada.page.set_input_files("dialog input[type=file]", picture())
    crop = ada.page.get_by_role("dialog", name="What is to be seen")
    expect(crop).to_be_visible()
    ada.page.keyboard.press("Escape")
    expect(crop).to_be_hidden()
    expect(ada.page.locator("#name")).to_be_visible()
    expect(ada.page.locator("#me .avatar img")).to_have_count(0)


def test_a_persons_picture_is_seen_full_screen_from_their_card(ada: Person, bob: Person) -> None:
    ada.say("hello")
    bob.hears("hello")
    ada.settings()
    ada.page.set_input_files("dialog input[type=file]", picture())
    save(ada)
    assert shown(bob.page.locator("#chat .message .avatar img")) == [96, 96]
    bob.page.locator("#chat .author").first.click()
    card = bob.page.get_by_role("dialog", name="About this person")
    face = card.get_by_role("button", name="Picture of Ada")
    assert shown(face.locator("img")) == [256, 256]
    face.press("Enter")
    large = bob.page.get_by_role("dialog", name="Ada").get_by_role("img", name="Picture of Ada")
    assert shown(large) == [600, 600]
    bob.page.keyboard.press("Escape")
    expect(face).to_be_focused()


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("look", ["light", "dark"])
def test_axe_finds_nothing_in_pictures(
    open_person: Callable[..., Person], screen: dict[str, Any], look: str
) -> None:
    ada = open_person(name="Ada", color_scheme=look, **screen)
    add_axe(ada.page)
    ada.open()
    ada.page.click("#info")
    ada.page.set_input_files(".info input[type=file]", picture())
    expect(ada.page.get_by_role("dialog", name="What is to be seen")).to_be_visible()
    finds_nothing(ada.page)
    save(ada)
    expect(ada.page.locator(".info .face img")).to_be_visible()
    finds_nothing(ada.page)
    ada.page.locator(".info .face").click()
    expect(ada.page.get_by_role("dialog", name="Lobby").get_by_role("img")).to_be_visible()
    finds_nothing(ada.page)


def test_a_caption_is_edited_away(ada: Person, bob: Person) -> None:
    send_files(ada.page, photo(), text="the kite")
    bob.hears("the kite")
    ada.hears("the kite")
    ada.page.press("#msg", "ArrowUp")
    ada.page.fill("#msg", "")
    ada.page.press("#msg", "Enter")
    bob.hears("")
    ada.hears("")
    expect(bob.page.locator("#chat .message .edited")).to_have_count(1)
    expect(bob.page.locator("#chat .gallery .picture img")).to_be_visible()
    ada.say("words")
    ada.hears("", "words")
    ada.page.press("#msg", "ArrowUp")
    ada.page.fill("#msg", "")
    ada.page.press("#msg", "Enter")
    expect(ada.page.locator(".complaint")).to_have_text(re.compile("cannot be empty"))


def test_an_answered_picture_is_seen_in_the_quote_in_bars_and_in_lists(ada: Person, bob: Person) -> None:
    send_files(ada.page, photo(), text="the kite")
    bob.hears("the kite")
    bob.page.locator("#chat .message").first.click(button="right")
    bob.page.get_by_role("menuitem", name="Reply").click()
    bar = bob.page.locator(".composer-bar .thumb img")
    expect(bar).to_be_visible()
    bob.say("how high")
    for who in (ada, bob):
        quoted = who.page.locator("#chat .quoted .thumb img")
        assert shown(quoted)[0] == 480
    expect(bob.page.locator(".composer-bar")).to_be_hidden()
    bob.page.locator("#chat .message").first.click(button="right")
    bob.page.get_by_role("menuitem", name="Pin").click()
    expect(bob.page.locator(".pinned .thumb img")).to_be_visible()
    bob.page.click("#info")
    expect(bob.page.locator(".info .message-entry .thumb img")).to_be_visible()
    bob.page.click("#search")
    bob.page.locator(".search input").first.fill("kite")
    expect(bob.page.locator(".search .hit .thumb img")).to_be_visible()
    ada.page.locator("#chat .message").first.click(button="right")
    ada.page.get_by_role("menuitem", name="Delete").click()
    ada.page.get_by_role("dialog").get_by_role("button", name="Delete for everybody").click()
    for who in (ada, bob):
        expect(who.page.locator("#chat .thumb")).to_have_count(0)
    expect(bob.page.locator(".search .thumb")).to_have_count(0)
    expect(bob.page.locator(".pinned .thumb")).to_have_count(0)
