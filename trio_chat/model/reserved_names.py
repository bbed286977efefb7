"""Reserved names: words by which a person would pass for the server, or for who runs it, or for everybody.

Pure.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import Final

from trio_chat.errors import Refused
from trio_chat.model.lookalikes import folded_forms, latin, squeezed

ROLES: Final = """
admin admins administration administrator administrators bot mod moderation moderator moderators mods operator
operators owner owners root server staff support system trio triochat
"""
"""Who runs a server, and what is the server's own."""

EVERYBODY: Final = """
all anybody anyone channel everybody everyone group here lobby members nobody people room somebody someone team users
"""
"""What mentions of many are called here, or elsewhere."""

SAID_BY_THE_PAGE: Final = "deleted me myself unknown you yourself"
"""What the page says in the place of a name, or could seem to."""

FILLERS: Final = "a an chat is of official our real room team the this your"
"""Words beside which one of a role stays one, as in ``The Admin Team``."""

_FILLER_WORDS: Final = frozenset(FILLERS.split())

_READ_AS_LETTERS: Final = str.maketrans("@4358$", "aaesbs")

_ASCII_BRACKETS: Final = str.maketrans("()[]{}", "||||||")

_SEALS: Final = re.compile("[✓✔✅☑🗸🗹]")
_SEPARATORS: Final = re.compile(r"[|/\\,:;@#*~•·–—<>]+|\s-+\s")


def load_tables() -> None:
    """Read the tables of what looks alike, which takes a tenth of a second; else whoever comes first waits for it, and
    all others with them. In whatever thread."""
    _reserved()


def check_not_reserved(name: str) -> None:
    """Raises `Refused` (``bad_name``) for a name that is a reserved word, or has one in brackets or set apart.

    ``Ada (admin)``, ``Mod | Ada`` and ``The Admin Team`` are refused, ``Ada Moderator`` and ``Hereford`` are names
    like others.
    """
    if _SEALS.search(name):
        raise Refused("bad_name", "A name cannot have a tick: it would look as if somebody had checked it.")
    without_brackets = (
        name.translate(_ASCII_BRACKETS)
        if name.isascii()
        else "".join("|" if unicodedata.category(char) in {"Ps", "Pe"} else char for char in name)
    )
    for part in dict.fromkeys([name, *_SEPARATORS.split(without_brackets)]):
        if _is_reserved(part) or _is_of_roles(part):
            raise Refused(
                "bad_name", f"Nobody can be called {part.strip()} here: it is reserved for the server."
            )


def _is_of_roles(part: str) -> bool:
    """Whether all words are reserved, but for `FILLERS`."""
    words = [word for word in re.split(r"[\W_]+", latin(part)) if word.casefold() not in _FILLER_WORDS]
    return bool(words) and all(map(_is_reserved, words))


@lru_cache(maxsize=4096)  # most names are one that somebody else has as well, and a second one
def _is_reserved(part: str) -> bool:
    return not _squeezed(part).isdisjoint(_reserved())


def _squeezed(part: str) -> frozenset[str]:
    """What is compared: letters alone (without a number behind them), and those that are read as i are l."""
    without_number = squeezed(part).rstrip("0123456789")
    letters = {
        without_number or squeezed(part),
        squeezed(part.translate(_READ_AS_LETTERS)),
        squeezed(without_number.translate(_READ_AS_LETTERS)),
    }
    return frozenset(form.replace("i", "l") for each in letters if each for form in folded_forms(each))


@cache
def _reserved() -> frozenset[str]:
    return frozenset().union(*map(_squeezed, (ROLES + EVERYBODY + SAID_BY_THE_PAGE).split()))
