"""What is read from the head of a stranger's page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.outgoing.page_head import DESCRIPTION_CHARS, HEAD_BYTES, TITLE_CHARS, PageHead, read_head


def head(markup: str) -> PageHead:
    return read_head(markup.encode(), "utf-8")


def test_open_graph_comes_before_html() -> None:
    found = head(
        """<!doctype html><html><head><title>Kites &amp; more | Site</title>
        <meta name="description" content="plain">
        <meta property="og:title" content="Kites &amp; strings"><META content='A "field"' property='og:description'>
        <meta property=og:site_name content=Fields><meta property="og:image" content="/kite.jpg?a=1&amp;b=2">
        <meta property="og:image:alt" content="A red kite">"""
    )
    assert found == PageHead("Kites & strings", 'A "field"', "Fields", "/kite.jpg?a=1&b=2", "A red kite")


def test_a_page_without_open_graph_has_its_title() -> None:
    assert head("<title lang=en>\n  Kites\n and   more </title>") == PageHead("Kites and more")
    assert head("<p>nothing</p>") == PageHead()


def test_what_stands_in_the_body_is_not_read() -> None:
    assert head("<head><title>One</title></head><meta property='og:title' content='Two'>").title == "One"
    assert head("<title>One</title><body><meta property='og:title' content='Two'>").title == "One"


def test_texts_are_one_line_without_what_is_invisible_and_cut() -> None:
    found = head(
        f"<title>a\u202eb\x00\u200bc\n{'x' * 500}</title><meta name=description content='{'y' * 900}'>"
    )
    assert found.title.startswith("abc x")
    assert len(found.title) == TITLE_CHARS
    assert found.title.endswith("…")
    assert len(found.description) == DESCRIPTION_CHARS


@pytest.mark.parametrize(
    ("page", "charset"),
    [
        ("<title>Zürich</title>".encode("latin-1"), "ISO-8859-1"),
        ('<meta charset="windows-1252"><title>Zürich</title>'.encode("cp1252"), None),
        ("<title>Zürich</title>".encode(), "no-such-encoding"),
        ("<title>Zürich</title>".encode(), "hex"),
        ("<title>Zürich</title>".encode(), None),
    ],
)
def test_the_encoding_is_what_the_answer_or_the_page_says(page: bytes, charset: str | None) -> None:
    assert read_head(page, charset).title == "Zürich"


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<meta ",
        "<meta a=",
        "<meta a='",
        "<title>",
        "<title",
        "<meta charset=",
        "&",
        "<meta content='x'>",
        "a",
    ],
)
def test_reading_is_linear_in_the_length(piece: str) -> None:
    """With one that is quadratic this does not end."""
    found = read_head((piece * (HEAD_BYTES // len(piece))).encode(), None)
    assert len(found.title) <= TITLE_CHARS


@given(st.binary(max_size=300), st.sampled_from([None, "utf-8", "utf-16", "idna", "punycode", "x"]))
def test_whatever_a_page_has_in_it_is_read_without_a_fault(page: bytes, charset: str | None) -> None:
    found = read_head(b"<meta property='og:title' content='" + page, charset)
    assert len(found.title) <= TITLE_CHARS
