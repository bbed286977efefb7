"""The rules for texts: messages, and the short ones that stand on one line (names, titles, topics).

Pure.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from trio_chat.errors import Refused

MAX_NAME_CHARS: Final = 40
"""Of people's names. It stands here and not with their rules (`trio_chat.model.names`), which need a library that
the Python client does without."""

MAX_COMBINING_MARKS: Final = 4
"""Combining marks on one letter. No language needs more, and more cover the lines above and below."""

_STACKED_MARKS: Final = re.compile(f"m{{{MAX_COMBINING_MARKS + 1}}}")

_JOINERS: Final = "\u200c\u200d"
"""Persian and the scripts of India need them, and emoji that are made of several."""
_SIGNS_OVER_NUMBERS: Final = (
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
"""Visible, although their category is that of invisible characters."""
_ALLOWED_FORMATS: Final = frozenset(_JOINERS + _SIGNS_OVER_NUMBERS)

_SUBDIVISION_FLAG: Final = re.compile("🏴[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f")
"""The flags of England and the like: invisible letters, with an end."""


def normal_line(raw: str, code: str, what: str) -> str:
    """Normal form of a short text, which stands on one line: NFC, trimmed, one space for white space of any kind.

    Raises `Refused` (``code``) for control characters, those that are invisible or change the direction of writing,
    and heaps of marks; ``what`` says in that sentence which text it is, such as ``A title``. May be empty: see
    `is_visible`.
    """
    line = unicodedata.normalize("NFC", " ".join(raw.split()))
    for char in _SUBDIVISION_FLAG.sub("", line):
        category = unicodedata.category(char)
        if category in {"Cc", "Cs"} or (category == "Cf" and char not in _ALLOWED_FORMATS):
            called = unicodedata.name(char, "").lower() or f"U+{ord(char):04X}"
            raise Refused(
                code, f"{what} cannot have control characters or invisible ones; there is a {called}."
            )
    check_marks(line, code, what)
    return line


def check_marks(text: str, code: str, what: str) -> None:
    """Raises `Refused` (``code``) for more than `MAX_COMBINING_MARKS` on one letter."""
    if _STACKED_MARKS.search("".join("m" if unicodedata.category(char)[0] == "M" else "-" for char in text)):
        raise Refused(code, f"{what} can have {MAX_COMBINING_MARKS} marks on one letter at most.")


def check_length(text: str, max_chars: int) -> None:
    """Raises `Refused` (``too_long``) for a text of more than ``max_chars``; 0: no limit."""
    if max_chars and len(text) > max_chars:
        raise Refused("too_long", f"The text has {len(text):,} characters; {max_chars:,} is the limit.")


def check_text(text: str, max_chars: int) -> None:
    """Raises `Refused` (``too_long``, ``empty``) unless this can be a message; ``max_chars`` 0: no limit."""
    check_length(text, max_chars)
    if not is_visible(text):
        raise empty()


def empty() -> Refused:
    """Why a text is not taken that shows nothing."""
    return Refused("empty", "The text has nothing in it that can be seen.")


# Characters that show nothing although their category does not say so: the fillers of Hangul, the blank of
# braille, and marks that only choose between forms of the character before them.
_BLANKS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0").union(
    *(map(chr, marks) for marks in (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0)))
)


def is_visible(text: str) -> bool:
    """Whether there is anything to see in the text."""
    return any(map(_shows, text))  # nearly always the first one does


def _shows(char: str) -> bool:
    # Unassigned and private characters may be emoji that this Python does not know yet.
    return unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"} and char not in _BLANKS
