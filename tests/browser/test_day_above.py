"""The day of what stands at the top of the log, shown over it while one scrolls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.plain_lines import send_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Person, Server

pytestmark = pytest.mark.browser

SCROLL = "(top) => { document.querySelector('#chat').scrollTop = top; }"


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_the_day_is_shown_over_the_log_while_one_scrolls(
    server: Server, open_person: Callable[..., Person], motion: str
) -> None:
    send_lines(server.url, 80)
    ada = open_person(name="Ada", reduced_motion=motion)
    expect(ada.page.locator("#chat p .text").last).to_have_text("line 80")
    day = ada.page.locator(".day-above")
    expect(day).to_be_hidden()  # the log moves by itself at the end
    shown = re.compile("shown")
    ada.page.evaluate(SCROLL, 600)
    expect(day).to_have_class(shown)
    expect(day).to_have_text("Today")
    expect(day).to_have_attribute("aria-hidden", "true")
    expect(day).to_be_hidden()  # after a second
    ada.page.evaluate("() => { window.setTimeout = () => 0; }")  # from here on not because of the second
    ada.page.evaluate(SCROLL, 601)
    expect(day).to_have_class(shown)
    ada.page.evaluate(SCROLL, 0)  # where the day itself stands
    expect(day).not_to_have_class(shown)
    ada.page.evaluate(SCROLL, 600)
    expect(day).to_have_class(shown)
    ada.page.evaluate(SCROLL, 1_000_000)  # and at the end
    expect(day).not_to_have_class(shown)
    assert ada.page.evaluate("getComputedStyle(document.querySelector('.day-above')).pointerEvents") == "none"
