"""Days and times: those of the reader, wherever and however long the page is open."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Person

pytestmark = pytest.mark.browser


def test_today_becomes_yesterday_at_midnight_while_the_page_is_open(
    open_person: Callable[..., Person],
) -> None:
    ada = open_person(name="Ada", timezone_id="Europe/Berlin")
    ada.page.clock.install()
    ada.open()
    ada.say("late")
    ada.hears("late")
    expect(ada.page.locator("#chat .day")).to_have_text(["Today"])
    now = datetime.datetime.fromtimestamp(ada.page.evaluate("Date.now()") / 1000, tz=datetime.UTC)
    ada.page.clock.set_system_time(now + datetime.timedelta(days=1))
    ada.page.clock.run_for(60_000)
    expect(ada.page.locator("#chat .day")).to_have_text(["Yesterday"])
    expect(ada.page.locator(".row-when")).to_have_text(["Yesterday"])


def test_times_are_those_of_the_zone_one_comes_into(open_person: Callable[..., Person]) -> None:
    ada = open_person(name="Ada", locale="en-US")
    ada.say("on the road")
    ada.hears("on the road")
    times = ada.page.locator("#chat time, .row-when")
    expect(times).to_have_count(2)
    devtools = ada.context.new_cdp_session(ada.page)
    devtools.send("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Kolkata"})
    ada.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    at = ada.page.evaluate("() => document.querySelector('#chat time').dateTime")
    local = datetime.datetime.fromisoformat(at) + datetime.timedelta(hours=5, minutes=30)
    clock = f"{local.hour % 12 or 12}:{local:%M}[ \u202f]{local:%p}"
    expect(times).to_have_text([re.compile(f"^{clock}$")] * 2)


def test_a_search_by_day_means_the_days_of_the_person(open_person: Callable[..., Person]) -> None:
    ada = open_person(name="Ada", timezone_id="Pacific/Kiritimati")  # fourteen hours before UTC
    ada.say("apples")
    ada.hears("apples")
    local = ada.page.evaluate(
        """() => [0, 1].map((days) => {
          const day = new Date();
          day.setDate(day.getDate() + days);
          const parts = [day.getFullYear(), day.getMonth() + 1, day.getDate()];
          return parts.map((part) => String(part).padStart(2, "0")).join("-");
        })"""
    )
    ada.page.click("#search")
    field = ada.page.get_by_role("searchbox", name="Search in messages")
    for query, count in (
        (f"apples after:{local[0]}", 1),
        (f"apples before:{local[1]}", 1),
        (f"apples before:{local[0]}", 0),
        (f"apples after:{local[1]}", 0),
    ):
        field.fill(query)
        field.press("Enter")
        expect(ada.page.locator(".search [role=status]")).to_contain_text("1 found" if count else "Nothing")
