"""The server and the page know the same links."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from trio_chat.model.links import has_address, has_link

CASES = json.loads((Path(__file__).parents[1] / "js/links.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["about"] for case in CASES])
def test_a_text_has_a_link_for_the_server_if_the_page_shows_one(case: dict[str, Any]) -> None:
    assert has_link(case["text"]) == bool(case["links"])


@pytest.mark.parametrize("case", CASES, ids=[case["about"] for case in CASES])
def test_each_link_of_the_page_is_one_by_itself_and_is_like_an_address(case: dict[str, Any]) -> None:
    for link in case["links"]:
        assert has_link(link)
        assert has_address(link)


def test_what_is_no_link_but_like_an_address_is_told_apart() -> None:
    for text in ("https://school.example@evil.example/", "xhttps://a.example", "www.a"):
        assert has_address(text)
        assert not has_link(text)


def test_a_text_made_to_be_slow_is_read_in_linear_time() -> None:
    began = time.process_time()
    for piece in (
        "https://a@",
        "www.a,",
        "https://a.a的",
        "www.",
        "https://ä.",
        "https://",
        "http",
        "https://1.",
    ):
        has_link(piece * 10_000)
    has_link(f"https://{'ä' * 100_000}")
    assert time.process_time() - began < 5
