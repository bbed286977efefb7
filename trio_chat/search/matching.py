"""Matching: does a message match a query, and where in its text?

Whatever the index proposes is compared here, so nothing is found that is not there. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trio_chat.model.links import has_link
from trio_chat.search.grams import normal, normal_with_places, places_of, words_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from trio_chat.kinds.files import File
    from trio_chat.search.query import Query

MAX_HIGHLIGHTS: Final = 50


def is_sent_then(query: Query, at_ms: int) -> bool:
    """Whether a message was sent on the days of the query."""
    return (query.after_ms is None or at_ms >= query.after_ms) and (
        query.before_ms is None or at_ms < query.before_ms
    )


def is_sent_by(query: Query, sender: str, name: str, person_ids: Collection[str]) -> bool:
    """Whether a message is by a sender of the query; ``person_ids``: people who have one of these names today."""
    if not query.senders or sender in person_ids:
        return True
    words = set(normal(name).split())
    return any(words.issuperset(wanted.words) for wanted in query.senders)


def says_it(query: Query, text: str, files: Sequence[File] = ()) -> bool:
    """Whether a message of this text with these files has all that the query asks for."""
    kinds = {file.kind for file in files}
    for what in query.has:
        if not (has_link(text) if what == "link" else what in kinds):
            return False
    searched = [normal(text), *map(normal, words_of(files))]
    return all(any(places_of(term, words) for words in searched) for term in query.terms)


def highlights_in(terms: Iterable[str], text: str) -> list[tuple[int, int]]:
    """Where the terms are: (start, end) in code points of the text, ascending, disjoint, at most `MAX_HIGHLIGHTS`."""
    searched = normal_with_places(text)
    found = sorted(
        (searched.starts[place], searched.ends[place + len(term) - 1])
        for term in terms
        for place in places_of(term, searched.text)
    )
    highlights: list[tuple[int, int]] = []
    for start, end in found:
        if highlights and start <= highlights[-1][1]:
            highlights[-1] = highlights[-1][0], max(end, highlights[-1][1])
        else:
            highlights.append((start, end))
    return highlights[:MAX_HIGHLIGHTS]
