"""The origin check: pages that may speak v1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.net.origin import is_allowed


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://chat.example", "chat.example"),
        ("http://chat.example:8080", "chat.example:8080"),
        ("http://chat.example", "chat.example:80"),
        ("https://chat.example", "chat.example"),
        ("https://chat.example", "chat.example:443"),
        ("HTTP://Chat.Example", "chat.example."),
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://[::1]:8080", "[::1]:8080"),
    ],
)
def test_pages_of_this_server_are_allowed(origin: str, host: str) -> None:
    assert is_allowed(origin, host, ())


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "chat.example"),
        ("http://chat.example:8081", "chat.example:8080"),
        ("http://chat.example", "chat.example:8080"),
        ("http://chat.example.evil.example", "chat.example"),
        ("http://evil.example/chat.example", "chat.example"),
        ("http://chat.example@evil.example", "chat.example"),
        ("http://evil.example#chat.example", "chat.example"),
        ("http://chat.example:notaport", "chat.example"),
        ("http://[::1", "[::1"),
        ("file://chat.example", "chat.example"),
        ("null", "null"),
        ("null", "chat.example"),
        ("", "chat.example"),
        ("", ""),
        ("http://", ""),
        ("chat.example", "chat.example"),
        ("http://chat.example", None),
    ],
)
def test_pages_of_other_origins_are_not_allowed(origin: str, host: str | None) -> None:
    assert not is_allowed(origin, host, ())


def test_programs_without_an_origin_are_allowed() -> None:
    assert is_allowed(None, "chat.example", ())


def test_the_operator_can_allow_other_origins() -> None:
    allowed = ("https://friend.example", "null")
    assert is_allowed("https://friend.example", "chat.example", allowed)
    assert is_allowed("HTTPS://Friend.example", "chat.example", allowed)
    assert is_allowed("null", "chat.example", allowed)
    assert not is_allowed("http://friend.example", "chat.example", allowed)
    assert not is_allowed("https://friend.example:8443", "chat.example", allowed)
    assert is_allowed("https://anybody.example", "chat.example", ("*",))


@given(st.text(), st.none() | st.text())
def test_any_text_as_origin_is_decided_without_an_error(origin: str, host: str | None) -> None:
    assert is_allowed(origin, host, ()) in (True, False)
