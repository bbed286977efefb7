"""Lookalikes: which texts look the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.model.lookalikes import folded_form, folded_forms, name_forms
from trio_chat.model.names import normal_name


def are_alike(one: str, other: str) -> bool:
    return not name_forms(*normal_name(one)).isdisjoint(name_forms(*normal_name(other)))


@pytest.mark.parametrize(
    ("real", "twin"),
    [
        ("Mary", "\u041cary"),
        ("Mary", "\u039cary"),
        ("mary", "\u041cary"),
        ("MARY", "\u041cary"),
        ("Tom", "\u0422om"),
        ("Helen", "\u041delen"),
        ("Helen", "\u0397elen"),
        ("Bart", "\u0412art"),
        ("Kim", "\u041aim"),
        ("Nora", "\u039dora"),
        ("Zoe", "\u0396oe"),
        ("Ella", "\u0395lla"),
        ("ADMIN", "\u0410D\u041c\u0406N"),
        ("Admin", "\u0410D\u041c\u0406N"),
        ("admin", "\u0410D\u041c\u0406N"),
        ("Привет", "Пp\u0438вет"),
        ("ПРИВЕТ", "ПPИВЕТ"),
        ("Ada Miller", "Ada Mi11er"),
        ("Ada Miller", "Ada MiIIer"),
        ("Bob", "B0b"),
        ("Bob", "BOB"),
        ("Σοφία", "Σ\u043eφία"),
        ("Vernon", "Vemon"),
        ("Will", "VVill"),
        ("Alice", "AIice"),
        ("Olga", "0lga"),
        ("mary", "rnary"),
        ("Ada", "Ada."),
        ("Ada", "_Ada_"),
        ("Ada Lovelace", "Ada-Lovelace"),
        ("Ada Lovelace", "Ada_Lovelace!"),
        ("O'Neil", "O’Neil"),
        ("Paul", "Pau\u04cf"),
        ("Ada", "\U0001f170da"),
        ("Ilse", "\U0001f178lse"),
        ("Bob", "\U0001f171\U0001f15eb"),
    ],
)
def test_names_that_look_the_same_are_alike(real: str, twin: str) -> None:
    assert are_alike(real, twin)
    assert are_alike(twin, real)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada", "Ida"),
        ("Lan", "Ian"),
        ("Ana", "Anna"),
        ("Zoe", "Zoé"),
        ("dan", "clan"),
        ("Sam", "5am"),
        ("Ann Elise", "Anne Lise"),
        ("Ada 🦦", "Ada"),
        ("C++", "C"),
        ("...", "!"),
        ("Анна", "Anna"),
        ("Иван", "Ivan"),
        ("Ada 1", "Ada 2"),
        ("陳", "陣"),
        ("דנה", "דינה"),
        ("محمد", "محمود"),
    ],
)
def test_names_that_people_tell_apart_are_not(one: str, other: str) -> None:
    assert not are_alike(one, other)


def test_a_text_looks_like_another_whatever_its_case() -> None:
    for twin in ("L\u043ebby", "LOBBY", "L0bby"):
        assert not folded_forms(twin).isdisjoint(folded_forms("lobby"))
    assert folded_forms("Lobbyists").isdisjoint(folded_forms("lobby"))


@given(st.text(st.characters(codec="ascii"), max_size=12).filter(lambda text: any(map(str.isalnum, text))))
def test_a_text_in_ascii_has_the_form_that_it_has_beside_other_words(text: str) -> None:
    beside = folded_form(f"{text} \N{GREEK SMALL LETTER LAMDA}")
    assert beside == f"{folded_form(text)} \N{GREEK SMALL LETTER LAMDA}"
