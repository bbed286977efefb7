"""The rule for short texts."""

from __future__ import annotations

import pytest

from trio_chat.errors import Refused
from trio_chat.model.texts import normal_line


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ("What grows", "What grows"),
        ("  What \t grows \r\n here ", "What grows here"),
        ("a\u2028b\u0085c", "a b c"),
        ("e\u0301", "é"),
        ("", ""),
        ("👨\u200d👩\u200d👧 ❤\ufe0f", "👨\u200d👩\u200d👧 ❤\ufe0f"),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",) * 2,
        ("می\u200cخواهم",) * 2,
        ("Nguyễn Thị Ngọc",) * 2,
        ("कृष्णा",) * 2,
    ],
)
def test_a_line_has_one_form(raw: str, line: str) -> None:
    assert normal_line(raw, "bad_title", "A title") == line


@pytest.mark.parametrize(
    "raw",
    [
        *("a\0b", "a\x1b[2Jb", "a\x7f", "\ud800"),
        *("a\u202eb", "\u2066a", "a\u200fb", "a\u061cb"),
        *("a\u200bb", "a\u2060", "\ufeffa", "so\u00adft", "a\U000e0041\U000e0042"),
        "Z" + "\u0323\u0308" * 6,
    ],
)
def test_what_cannot_be_seen_or_covers_other_lines_is_refused(raw: str) -> None:
    with pytest.raises(Refused, match="A title can") as caught:
        normal_line(raw, "bad_title", "A title")
    assert caught.value.code == "bad_title"
    assert caught.value.message.isprintable()
