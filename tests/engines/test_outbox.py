"""What was written without a server is sent when there is one again: all of it, in its order, once."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from selenium.common.exceptions import WebDriverException

from .page import FIELD

if TYPE_CHECKING:
    from tests.support.page_server import Server

    from .page import Page


def reload_in_vain(person: Page) -> None:
    """What a person tries when nothing goes out; the browser shows a page of its own."""
    with suppress(WebDriverException):  # Firefox's driver says that it could not load the page
        person.browser.refresh()


def test_what_waits_survives_a_killed_server_and_a_reload(server: Server, ada: Page, bob: Page) -> None:
    ada.say("before")
    bob.hears("before")
    server.kill()
    ada.seen("#banner")
    ada.say("waiting 1", "waiting 2", "waiting 3")
    ada.equals(3, "return document.querySelectorAll('#chat p[data-status=\"waiting\"]').length")
    reload_in_vain(ada)
    server.start()
    ada.load()
    everything = ("before", "waiting 1", "waiting 2", "waiting 3")
    for person in (ada, bob):
        person.hears(*everything)
    ada.reload()
    ada.hears(*everything)


def test_what_was_under_way_when_the_server_died_is_there_once(server: Server, ada: Page, bob: Page) -> None:
    for round_number in range(2):
        ada.say(*(f"{round_number}.{number}" for number in range(3)))
        server.kill()
        ada.say(*(f"{round_number}.{number}" for number in range(3, 5)))
        server.start()
    everything = [f"{round_number}.{number}" for round_number in range(2) for number in range(5)]
    for person in (ada, bob):
        person.hears(*everything)
        person.reload()
        person.hears(*everything)


def test_a_draft_survives_a_reload(ada: Page) -> None:
    ada.click(FIELD)
    ada.type("half a sen")
    ada.equals(
        "half a sen", "return (document.querySelector('#editor') ?? document.querySelector('#msg')).value"
    )
    ada.reload()
    ada.equals(
        "half a sen", "return (document.querySelector('#editor') ?? document.querySelector('#msg')).value"
    )
