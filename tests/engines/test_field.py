"""The field grows with its text, in every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .page import Page

HEIGHT = "return Math.round(document.querySelector('#editor, #msg').getBoundingClientRect().height)"


def test_the_field_grows_with_its_text_and_enter_sends_it(ada: Page, bob: Page) -> None:
    ada.click("#msg")
    one_line = ada.run(HEIGHT)
    text = "It goes on and on. " * 10 + "until it ends."
    ada.type(text)
    ada.focus_is_on("#editor")
    ada.equals(text, "return document.querySelector('#editor').value")
    assert ada.run(HEIGHT) > 1.4 * one_line
    ada.press("Enter")
    bob.hears(text)
    ada.focus_is_on("#msg")
    assert ada.run(HEIGHT) == one_line
    for _ in range(9):
        ada.press("Shift+Enter")
    assert 3 * one_line < ada.run(HEIGHT) < 4.5 * one_line
    ada.type("last")
    ada.press("Enter")
    bob.hears(text, "\n" * 9 + "last")
