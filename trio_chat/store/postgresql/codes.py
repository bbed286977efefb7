"""Codes: what PostgreSQL's search index holds of a message: whole numbers of 32 bits in the place of its grams, and of
the windows that its number is in. Two grams may share one: the index only proposes."""

from __future__ import annotations

from typing import Final
from zlib import crc32

WINDOWS: Final = (12, 16, 20)
"""Messages whose numbers differ only in so many of their last bits are in one window."""


def code_of(gram: str) -> int:
    """The code of a gram."""
    return _signed(crc32(gram.encode(errors="replace")))


def window_code(number: int, bits: int) -> int:
    """The code of a window: of the one in which this number is."""
    return _signed(crc32(b"window %d %d" % (bits, number >> bits)))


def codes_of(text: str, number: int) -> list[int]:
    """All codes of a message with this text for the index and this number."""
    grams = {text[place : place + 3] for place in range(len(text) - 2)}
    return [*{code_of(gram) for gram in grams}, *(window_code(number, bits) for bits in WINDOWS)]


def _signed(code: int) -> int:
    return code - 2**32 if code >= 2**31 else code
