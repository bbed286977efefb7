"""Dialogs, panels and menus: Escape and the browser's "back" close them, and one goes on where one was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from .page import FIELD

if TYPE_CHECKING:
    from collections.abc import Callable

    from .page import Page


@attrs.frozen
class Dialog:
    """What lies over the talk or beside it, and how it is opened."""

    name: str
    open: Callable[[Page], None]
    shown: str
    focused: str = "dialog *"


def press(*steps: str) -> Callable[[Page], None]:
    """Press what these selectors find, or what has these names in a menu, one after the other."""

    def open_it(person: Page) -> None:
        first, *names = steps
        person.click(first)
        for name in names:
            person.choose(name)

    return open_it


def of_the_message(*names: str) -> Callable[[Page], None]:
    """Open the menu of the message, and choose these of it."""

    def open_it(person: Page) -> None:
        person.menu("Hello")
        for name in names:
            person.choose(name, "button")

    return open_it


SEARCH_FIELD = "input[type=search]"

DIALOGS = (
    Dialog("settings", press("#me"), "dialog", "#name"),
    Dialog("about the room", press("#info"), "#side", "*"),
    Dialog("search", press("#search"), "#side", f"#side {SEARCH_FIELD}"),
    Dialog("help", press("#help"), "dialog"),
    Dialog("menu of the plus", press("#new"), "dialog", "[role=menuitem]"),
    Dialog("new public room", press("#new", "New public room"), "dialog", "dialog input"),
    Dialog("write to one person", press("#new", "Write to one person"), "dialog", f"dialog {SEARCH_FIELD}"),
    Dialog("public rooms", press("#new", "Browse public rooms"), "dialog", f"dialog {SEARCH_FIELD}"),
    Dialog("emoji", press(".emoji-button"), "dialog", f"dialog {SEARCH_FIELD}"),
    Dialog("menu of a message", of_the_message(), "dialog", "[role=menuitem]"),
    Dialog("reaction", of_the_message("React"), "dialog", f"dialog {SEARCH_FIELD}"),
    Dialog("forward", of_the_message("Forward"), "dialog", "*"),
    Dialog("message info", of_the_message("Message info"), "dialog"),
    Dialog("delete", of_the_message("Delete"), "dialog"),
)

every_dialog = pytest.mark.parametrize("dialog", DIALOGS, ids=lambda dialog: dialog.name)


@pytest.fixture
def talking(ada: Page) -> Page:
    """Ada, who has said something."""
    ada.say("Hello")
    ada.hears("Hello")
    return ada


def goes_on(person: Page, dialog: Dialog) -> None:
    """It is closed, nothing else has changed, and one can write."""
    person.gone(dialog.shown)
    person.equals("Lobby", "return document.querySelector('#room-title').textContent")
    person.equals("room", "return document.body.dataset.screen")
    person.say("and on")
    person.hears("Hello", "and on")


@every_dialog
def test_escape_closes_it(talking: Page, dialog: Dialog) -> None:
    dialog.open(talking)
    talking.seen(dialog.shown)
    talking.focus_is_on(dialog.focused)
    talking.press("Escape")
    goes_on(talking, dialog)


@every_dialog
def test_back_closes_it(talking: Page, dialog: Dialog) -> None:
    dialog.open(talking)
    talking.seen(dialog.shown)
    talking.back()
    goes_on(talking, dialog)


def test_escape_closes_a_dialog_over_a_dialog_alone(talking: Page) -> None:
    open_dialogs = "return document.querySelectorAll('dialog[open]').length"
    press("#new", "New private room")(talking)
    talking.focus_is_on("dialog input")
    talking.type("book club")
    talking.press("Enter")
    talking.choose("Make all links void", "button")
    talking.equals(2, open_dialogs)
    talking.press("Escape")
    talking.equals(1, open_dialogs)
    talking.press("Escape")
    talking.gone("dialog")


def test_a_room_is_created_and_written_in(talking: Page) -> None:
    press("#new", "New public room")(talking)
    talking.focus_is_on("dialog input")
    talking.type("book club")
    talking.press("Enter")
    talking.gone("dialog")
    talking.equals("book club", "return document.querySelector('#room-title').textContent")
    talking.say("first")
    talking.hears("first")
    talking.back()
    talking.hears("Hello")


def test_a_search_finds_a_message(talking: Page) -> None:
    press("#search")(talking)
    talking.focus_is_on(SEARCH_FIELD)
    talking.type("hel")
    talking.click(".hit")
    talking.seen("p.goal")
    talking.seen(FIELD)
