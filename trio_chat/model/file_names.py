"""Names of files, made safe: they come from other people's disks, are shown, and are what somebody saves a file under.

Nothing is refused, as nobody chose what their camera calls a picture. What may stand in a name are the characters of
PRECIS's FreeformClass (RFC 8264 section 4.3), less those that would make it another name to the eye, or a path.

Pure.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from trio_chat.model.texts import MAX_COMBINING_MARKS, is_visible

MAX_FILE_NAME_CHARS: Final = 120
MAX_RAW_FILE_NAME_CHARS: Final = 1_000
"""A longer one is no name."""

NAMELESS: Final = "file"
"""What a file is called whose name says nothing."""

_MAX_EXTENSION_CHARS: Final = 16

_PATH: Final = re.compile(r".*[/\\]", re.DOTALL)
_JOINERS: Final = "\u200c\u200d"
"""Invisible, but parts of words in some scripts, and of emoji."""
_OUT: Final = frozenset({"Cc", "Cf", "Cs", "Co"})
"""Control characters, invisible ones and those that change the direction of writing, halves of characters, and private
ones."""


def normal_file_name(raw: str) -> str:
    """The name of a file as it is kept and shown: the last part of a path, in NFC, on one line, with its extension."""
    name = unicodedata.normalize("NFC", _PATH.sub("", raw[:MAX_RAW_FILE_NAME_CHARS]))
    name = "".join(" " if char.isspace() else char for char in name)
    name = " ".join("".join(_visible(name)).split()).rstrip(". ")
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > _MAX_EXTENSION_CHARS:
        stem, dot, extension = name, "", ""
    if not is_visible(stem):  # also of what is only an extension: such files hide
        stem = NAMELESS
    end = dot + extension
    return stem[: MAX_FILE_NAME_CHARS - len(end)].rstrip() + end


def _visible(name: str) -> list[str]:
    """The characters that may stand in a name, with no heaps of marks on a letter."""
    kept: list[str] = []
    n_marks = 0
    for char in name:
        category = unicodedata.category(char)
        if category in _OUT and char not in _JOINERS:
            continue
        n_marks = n_marks + 1 if category[0] == "M" else 0
        if n_marks <= MAX_COMBINING_MARKS:
            kept.append(char)
    return kept
