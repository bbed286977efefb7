"""Reactions have one form, whatever the keyboard that wrote them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trio_chat.errors import Refused
from trio_chat.model.emoji import normal_emoji

OFFERED = json.loads((Path(__file__).parents[2] / "static/vendor/emoji.json").read_text("utf-8"))
CASES = json.loads((Path(__file__).parents[1] / "js/emoji.json").read_text("utf-8"))
"""The page's test reads these as well."""


@pytest.mark.parametrize("case", CASES, ids=[ascii(case["written"]) for case in CASES])
def test_a_reaction_has_the_form_that_the_page_shows(case: dict[str, str | None]) -> None:
    written, reaction = case["written"], case["reaction"]
    assert written is not None
    if reaction is None:
        with pytest.raises(Refused, match="A reaction is one emoji"):
            normal_emoji(written)
    else:
        assert normal_emoji(written) == normal_emoji(reaction) == reaction


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("👍", "👍"),
        ("👍\ufe0f", "👍"),
        ("❤", "❤\ufe0f"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("❤\ufe0e", "❤\ufe0f"),
        ("1\u20e3", "1\ufe0f\u20e3"),
        ("1\ufe0f\u20e3", "1\ufe0f\u20e3"),
        ("✌🏽", "✌🏽"),
        ("✌\ufe0f🏽", "✌🏽"),
        ("🏳\u200d🌈", "🏳\ufe0f\u200d🌈"),
        ("🕵🏻\u200d♂", "🕵🏻\u200d♂\ufe0f"),
        ("👩\u200d❤\ufe0f\u200d👨", "👩\u200d❤\ufe0f\u200d👨"),
        ("🇫🇷", "🇫🇷"),
    ],
)
def test_an_emoji_has_one_form(written: str, known: str) -> None:
    assert normal_emoji(written) == known
    assert normal_emoji(known) == known


@pytest.mark.parametrize("written", ["", "a", "1", "ok", "<b>", " ", "\u202e", "\ufe0f", "👍" * 17])
def test_a_text_that_is_no_emoji_is_refused(written: str) -> None:
    with pytest.raises(Refused, match="A reaction is one emoji"):
        normal_emoji(written)


@pytest.mark.parametrize(
    "written",
    ["👍👍", "👉0123456789", "18+5=23", "💩" * 16, "👍\n", "👍\u202e", "👍\0", "👍" + "\u0301" * 15, "🇫", "🏽", "→"],
)  # fmt: skip
def test_a_reaction_is_one_emoji_and_nothing_else(written: str) -> None:
    with pytest.raises(Refused, match="A reaction is one emoji"):
        normal_emoji(written)


@pytest.mark.parametrize(
    "written", ["🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "#\u20e3"]
)
def test_flags_of_parts_of_countries_and_keycaps_are_emoji(written: str) -> None:
    assert normal_emoji(written).replace("\ufe0f", "") == written


def test_all_emoji_that_the_page_offers_are_reactions() -> None:
    for emoji, *_, skins in (row if len(row) == 5 else [*row, []] for row in OFFERED):
        for each in (emoji, *skins):
            assert normal_emoji(each).replace("\ufe0f", "") == each.replace("\ufe0f", "")
