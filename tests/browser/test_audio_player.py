"""The audio player by itself, with sounds that Chromium recorded: WebM without a length, as many voice notes are."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.patience import passes, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}

SHOW = """async ([key, from, about, options]) => {
    window.tone ??= await parts.recordTone("audio/webm;codecs=opus", 3);
    parts.showSound({
        key, from, source: window.tone, label: `Voice note by ${from}`, isNews: true,
        voice: {ms: 3000, peaks: parts.PEAKS}, ...about,
    }, {name: from, ...options});
}"""

REFUSE_WEBM = """() => {
    // As a browser whose player knows no WebM, and whose decoder does.
    const made = URL.createObjectURL;
    URL.createObjectURL = (blob) => made.call(URL, blob.type.includes("webm") ? new Blob(["no sound"]) : blob);
}"""


NOTE_PHASES = """(player) => {
    player.phases = [];
    const slider = player.querySelector("[role=slider]");
    const note = () => player.phases.push([player.dataset.phase, Number(slider.getAttribute("aria-valuenow"))]);
    new MutationObserver(note).observe(player, {attributes: true, attributeFilter: ["data-phase"]});
}"""
"""Notes in which place, in seconds, each phase began."""

NOTE_SPEED = """() => {
    const { play } = HTMLMediaElement.prototype;
    HTMLMediaElement.prototype.play = function () {
        window.speed = this.playbackRate;
        return play.call(this);
    };
}"""


def show(page: Page, key: str, sender: str = "Ada", **about: Any) -> Locator:  # noqa: ANN401
    """Show a voice note."""
    options = {"isOwn": about.pop("is_own", False)}
    page.locator("#msg").click()  # browsers let nobody make sounds who was not touched
    page.evaluate(SHOW, [key, sender, about, options])
    return player(page, key)


def player(page: Page, key: str) -> Locator:
    """The player of this sound."""
    return page.locator(f'.audio-player[data-key="{key}"]')


def press(of: Locator, name: str) -> None:
    """Press a button of a player."""
    of.get_by_role("button", name=name, exact=True).click()


def track(of: Locator) -> Locator:
    """Where one seeks."""
    return of.get_by_role("slider", name="Position")


def time_of(of: Locator) -> Locator:
    """Where the time is shown."""
    return of.locator(".audio-time")


def test_a_voice_note_is_played_to_its_end_and_begins_anew(open_parts: Callable[..., Page]) -> None:
    page = open_parts()
    note = show(page, "garden/1/0")
    # All is known from the message, before there is any sound.
    expect(time_of(note)).to_have_attribute("data-label", "0:03")
    expect(track(note)).to_have_attribute("aria-valuetext", "0 seconds of 3 seconds")
    assert note.locator("path").first.get_attribute("d").count("M") == 64  # type: ignore[union-attr]
    press(note, "Play")
    passes(note, "data-phase", "playing")
    passes(time_of(note), "data-label", "0:01")
    press(note, "Pause")
    expect(note).to_have_attribute("data-phase", "paused")
    press(note, "Play")
    passes(note, "data-phase", "playing")
    expect(note).to_have_attribute("data-phase", "paused")
    expect(time_of(note)).to_have_attribute("data-label", "0:03")
    expect(note.get_by_role("button", name="Play")).to_be_visible()
    # The text of a message is what people wrote, and its first button is not this.
    assert note.inner_text() == ""
    assert page.evaluate("document.querySelector('button').id") == "send"


def test_it_is_sought_by_keys(open_parts: Callable[..., Page]) -> None:
    page = open_parts()
    note = show(page, "garden/1/0", voice={"ms": 60_000, "peaks": "broken"})
    slider = track(note)
    slider.focus()
    for key, seconds in {"ArrowRight": 5, "PageUp": 35, "ArrowLeft": 30, "End": 60, "Home": 0}.items():
        slider.press(key)
        expect(slider).to_have_attribute("aria-valuenow", str(seconds))
    slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "5 seconds of 1 minute")
    expect(time_of(note)).to_have_attribute("data-label", "0:05")
    assert note.locator("path").count() == 0  # a plain bar


def test_it_is_played_from_where_it_was_sought(open_parts: Callable[..., Page]) -> None:
    page = open_parts()
    note = show(page, "garden/1/0")
    box = track(note).bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.click(box["x"] + box["width"] * 0.7, middle)
    expect(track(note)).to_have_attribute("aria-valuenow", "2")
    note.evaluate(NOTE_PHASES)
    track(note).press("Space")
    wait_until(page, lambda: note.evaluate("(player) => player.phases.at(-1)?.[0]") == "paused")
    begins = [place for phase, place in note.evaluate("(player) => player.phases") if phase == "playing"]
    assert begins[0] >= 2
    # While it is dragged the place follows.
    page.mouse.move(box["x"] + 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, middle + 80)
    expect(track(note)).to_have_attribute("aria-valuenow", "1")
    page.mouse.move(box["x"] + box["width"] * 4, middle)
    expect(track(note)).to_have_attribute("aria-valuenow", "3")
    page.mouse.up()


def test_a_finger_seeks_and_still_scrolls(open_parts: Callable[..., Page]) -> None:
    page = open_parts(**PHONE)
    note = show(page, "garden/1/0")
    session = page.context.new_cdp_session(page)

    def finger(kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y} for x, y in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    box = track(note).bounding_box()
    assert box is not None
    left, middle = box["x"], box["y"] + box["height"] / 2
    finger("touchStart", (left + 5, middle))
    for part in (0.1, 0.3, 0.5, 0.7):
        finger("touchMove", (left + box["width"] * part, middle))
    expect(track(note)).to_have_attribute("aria-valuenow", "2")
    finger("touchEnd")
    expect(track(note)).to_have_attribute("aria-valuenow", "2")
    # One that goes up is the browser's: the place stays.
    finger("touchStart", (left + 5, middle))
    for step in range(1, 8):
        finger("touchMove", (left + 5, middle - step * 12))
    finger("touchEnd")
    expect(track(note)).to_have_attribute("aria-valuenow", "2")


def test_the_speed_is_kept_and_holds_for_all(open_parts: Callable[..., Page]) -> None:
    page = open_parts()
    note, other = show(page, "garden/1/0"), show(page, "garden/2/0", "Bob")
    press(note, "Speed: 1 times")
    press(note, "Speed: 1.5 times")
    expect(other.get_by_role("button", name="Speed: 2 times")).to_be_visible()
    page.evaluate(NOTE_SPEED)
    press(note, "Play")
    passes(note, "data-phase", "playing")
    assert page.evaluate("speed") == 2
    expect(note).to_have_attribute("data-phase", "paused")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    again = show(page, "garden/1/0")
    press(again, "Speed: 2 times")
    expect(again.get_by_role("button", name="Speed: 1 times")).to_be_visible()


def test_one_plays_at_a_time_and_the_same_persons_next_one_follows(open_parts: Callable[..., Page]) -> None:
    page = open_parts()
    keys = ["1", "2", "3", "4"]
    notes = [show(page, key, sender) for key, sender in zip(keys, ["Ada", "Ada", "Bob", "Ada"], strict=True)]
    press(notes[2], "Play")
    passes(notes[2], "data-phase", "playing")
    track(notes[0]).focus()
    track(notes[0]).press("End")
    track(notes[0]).press("ArrowLeft")  # 5 seconds: to the beginning
    press(notes[0], "Play")
    passes(notes[0], "data-phase", "playing")
    expect(notes[2]).to_have_attribute("data-phase", "paused")
    passes(notes[1], "data-phase", "playing")
    expect(notes[1]).to_have_attribute("data-phase", "paused")
    page.wait_for_timeout(300)
    assert [note.get_attribute("data-phase") for note in notes] == ["paused", "paused", "paused", "idle"]


def test_what_was_not_played_has_a_dot_until_it_is(open_parts: Callable[..., Page]) -> None:
    page = open_parts()
    note = show(page, "garden/1/0")
    dot = page.get_by_role("img", name="Not played yet")
    expect(dot).to_be_visible()
    press(note, "Play")
    expect(dot).to_have_count(0)
    page.reload()
    page.wait_for_selector("html[data-ready]")
    show(page, "garden/1/0")
    show(page, "garden/2/0")
    expect(dot).to_have_count(1)


def test_what_plays_goes_on_when_the_log_draws_it_anew(open_parts: Callable[..., Page]) -> None:
    page = open_parts()
    note = show(page, "garden/1/0")
    press(note, "Play")
    passes(note, "data-phase", "playing")
    page.evaluate("document.querySelector('p.message').remove()")
    note = show(page, "garden/1/0")
    passes(note, "data-phase", "playing")
    press(note, "Pause")
    expect(note).to_have_attribute("data-phase", "paused")


def test_what_no_player_knows_is_decoded(open_parts: Callable[..., Page]) -> None:
    page = open_parts()
    page.evaluate(REFUSE_WEBM)
    note = show(page, "garden/1/0")
    press(note, "Play")
    passes(note, "data-phase", "playing")
    passes(time_of(note), "data-label", "0:02")


def test_what_cannot_be_decoded_is_offered_as_a_download(open_parts: Callable[..., Page]) -> None:
    page = open_parts()
    page.evaluate("window.tone = new Blob(['no sound at all'])")
    note = show(page, "garden/1/0", download="garden/1/0/note.webm?download")
    press(note, "Play")
    expect(note.get_by_role("img", name="This browser cannot play it.")).to_be_visible()
    link = note.get_by_role("link", name="Download")
    expect(link).to_have_attribute("href", "garden/1/0/note.webm?download")
    assert note.inner_text() == ""


def test_what_is_gone_says_so_and_can_be_tried_again(open_parts: Callable[..., Page]) -> None:
    page = open_parts(expected="Failed to load resource: net::ERR_FAILED")
    note = show(page, "garden/1/0", source="/files/nowhere")
    page.route("**/files/nowhere", lambda route: route.abort())
    press(note, "Play")
    expect(note.get_by_role("img", name=re.compile("could not be fetched"))).to_be_visible()
    assert note.get_by_role("link").count() == 0
    press(note, "Play")
    expect(note).to_have_attribute("data-phase", "failed")


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_looks_right(open_parts: Callable[..., Page], theme: str, direction: str) -> None:
    page = open_parts(theme=theme, direction=direction, **PHONE)
    for key, is_own in (("1", False), ("2", True)):
        note = show(page, key, is_own=is_own)
        track(note).press("ArrowRight")
    bad = show(page, "3", source="/files/nowhere", download="x")
    plain = show(page, "4", voice=None, label="song.mp3")
    for note in (bad, plain):
        box = note.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
    press_box = bad.get_by_role("button", name="Play").bounding_box()
    track_box = track(bad).bounding_box()
    assert press_box is not None
    assert track_box is not None
    assert press_box["x"] < track_box["x"]  # time runs from left to right everywhere
    if folder := os.environ.get("TRIO_CHAT_SCREENSHOTS"):
        page.wait_for_timeout(300)
        page.screenshot(path=Path(folder) / f"player-{theme}-{direction}.png")
