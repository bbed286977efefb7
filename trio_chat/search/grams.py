"""Grams: what the search index holds of a text, and what a term needs to be in there.

The index knows only grams of three characters (FTS5's ``trigram``). So whatever is to be found by less is written into
the indexed text as three: a *unit* is put between two separators (``|字|``), and so two units side by side are a gram
as well (``漢|字``). Units are the characters of scripts without spaces, symbols, and codes for the room, the sender,
the words of the sender's name, and what the message has: a link, files of each kind. Separators and codes are
private-use characters, which `normal` removes from every text.

Pure. What a text becomes may change only together with `VERSION`: it tells an index of an older form.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from trio_chat.kinds.files import AUDIO, FILE, IMAGE, VIDEO, VOICE
from trio_chat.model.links import has_link

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trio_chat.kinds.files import File

VERSION: Final = f"2/{unicodedata.unidata_version}"
"""All that the grams of an index depend on."""

_ROOMS: Final = 0x100000
_SENDERS: Final = 0x104000
_NAMES: Final = 0x108000
_CODES: Final = 0x4000
"""Codes of each sort. Two rooms may share one: the index only proposes."""
_LINK: Final = "\U0010c000"
_SEPARATOR: Final = "\U0010c001"
_FILES: Final = {
    kind: chr(0x10C010 + number) for number, kind in enumerate((IMAGE, VIDEO, AUDIO, VOICE, FILE))
}

# Accents, points and signs of Latin, Greek, Cyrillic, Hebrew and Arabic, and variation selectors of emoji. In other
# scripts marks are vowels or tell consonants apart.
_ACCENTS: Final = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\U000e0100-\U000e01ef]+"
)
_LETTERS_OF_THEIR_OWN: Final = frozenset("йїў")
"""Cyrillic letters that only look as if they had an accent."""

_ALIKE: Final = {
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ħ": "h",
    "ı": "i",
    "ـ": "",
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("“”„", '"'),
    **dict.fromkeys("‐‑–—", "-"),
}
"""Letters and signs, and how people write them who have no key for them; and what only makes Arabic longer."""

_UNITS: Final = (
    "\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf"  # Thai, Lao, Tibetan, …
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"  # Han, kana
    "\ua000-\ua4cf\ua960-\ua9ff\uaa60-\uaadf\uac00-\ud7ff\uf900-\ufaff"  # Hangul: words are glued together
    "\U00016fe0-\U0001b2ff\U00020000-\U0003ffff"
    "\u2190-\u21ff\u2300-\u23ff\u2460-\u27bf\u2900-\u297f\u2b00-\u2bff\U0001f000-\U0001faff"  # symbols, emoji
)
_UNIT: Final = re.compile(f"[{_UNITS}]")
_RUN: Final = re.compile(f"[^ ]?[{_UNITS}]+(?:[^ ][{_UNITS}]+)*[^ ]?")
"""Units with their neighbours: texts to be found by two characters, one of them a unit."""

_LONGEST_CLUSTER: Final = 16
"""Characters of a base character with its combining marks, at most: so the cache of them is bounded."""


class Normal(NamedTuple):
    """Normal form of a text, and for each of its characters where its original begins and ends."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]


def normal(text: str) -> str:
    """Normal form of a text for searching: without case, accents, invisible characters and differences of form (NFKC).

    All white space is one space, and there is none at the ends.
    """
    if text.isascii():
        return " ".join(text.lower().translate(_CONTROLS).split())
    return " ".join("".join(map(_folded, _patterns().cluster.findall(text))).split())


def normal_with_places(text: str) -> Normal:
    """`normal`, with the way back. Places are code points of the original text."""
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for cluster in _patterns().cluster.finditer(text):
        for char in _folded(cluster.group()):
            if char == " " and (not chars or chars[-1] == " "):
                continue
            chars.append(char)
            starts.append(cluster.start())
            ends.append(cluster.end())
    if chars and chars[-1] == " ":
        chars.pop()
    return Normal("".join(chars), starts, ends)


def has_units(text: str) -> bool:
    """Whether a normal text has units: characters that can be searched one by one."""
    return not text.isascii() and _UNIT.search(text) is not None


def places_of(term: str, text: str) -> list[int]:
    """Where a normal term is in a normal text. A term of one or two letters is found only where a word begins."""
    anywhere = len(term) >= 3 or has_units(term)
    begins = None if anywhere else _patterns().start
    places: list[int] = []
    place = text.find(term)
    while place >= 0:
        if begins is None or begins.match(text, place):
            places.append(place)
            place += len(term) - 1
        place = text.find(term, place + 1)
    return places


