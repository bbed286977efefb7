"""Texts as PostgreSQL takes them: it has no NUL, neither as a character nor as ``\\u0000`` in JSON.

NUL is written as two characters U+0001, and U+0001 as U+0001 U+0002; likewise their escapes inside JSON. So order and
equality of texts are as before, beginnings stay beginnings, and all comes back as it was.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from psycopg.adapt import Dumper, Loader
from psycopg.types.numeric import Int8Dumper

if TYPE_CHECKING:
    from psycopg.abc import AdaptContext, Buffer

_ESCAPES = re.compile(r"\\(?:u000([01])|.)", re.DOTALL)
_PAIRS = re.compile(r"\\(?:u0001\\u000([12])|.)", re.DOTALL)


def escaped(text: str) -> str:
    """The text as it is stored."""
    if "\0" in text or "\1" in text:
        text = text.replace("\1", "\1\2").replace("\0", "\1\1")
    if "\\u000" in text:
        text = _ESCAPES.sub(_escape, text)
    return text


def unescaped(text: str) -> str:
    """The text of which this one is stored."""
    if "\1" in text:
        text = text.replace("\1\1", "\0").replace("\1\2", "\1")
    if "\\u0001" in text:
        text = _PAIRS.sub(_unescape, text)
    return text


def _escape(found: re.Match[str]) -> str:
    return f"\\u0001\\u000{2 if found[1] == '1' else 1}" if found[1] else found[0]


def _unescape(found: re.Match[str]) -> str:
    return f"\\u000{int(found[1]) - 1}" if found[1] else found[0]


class _TextDumper(Dumper):
    oid = 25

    def dump(self, obj: str) -> bytes:
        return escaped(obj).encode()


class _FlagDumper(Dumper):
    oid = 20

    def dump(self, obj: bool) -> bytes:
        return b"1" if obj else b"0"


class _TextLoader(Loader):
    def load(self, data: Buffer) -> str:
        return unescaped(bytes(data).decode())


class _SumLoader(Loader):
    def load(self, data: Buffer) -> int:
        return int(bytes(data))


def adapt(context: AdaptContext) -> None:
    """Make a connection give and take what the functions of a store do: any text, flags as integers, whole numbers as
    64 bits (a sum of those is numeric to PostgreSQL)."""
    context.adapters.register_dumper(str, _TextDumper)
    context.adapters.register_dumper(int, Int8Dumper)
    context.adapters.register_dumper(bool, _FlagDumper)
    context.adapters.register_loader("text", _TextLoader)
    context.adapters.register_loader("numeric", _SumLoader)
