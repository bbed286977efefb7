"""What people type to search, and how it is understood."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.errors import Refused
from trio_chat.search.query import MAX_QUERY_CHARS, Query, Sender, parse_query

NOVEMBER = 1_793_491_200_000
"""2026-11-01T00:00Z."""
DAY = 86_400_000


def refusal(typed: str) -> Refused:
    with pytest.raises(Refused) as caught:
        parse_query(typed)
    return caught.value


@pytest.mark.parametrize(
    ("typed", "query"),
    [
        ("hello world", Query(("hello", "world"))),
        ("  Hello\u3000hello ", Query(("hello",))),
        ('say "Good  Morning" now', Query(("say", "good morning", "now"))),
        ("“good morning”", Query(("good morning",))),
        ('"never closed', Query(("never closed",))),
        ('print("x")', Query(('print("x")',))),
        ("Ünïcödé STRASSE", Query(("unicode", "strasse"))),
        ("plan b", Query(("plan", "b"))),
        ("字", Query(("字",))),
        ("🎉", Query(("🎉",))),
        ("std:vector http://x.org has:feathers", Query(("std:vector", "http://x.org", "has:feathers"))),
        ("from: me", parse_query("from:me")),
        ('from:"" in:"" me', Query(('from:""', 'in:""', "me"))),
        ("has:LINK", Query(has=frozenset({"link"}))),
        (
            "has:image has: Voice has:file has:link",
            Query(has=frozenset({"image", "voice", "file", "link"})),
        ),
        ("has:video has:audio kite.mp4", Query(("kite.mp4",), has=frozenset({"video", "audio"}))),
        ("has: images", Query(("has:", "images"))),
        ("from: ada has:  link pie", parse_query("from:ada has:link pie")),
        ('from: "Ada Lovelace" in: garden', parse_query('from:"Ada Lovelace" in:garden')),
        ("before: 2026-11-01 pie", parse_query("before:2026-11-01 pie")),
        ("from：ada", parse_query("from:ada")),
        ("from: in:garden", Query(("from:",), rooms=("garden",))),
        ("has: apples", Query(("has:", "apples"))),
        ("before: lunch", Query(("before:", "lunch"))),
        ("from:", Query(("from:",))),
        ("In:Kitchen IN:lobby", Query(rooms=("kitchen", "lobby"))),
        ("from:Chloé", Query(senders=(Sender(("chloe",), "chloé"),))),
        ('FROM:"Ada  Lovelace"', Query(senders=(Sender(("ada", "lovelace"), "ada lovelace"),))),
        ("from:\u200bx", Query(senders=(Sender(("x",), None),))),
        ("after:2026-11-01", Query(after_ms=NOVEMBER)),
        ("after:2026-11-01T00:00:00Z", Query(after_ms=NOVEMBER)),
        (
            "after:2026-11-02T00:00:00Z before:2026-11-03T01:30+01:30",
            Query(after_ms=NOVEMBER + DAY, before_ms=NOVEMBER + 2 * DAY),
        ),
        ("after:2026-10-01 after:2026-11-01", Query(after_ms=NOVEMBER)),
        ("before:2026-12-01 before:2026-11-01", Query(before_ms=NOVEMBER)),
        (
            'after:"2026-11-01" before:2026-11-02 x:y',
            Query(("x:y",), after_ms=NOVEMBER, before_ms=NOVEMBER + DAY),
        ),
    ],
)
def test_a_query_is_parsed(typed: str, query: Query) -> None:
    assert parse_query(typed) == query


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "nothing to search for"),
        (' "" \u200b', "nothing to search for"),
        ("a", "too short"),
        ("a b from:ada", "too short"),
        ("before:yesterday", "2026-11-01"),
        ("after:2026-02-30", "2026-11-01"),
        ("after:2026-1-1", "2026-11-01"),
        ("after:2026-11-01T25:00Z", "2026-11-01"),
        ("after:2026-11-01T00:00", "2026-11-01"),
        ("after:0000-01-01", "2026-11-01"),
        ("x" * (MAX_QUERY_CHARS + 1), "at most 500"),
    ],
)
def test_a_query_that_cannot_be_searched_is_refused(typed: str, said: str) -> None:
    error = refusal(typed)
    assert error.code == "bad_query"
    assert said in error.message


@given(st.text(max_size=MAX_QUERY_CHARS))
def test_any_text_is_parsed_or_refused(typed: str) -> None:
    with suppress(Refused):
        parse_query(typed)
