"""Emoji for reactions: which texts are one, and its normal form.

Unicode knows many emoji in two spellings, with and without a variation selector (UTS 51, sections 1.4.2 and 2.7). Two
people who choose the same picture must not make two reactions of it.

Pure.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from trio_chat.errors import Refused
from trio_chat.model.emoji_table import (
    FULLY_QUALIFIED,  # at the start: later there may be no file descriptor left
)

MAX_EMOJI_CHARS: Final = 16
"""Code points: couples, with a skin tone for each, have ten."""

_VARIATION_SELECTORS: Final = re.compile("[\ufe0e\ufe0f]")


def normal_emoji(raw: str) -> str:
    """Normal form of a reaction: the fully-qualified one, as pages show and offer it.

    Raises `Refused` (``bad_emoji``) unless it is one emoji of Unicode's list, in whatever spelling.
    """
    emoji = _emoji_by_bare_form().get(_bare(raw)) if len(raw) <= MAX_EMOJI_CHARS else None
    if emoji is None:
        raise Refused("bad_emoji", "A reaction is one emoji.")
    return emoji


def _bare(emoji: str) -> str:
    return _VARIATION_SELECTORS.sub("", emoji)


@cache
def _emoji_by_bare_form() -> dict[str, str]:
    return {_bare(emoji): emoji for emoji in FULLY_QUALIFIED.split()}
