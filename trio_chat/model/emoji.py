"""Emoji for reactions: which texts are one, and its normal form.

Unicode knows many emoji in two spellings, with and without a variation selector (UTS 51, sections 1.4.2 and 2.7). Two
people who choose the same picture must not make two reactions of it.

Pure.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from trio_chat.errors import Refused

MAX_EMOJI_CHARS: Final = 16
"""Code points: families, with a skin tone for each, have ten and more."""

TEXT_STYLE: Final = frozenset(
    "#*0123456789©®‼⁉™ℹ↔↕↖↗↘↙↩↪⌨⏏⏭⏮⏯⏱⏲⏸⏹⏺Ⓜ▪▫▶◀◻◼☀☁☂☃☄☎☑☘☝☠☢☣☦☪☮☯☸☹☺♀♂♟♠♣♥♦♨♻♾⚒"
    "⚔⚕⚖⚗⚙⚛⚜⚠⚧⚰⚱⛈⛏⛑⛓⛩⛰⛱⛴⛷⛸⛹✂✈✉✌✍✏✒✔✖✝✡✳✴❄❇❣❤➡⤴⤵⬅⬆⬇〰〽㊗㊙🅰🅱🅾🅿🈂🈷🌡🌤🌥🌦🌧🌨🌩🌪🌫🌬🌶🍽🎖🎗🎙🎚🎛🎞"
    "🎟🏋🏌🏍🏎🏔🏕🏖🏗🏘🏙🏚🏛🏜🏝🏞🏟🏳🏵🏷🐿👁📽🕉🕊🕯🕰🕳🕴🕵🕶🕷🕸🕹🖇🖊🖋🖌🖍🖐🖥🖨🖱🖲🖼🗂🗃🗄🗑🗒🗓🗜🗝🗞🗡🗣🗨🗯🗳🗺🛋🛍🛎🛏🛠🛡🛢🛣🛤🛥🛩🛰🛳"
)
"""The emoji that are text by themselves (Emoji=Yes, Emoji_Presentation=No; Unicode adds none of those any more)."""

_AS_EMOJI: Final = "\ufe0f"
_AS_TEXT: Final = "\ufe0e"
_SKIN_TONES: Final = frozenset("\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")


def normal_emoji(raw: str) -> str:
    """Normal form of a reaction: the fully-qualified one, as pages show and offer it.

    Raises `Refused` (``bad_emoji``) unless it is one emoji, or may become one in a later Unicode.
    """
    is_short = 1 <= len(raw) <= MAX_EMOJI_CHARS
    if not is_short or any(unicodedata.category(char)[0] in "LZ" or char in "<>&\"'" for char in raw):
        raise Refused("bad_emoji", "A reaction is one emoji.")
    if not any(unicodedata.category(char) in {"So", "Sk", "Sm", "Cn", "Me"} for char in raw):
        raise Refused("bad_emoji", "A reaction is one emoji.")
    return _fully_qualified(raw)


def _fully_qualified(raw: str) -> str:
    """Puts the variation selector after exactly those emoji that are text without it; a skin tone does the same."""
    chars = [char for char in raw if char not in (_AS_EMOJI, _AS_TEXT)]
    return "".join(
        char + _AS_EMOJI if char in TEXT_STYLE and following not in _SKIN_TONES else char
        for char, following in zip(chars, [*chars[1:], ""], strict=True)
    )