def indexed_text(text: str, *, room_id: int, sender: str, name: str, files: Sequence[File] = ()) -> str:
    """Text that the index is given for a message; the same for the same message, always."""
    searched = normal(text)
    codes = [room_code(room_id), sender_code(sender), *map(name_code, dict.fromkeys(normal(name).split()))]
    if has_link(text):
        codes.append(_LINK)
    codes += [_FILES[kind] for kind in dict.fromkeys(file.kind for file in files)]
    parts = [f" {searched} ", _as_units(codes)]
    parts += _parts_of_words(searched)
    for words in map(normal, words_of(files)):
        parts.append(f" {words} ")
        parts += _parts_of_words(words)
    return "".join(parts)


def words_of(files: Iterable[File]) -> list[str]:
    """What is said of files: their names, and what is to be seen. They are found by it, as by a text."""
    return [words for file in files for words in (file.name, file.alt) if words]


def _parts_of_words(searched: str) -> Iterator[str]:
    """What the index is given for a normal text beside the text itself."""
    # Looking each sign up among all marks takes ten times as long: 0.3 ms for a line of dots.
    inner_start = _ASCII_INNER_START if searched.isascii() else _patterns().inner_start
    if starts := dict.fromkeys(inner_start.findall(searched)):
        yield f" {' '.join(starts)} "
    if has_units(searched):
        yield from map(_as_units, _RUN.findall(searched))


def grams_of_term(term: str) -> list[str]:
    """Grams that the index holds of every text in which the normal term is found; empty if the term is too short."""
    if len(term) >= 3:
        return list(dict.fromkeys(term[place : place + 3] for place in range(len(term) - 2)))
    if has_units(term):
        return [f"{term[0]}{_SEPARATOR}{term[1]}" if len(term) == 2 else gram(term)]
    return [f" {term}"] if len(term) == 2 else []


def gram(char: str) -> str:
    """Gram of a unit."""
    return f"{_SEPARATOR}{char}{_SEPARATOR}"


HAS: Final = {"link": gram(_LINK), **{kind: gram(code) for kind, code in _FILES.items()}}
"""Grams of messages that have something: a link, a file of this kind."""


def room_code(room_id: int) -> str:
    """Code of a room: one character."""
    return chr(_ROOMS + room_id % _CODES)


def sender_code(sender: str) -> str:
    """Code of a sender: one character."""
    return chr(_SENDERS + _hash(sender))


def name_code(word: str) -> str:
    """Code of a word in the sender's name at that time: one character."""
    return chr(_NAMES + _hash(word))


@lru_cache(maxsize=4_096)
def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(errors="replace"), digest_size=4).digest(), "big") % _CODES


def _as_units(chars: Iterable[str]) -> str:
    return f"{_SEPARATOR}{_SEPARATOR.join(chars)}{_SEPARATOR}"


class _Patterns(NamedTuple):
    cluster: re.Pattern[str]
    """Character with all that modifies it: combining marks, vowels and finals of Hangul, voicing of narrow kana."""
    start: re.Pattern[str]
    """Beginning of a word or a sign in a normal text."""
    inner_start: re.Pattern[str]
    """First two characters of each word or sign that begins directly after another, without a space: its one group."""


@cache
def _patterns() -> _Patterns:
    marks = "".join(char for char in map(chr, range(0x300, 0x20000)) if unicodedata.category(char)[0] == "M")
    return _Patterns(
        re.compile(
            f".[{marks}\u1160-\u11ff\uff9e\uff9f\U000e0100-\U000e01ef]{{,{_LONGEST_CLUSTER - 1}}}", re.DOTALL
        ),
        re.compile(rf"(?<![^\W_])(?<![{marks}])|(?=[^\w{marks}]|_)"),
        re.compile(
            rf"(?:(?<=[^\w ])(?<![{marks}])|(?<=_)|(?<=[^ ])(?:(?=[^\w ])(?![{marks}])|(?=_)))(?=([^ ]{{2}}))"
        ),
    )


_ASCII_INNER_START: Final = re.compile(r"(?:(?<=[^\w ])|(?<=_)|(?<=[^ ])(?:(?=[^\w ])|(?=_)))(?=([^ ]{2}))")
"""The same, for texts of ASCII: there are no marks."""

_CONTROLS: Final = dict.fromkeys((*range(0x20), 0x7F), " ")


@lru_cache(maxsize=16_384)
def _folded(cluster: str) -> str:
    folded = unicodedata.normalize("NFKC", cluster).casefold()
    if not folded.isascii():
        folded = "".join(map(_without_accents, unicodedata.normalize("NFKC", folded)))
        folded = unicodedata.normalize("NFC", folded)
    return "".join(map(_visible, folded))


def _without_accents(char: str) -> str:
    if char in _LETTERS_OF_THEIR_OWN:
        return char
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", char))
    return _ALIKE.get(bare, bare)


def _visible(char: str) -> str:
    """The character; a space for white space and control characters, nothing for invisible ones."""
    if char.isspace() or char < " " or char == "\x7f":
        return " "
    return "" if unicodedata.category(char) in {"Cf", "Cs"} or char >= chr(_ROOMS) else char
