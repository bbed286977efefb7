"""Lookalikes: texts that are not the same and look so, such as ``Mary`` with a Latin and with a Cyrillic M.

What looks the same has the same skeleton (UTS #39, section 4). The table is Unicode's own, by the package
confusable-homoglyphs; of pairs of Latin letters it has ``rn`` and ``m``, to which ``vv`` and ``w`` are added here.
Letters with an accent, ``cl`` and ``d``, and digits that only remind of a letter (5 and S) are told apart: too many
people have names that differ by no more. Punctuation is not: ``Ada Lovelace`` looks like ``Ada-Lovelace.``

Pure.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_LEFT_TO_RIGHT_MARK: Final = "\u200e"
"""Stands around letters from right to left in the package's table, and belongs to none of them."""

_ALPHABETS_IN_BOXES: Final = (0x1F150, 0x1F170, 0x1F1E6)
"""Where those begin that the table does not have: white letters in black circles and squares, and those of flags."""

_PALOCHKA: Final = 0x4CF
"""A Cyrillic letter like a small l, which the table has as an i."""


def name_forms(name: str, key: str) -> frozenset[str]:
    """What is compared of a name, given with its key: two names of which one form is the same look alike.

    Many letters look alike only as capitals (a Cyrillic M and the Latin one), others only as small letters, and names
    are read in both. So the cased forms of two names are compared, and their folded ones. A name that looks Latin as
    it is written has a second folded form: that of the Latin name.
    """
    return frozenset({f"cased:{_skeleton(name)}", folded_form(key), folded_form(latin(name))})


def folded_forms(text: str) -> frozenset[str]:
    """Two texts of which one form is the same look alike, whatever their case."""
    return frozenset(map(folded_form, {text, latin(text)}))


def squeezed(text: str) -> str:
    """The letters and digits of a text, without marks on them and what stands between them."""
    if text.isascii():
        return "".join(filter(str.isalnum, text))
    return "".join(char for char in unicodedata.normalize("NFD", latin(text)) if char.isalnum())


def folded_form(text: str) -> str:
    """The same for all texts whose small letters look alike."""
    # Folded again, as some skeletons of small letters and digits are capitals: that of 0 is O.
    return f"folded:{_skeleton(_skeleton(text.casefold()).casefold())}"


def _skeleton(text: str) -> str:
    if text.isascii() and (words := text.translate(_ascii_words()).split()):
        return _joined(words)  # most names, twenty times as fast
    skeleton = unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).translate(_prototypes()))
    words = "".join(" " if unicodedata.category(char)[0] in "PZ" else char for char in skeleton).split()
    return _joined(words or [skeleton])  # a name may be nothing but punctuation


def _joined(words: Iterable[str]) -> str:
    return " ".join(words).replace("vv", "w").replace("VV", "W")


def latin(text: str) -> str:
    """The text with a Latin letter in the place of each letter that looks like one."""
    return text if text.isascii() else text.translate(_latin_letters())


@cache
def _prototypes() -> dict[int, str]:
    """What stands in the skeleton for a character."""
    # Loaded by `reserved_names.load_tables`, once the server is ready: reading it takes a third of a start.
    from confusable_homoglyphs.confusables import confusables_data

    # The table lists for each character those that it looks like, in both directions: for a prototype all of its
    # lookalikes, for each of these the prototype. Of two who have only each other, either will do.
    alike = {
        char.replace(_LEFT_TO_RIGHT_MARK, ""): [
            other["c"].replace(_LEFT_TO_RIGHT_MARK, "") for other in others
        ]
        for char, others in confusables_data.items()
    }
    prototypes: dict[int, str] = {}
    for char, others in alike.items():
        if len(char) == len(others) == 1:
            (other,) = others
            if len(other) > 1 or len(alike[other]) > 1 or other < char:
                prototypes[ord(char)] = other
    prototypes = {char: prototype.translate(prototypes) for char, prototype in prototypes.items()}
    in_boxes = {
        first + n: prototypes.get(ord("A") + n, chr(ord("A") + n))
        for first in _ALPHABETS_IN_BOXES
        for n in range(26)
    }
    return prototypes | in_boxes | {_PALOCHKA: "l"}


@cache
def _ascii_words() -> dict[int, str]:
    """What stands in the skeleton for a character of ASCII, or a space for what stands between words."""
    table = {}
    for char in map(chr, range(0x80)):
        prototype = unicodedata.normalize("NFD", char.translate(_prototypes()))
        table[ord(char)] = "".join(" " if unicodedata.category(c)[0] in "PZ" else c for c in prototype)
    return table


@cache
def _latin_letters() -> dict[int, str]:
    letters = {
        char: prototype
        for char, prototype in _prototypes().items()
        if char > 0x7F and len(prototype) == 1 and prototype.isascii() and prototype.isalpha()
    }
    # The prototype of all capitals I is the small l.
    capitals_i = {
        char: "I"
        for char, letter in letters.items()
        if letter == "l" and (chr(char).isupper() or unicodedata.category(chr(char)) == "So")
    }
    return letters | capitals_i
