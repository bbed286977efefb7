"""Texts as PostgreSQL's store keeps them."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from trio_chat.store.postgresql.texts import escaped, unescaped

TEXTS = st.text(
    st.sampled_from(["\0", "\1", "\2", "\\", "u", "0", "1", "2", '"', "a", "é"]), max_size=12
) | st.lists(
    st.sampled_from(["\\u0000", "\\u0001", "\\u0002", "\\\\", "\\", "\0", "\1", "a"]), max_size=6
).map("".join)


@given(TEXTS)
def test_a_text_comes_back_as_it_was_and_has_no_nul_meanwhile(text: str) -> None:
    assert "\0" not in escaped(text)
    assert unescaped(escaped(text)) == text


@given(TEXTS, TEXTS)
def test_texts_are_in_the_same_order_and_begin_alike(one: str, other: str) -> None:
    plain = "\\" not in one + other
    if plain:
        assert (escaped(one) < escaped(other)) == (one < other)
        assert escaped(one + other).startswith(escaped(one))
    assert (escaped(one) == escaped(other)) == (one == other)


@given(
    st.recursive(TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))
)
def test_json_says_the_same_of_escaped_texts(value: object) -> None:
    def inside(value: object) -> object:
        match value:
            case str():
                return value.replace("\1", "\1\2").replace("\0", "\1\1")
            case list():
                return [inside(each) for each in value]
            case dict():
                return {inside(key): inside(each) for key, each in value.items()}
        return value

    stored = escaped(json.dumps(value))
    assert "\\u0000" not in stored.replace("\\\\", "")
    assert json.loads(stored) == inside(value)
