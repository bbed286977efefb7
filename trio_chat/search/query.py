"""Search queries as people type them: words, "quoted phrases", and filters such as ``from:ada``.

Words and phrases must all be in a message; case and accents do not count. ``from:`` and ``in:`` may be given more than
once, and then any of them will do; a value with spaces is put in quotes (``from:"Ada Lovelace"``). What a message
``has:`` is a link, an image, a video, an audio file, a voice note, or another file; of several it must have each. A
space behind the colon does no harm. Days are those of UTC, ``after:`` a day begins with it and ``before:`` a day ends
before it; who means the days of another zone gives the moment at which one begins there. What looks like a filter and
is none (``std:vector``) is a word.

Pure.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import attrs

from trio_chat.errors import Refused
from trio_chat.model.names import normal_name
from trio_chat.search.grams import HAS, grams_of_term, normal

MAX_QUERY_CHARS: Final = 500

_PART: Final = re.compile(
    r"""
    (?:(?P<filter>from|in|has|before|after)[:：](?P<space>\s+(?!(?:from|in|has|before|after)[:：]))?)?
    (?:["“”„](?P<quoted>[^"“”„]*)["“”„]?|(?P<word>\S+))
    """,
    re.IGNORECASE | re.VERBOSE,
)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(
    _DAY.pattern + r"T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})", re.IGNORECASE
)


@attrs.frozen
class Sender:
    """Sender of messages, by name."""

    words: tuple[str, ...]
    """All of these are in the name under which they sent the message."""
    key: str | None
    """Or this is the key of their name today (`trio_chat.model.names.normal_name`)."""


@attrs.frozen
class Query:
    """Query: what a message must match. All texts are normal (`trio_chat.search.grams.normal`)."""

    terms: tuple[str, ...] = ()
    """Each of these must be in its text, or in the name or description of one of its files."""
    senders: tuple[Sender, ...] = ()
    """One of these must have sent it; empty: anybody."""
    rooms: tuple[str, ...] = ()
    """One of these must be its room's name, or in the room's title; empty: any room."""
    has: frozenset[str] = frozenset()
    """All of these (of `HAS`) it must have."""
    after_ms: int | None = None
    """It was sent then or later: milliseconds since 1970 UTC."""
    before_ms: int | None = None
    """It was sent earlier."""


def parse_query(typed: str) -> Query:
    """Parse what was typed. Raises `Refused` (``bad_query``)."""
    if len(typed) > MAX_QUERY_CHARS:
        raise _bad(f"A search has at most {MAX_QUERY_CHARS} characters.")
    terms: list[str] = []
    senders: list[Sender] = []
    rooms: list[str] = []
    has: set[str] = set()
    after: list[int] = []
    before: list[int] = []
    for part in _PART.finditer(typed):
        value = part["word"] if part["quoted"] is None else part["quoted"]
        filter_ = (part["filter"] or "").lower()
        if part["space"] and not _is_likely(filter_, value):
            terms += [normal(f"{filter_}:"), normal(value)]
            continue
        match filter_:
            case "from" if normal(value):
                senders.append(_sender(value))
            case "in" if normal(value):
                rooms.append(normal(value))
            case "has" if value.lower() in HAS:
                has.add(value.lower())
            case "after":
                after.append(_beginning_of(value))
            case "before":
                before.append(_beginning_of(value))
            case "":
                terms.append(normal(value))
            case _:
                terms.append(normal(part[0]))
    terms = [term for term in dict.fromkeys(terms) if term]
    if terms and not any(map(grams_of_term, terms)):
        raise _bad("That is too short to search for. Type at least the first two letters of a word.")
    query = Query(
        tuple(terms),
        tuple(senders),
        tuple(rooms),
        frozenset(has),
        max(after, default=None),
        min(before, default=None),
    )
    if query == Query():
        raise _bad("There is nothing to search for. Type a word, or a filter such as from:name.")
    return query


def _is_likely(name: str, value: str) -> bool:
    """Whether this is a filter although there is a space behind its colon, and no sentence with a colon in it."""
    match name:
        case "has":
            return value.lower() in HAS
        case "before" | "after":
            return _DAY.fullmatch(value) is not None
    return True


def _sender(name: str) -> Sender:
    try:
        key = normal_name(name)[1]
    except Refused:
        key = None
    return Sender(tuple(normal(name).split()), key)


def _beginning_of(day: str) -> int:
    """Midnight of a day, or the moment itself that was given, in milliseconds since 1970 UTC."""
    try:
        if _DAY.fullmatch(day):
            year, month, of_month = map(int, day.split("-"))
            return int(datetime(year, month, of_month, tzinfo=UTC).timestamp()) * 1000
        if _MOMENT.fullmatch(day):
            return int(datetime.fromisoformat(day.upper()).timestamp()) * 1000
    except (ValueError, OverflowError):
        pass
    raise _bad("A day is written like 2026-11-01, for example before:2026-11-01.")


def _bad(message: str) -> Refused:
    return Refused("bad_query", message)
