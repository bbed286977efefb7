"""Several tabs of one person: the same person, the same log, the same draft; one of them tells of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .page import Page

# The page is out of sight, and what it tells the person is noted.
LISTEN = """
    window.told = [];
    class Told { constructor(title, { body }) { window.told.push(body); } close() {} }
    Told.permission = "granted";
    window.Notification = Told;
    localStorage.setItem("trio-chat.notifications", "on");
    localStorage.setItem("trio-chat.sound", "off");
    for (const [name, value] of [["hidden", true], ["visibilityState", "hidden"]]) {
      Object.defineProperty(document, name, { configurable: true, get: () => value });
    }
    document.dispatchEvent(new Event("visibilitychange"));
"""


def test_one_of_two_tabs_tells_of_each_message(ada: Page, bob: Page) -> None:
    tabs = (bob, bob.another())
    for tab in tabs:
        tab.run(LISTEN)
    texts = [f"news {number}" for number in range(5)]
    for number, text in enumerate(texts, 1):
        ada.say(text)
        bob.wait(f"{text} is told", lambda: sum(len(tab.run("return told")) for tab in tabs) >= number)  # noqa: B023
    for tab in tabs:
        tab.hears(*texts)
    told = [text for tab in tabs for text in tab.run("return told")]
    assert sorted(told) == texts


def test_two_tabs_are_one_person_with_one_log_and_one_draft(ada: Page, bob: Page) -> None:
    other = ada.another()
    other.equals("Ada", "return document.querySelector('.me-name').textContent")
    ada.say("from the first tab")
    other.hears("from the first tab")
    other.say("from the second tab")
    for page in (ada, other, bob):
        page.hears("from the first tab", "from the second tab")
    for page in (ada, other):
        page.equals(2, "return document.querySelectorAll('#chat p.own').length")
    ada.click("#msg")
    ada.type("half a sen")
    other.equals("half a sen", "return document.querySelector('#msg').value")
