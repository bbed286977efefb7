"""The server makes the hashes that others make, and the page shows (tests/js/thumbhash.test.js)."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.media.thumbhash import thumbhash

CASES = json.loads((Path(__file__).parents[1] / "js/thumbhash.json").read_text("utf-8"))
"""Hashes of the published implementation, of pictures that `pixel` makes."""


def pixel(picture: str, x: int, y: int, width: int, height: int) -> tuple[int, int, int, int]:
    match picture:
        case "gradient":
            return 255 * x // width, 255 * y // height, 128, 255
        case "noise":
            return (7 * x + 3 * y) % 256, (x * x + 5 * y) % 256, (255 - 3 * x + y * y) % 256, 255
        case "plain":
            return 200, 30, 90, 255
        case "fade":
            return 255 * x // width, 200, 40, 255 * y // height
        case "hole":
            return 5 * x % 256, 120, 3 * y * y % 256, 0 if width / 3 < x < width / 2 else 255
    return 0, 0, 0, 0


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case['picture']}-{case['width']}x{case['height']}"
)
def test_the_hash_is_the_one_that_others_make(case: dict[str, Any]) -> None:
    width, height = case["width"], case["height"]
    pixels = (pixel(case["picture"], x, y, width, height) for y in range(height) for x in range(width))
    made = thumbhash(width, height, bytes(value for each in pixels for value in each))
    expected = base64.b64decode(case["hash"])
    assert made[:5] == expected[:5]
    if case["picture"] not in ("plain", "clear"):  # without frequencies others write the errors of their sums
        # What is not there at all is between 7 and 8, and the order of a sum decides.
        assert all(abs(mine - theirs) <= 1 for mine, theirs in zip(fours(made), fours(expected), strict=True))


def fours(data: bytes) -> list[int]:
    return [four for byte in data[5:] for four in (byte & 15, byte >> 4)][: 2 * len(data[5:]) - 1]


def test_a_picture_of_one_colour_has_no_frequencies() -> None:
    assert set(fours(thumbhash(40, 40, bytes((200, 30, 90, 255)) * 1600))) == {8}


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_every_picture_has_a_hash_of_at_most_25_bytes(width: int, height: int, data: st.DataObject) -> None:
    size = 4 * width * height
    assert 5 < len(thumbhash(width, height, data.draw(st.binary(min_size=size, max_size=size)))) <= 25
