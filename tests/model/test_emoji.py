"""Reactions have one form, whatever the keyboard that wrote them."""

from __future__ import annotations

import pytest

from trio_chat.errors import Refused
from trio_chat.model.emoji import normal_emoji


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
