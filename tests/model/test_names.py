"""The rules for names, ids and texts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.errors import Refused
from trio_chat.model.name_words import ANIMALS, QUALITIES
from trio_chat.model.names import check_client_id, generated_name, name_by_profile, normal_name, normal_room
from trio_chat.model.texts import check_text


def refusal(rule: object, *arguments: object) -> Refused:
    """What a rule answers to what it does not accept."""
    with pytest.raises(Refused) as caught:
        rule(*arguments)  # type: ignore[operator]
    return caught.value


# People


@pytest.mark.parametrize(
    ("raw", "name", "key"),
    [
        ("Ada", "Ada", "ada"),
        ("  Ada   Lovelace ", "Ada Lovelace", "ada lovelace"),
        ("Ada\u00a0L.\u3000B.", "Ada L. B.", "ada l. b."),
        ("e\u0301", "é", "é"),
        ("ﬁ Ⅷ Ａ", "fi VIII A", "fi viii a"),
        ("Straße", "Straße", "strasse"),
        ("ΣΊΣΥΦΟΣ", "ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("日本語", "日本語", "日本語"),
        ("شكرا", "شكرا", "شكرا"),
        ("🦦", "🦦", "🦦"),
        ("Ada \u2764\ufe0f", "Ada \u2764", "ada \u2764"),
        ("<b>&amp;", "<b>&amp;", "<b>&amp;"),
        ("раураl", "раураl", "раураl"),  # looks like another name, and is one of its own
        ("x" * 40, "x" * 40, "x" * 40),
        ("e\u0301" * 40, "é" * 40, "é" * 40),
    ],
)
def test_a_name_is_normalised(raw: str, name: str, key: str) -> None:
    assert normal_name(raw) == (name, key)


@pytest.mark.parametrize("pair", [("ADA", "ada"), ("Straße", "STRASSE"), ("ΣΑΣ", "σας"), ("Ａda", "Ada")])
def test_names_that_differ_in_case_or_form_only_have_one_key(pair: tuple[str, str]) -> None:
    assert normal_name(pair[0])[1] == normal_name(pair[1])[1]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("", "at least one character"),
        (" \u3000 ", "at least one character"),
        ("\u2800", "at least one character"),
        ("\u0301", "at least one letter, digit or symbol"),
        ("x" * 41, "at most 40 characters"),
        ("x" * 100_000, "at most 40 characters"),
        ("\ufdfa" * 3, "at most 40 characters"),  # each of them is 18 characters when written out
        ("a\nb", "control characters"),
        ("a\u2028b", "control characters"),
        ("a\x1b[2J", "control characters"),
        ("a\u200bb", "invisible characters; there is a zero width space"),
        ("\u202eada", "invisible characters; there is a right-to-left override"),
        ("👩\u200d👩\u200d👧", "an emoji made of several"),
        ("\ue000", "the character U+E000"),
        ("\ud800", "the character U+D800"),
        ("\u3164", "filler"),
    ],
)
def test_a_bad_name_is_refused_in_words_for_people(raw: str, said: str) -> None:
    refused = refusal(normal_name, raw)
    assert refused.code == "bad_name"
    assert said in refused.message
    assert refused.message.isprintable()


@given(st.text(max_size=60))
def test_normalising_a_name_twice_changes_nothing(raw: str) -> None:
    try:
        name, key = normal_name(raw)
    except Refused:
        return
    assert 1 <= len(name) <= 40
    assert normal_name(name) == (name, key)


@given(st.text(max_size=20))
def test_any_name_and_its_case_folded_form_have_one_key(raw: str) -> None:
    try:
        (_, key), (_, folded_key) = normal_name(raw), normal_name(raw.casefold())
    except Refused:
        return
    assert key == folded_key


def test_generated_names_are_many_and_pass_the_rules_as_they_are() -> None:
    assert len(set(QUALITIES)) == len(QUALITIES) >= 60
    assert len(set(ANIMALS)) == len(ANIMALS) >= 60
    for word in QUALITIES + ANIMALS:
        assert word.isascii()
        assert word.istitle()
    longest = f"{max(QUALITIES, key=len)} {max(ANIMALS, key=len)}"
    assert normal_name(longest)[0] == longest
    assert len(longest) <= 30  # leaves room for a number


def test_a_generated_name_depends_only_on_the_random_source() -> None:
    assert generated_name(random.Random(7)) == generated_name(random.Random(7))


# Rooms


@pytest.mark.parametrize(
    ("raw", "room"),
    [
        ("lobby", "lobby"),
        ("Lobby", "lobby"),
        ("a-b_c.d9", "a-b_c.d9"),
        ("Straße", "strasse"),
        ("e\u0301te\u0301", "été"),
        ("हिन्दी", "हिन्दी"),
        ("日本語", "日本語"),
        ("שלום", "שלום"),
        ("x" * 64, "x" * 64),
    ],
)
def test_a_room_name_has_one_form(raw: str, room: str) -> None:
    assert normal_room(raw) == room


@pytest.mark.parametrize(
    "raw",
    ["", "x" * 65, "ß" * 33, "a b", "a/b", "../etc", ".hidden", "a\0b", "a\nb", "🦦", "a@b", "\ud800", "א1x", "²",
     "x" + "\u0301" * 6],
)  # fmt: skip
def test_a_bad_room_name_is_refused(raw: str) -> None:
    refused = refusal(normal_room, raw)
    assert refused.code == "bad_room"
    assert refused.message.isprintable()


@given(st.text(max_size=70))
def test_normalising_a_room_name_twice_changes_nothing(raw: str) -> None:
    try:
        room = normal_room(raw)
    except Refused:
        return
    assert 1 <= len(room) <= 64
    assert normal_room(room) == room


# Ids and texts


@pytest.mark.parametrize("raw", ["c", "x" * 64, "0192-ab cd", "é", "{}"])
def test_a_client_id_is_up_to_64_printable_characters(raw: str) -> None:
    check_client_id(raw)


@pytest.mark.parametrize("raw", ["", "x" * 65, "a\nb", "\0", "\x7f", "\u200b", "\ud800"])
def test_a_bad_client_id_is_refused(raw: str) -> None:
    assert refusal(check_client_id, raw).code == "bad_id"


@pytest.mark.parametrize("text", ["hi", " \n hi", "🦦", "👩\u200d👧", "\ue000", "\u0301", "x" * 4000])
def test_a_text_with_a_visible_character_is_a_message(text: str) -> None:
    check_text(text, 4000)


@pytest.mark.parametrize("text", ["", " \t\r\n", "\u200b\u200d", "\x00\x1b", "\u2800", "\u3164", "\ufe0f"])
def test_a_text_without_a_visible_character_is_empty(text: str) -> None:
    assert refusal(check_text, text, 4000).code == "empty"


def test_a_text_that_is_too_long_is_refused_with_the_limit() -> None:
    refused = refusal(check_text, "x" * 4001, 4000)
    assert (refused.code, refused.message) == (
        "too_long",
        "The text has 4,001 characters; 4,000 is the limit.",
    )


def test_a_limit_of_zero_is_no_limit() -> None:
    check_text("x" * 100_000, 0)


@given(st.from_regex(r"[A-Za-z0-9 ]{1,45}", fullmatch=True))
def test_the_quick_way_for_plain_names_says_what_the_profiles_say(raw: str) -> None:
    said: list[tuple[str, str] | str] = []
    for rule in (normal_name, name_by_profile):
        try:
            said.append(rule(raw))
        except Refused as refused:
            said.append(str(refused))
    assert said[0] == said[1]
