"""Hebrew and Arabic stand from right to left, in the field and in the log, and other text beside them does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .page import Page

HEBREW = "שלום לכולם"
ARABIC = "مرحبا جميعا"
MIXED = "הקובץ report.pdf מוכן"

# Whether the first letter of a message stands right of its last one.
READS_FROM_THE_RIGHT = """
    const at = (node, index) => {
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + 1);
      return range.getBoundingClientRect().left;
    };
    const nodes = [];
    const walker = document.createTreeWalker(arguments[0].querySelector(".text"), NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) nodes.push(walker.currentNode);
    return at(nodes[0], 0) > at(nodes.at(-1), nodes.at(-1).data.length - 1);
"""


@pytest.mark.parametrize("text", [HEBREW, ARABIC, MIXED])
def test_a_message_reads_from_the_right_for_everybody(ada: Page, bob: Page, text: str) -> None:
    ada.click("#msg")
    ada.type(text)
    ada.equals("rtl", "return getComputedStyle(document.querySelector('#msg')).direction")
    ada.press("Enter")
    ada.say("and in English")
    for person in (ada, bob):
        person.hears(text, "and in English")
        assert person.run(READS_FROM_THE_RIGHT, person.message(text))
        assert not person.run(READS_FROM_THE_RIGHT, person.message("and in English"))


def test_a_page_from_right_to_left_has_its_sides_changed_and_nothing_sticks_out(ada: Page, bob: Page) -> None:
    ada.say(HEBREW, "and in English")
    bob.hears(HEBREW, "and in English")
    bob.run("document.documentElement.dir = 'rtl'")
    log, rail, width, overflow = bob.run("""
        const left = (css) => document.querySelector(css).getBoundingClientRect().left;
        const root = document.documentElement;
        return [left("#chat"), left("#rail"), root.clientWidth, root.scrollWidth - root.clientWidth];
    """)
    assert log < width / 2 < rail
    assert overflow == 0
    bob.menu("and in English")
    left, right = bob.run(
        "const { left, right } = document.querySelector('dialog[open]').getBoundingClientRect(); return [left, right];"
    )
    assert left >= 0
    assert right <= width
    bob.press("Escape")
    bob.gone("dialog")
