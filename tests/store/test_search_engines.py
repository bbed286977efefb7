"""The search of PostgreSQL finds what that of SQLite finds: on the same logs, in every script, in the same order."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.support.search_log import Log, postgresql_log, sqlite_log
from trio_chat.errors import Refused
from trio_chat.kinds.files import File
from trio_chat.store.postgresql import codes, search_candidates
from trio_chat.store.sql import search

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCRIPTS = (
    "abcdefghij", "äöüßéèñøłı", "абвгдйїў", "αβγδέώ", "אבגדשׁלוֹ", "مُحَمَّدكتـاب", "हिंदीमेंबात", "กขคงเแำ", "漢字仮名東京",
    "かがカガｶﾞ", "한국어안녕", "🎉👍🏽❤️👩‍👧", "()#@->:_.'", "0123456789", "ⅣℌＡ①\0",
)  # fmt: skip
ROOMS = ("lobby", "kitchen", "Küche")
PEOPLE = (("p-ada", "Ada"), ("p-bob", "Bob Müller"), ("g-1", "guest"))
FILES = (
    File("u-1", "Drachen 漢字.jpg", "image/jpeg", alt="A red kite"),
    File("u-2", "voice.ogg", "audio/ogg", ms=1),
)
FILTERS = (
    "from:ada", "from:muller", 'from:"bob müller"', "from:guest from:ada", "in:kitchen", "in:kuche in:lobby",
    'in:"herd und"', "has:image", "has:audio", "has:link", "after:2026-11-01T12:02Z", "before:2026-11-01T12:03Z",
)  # fmt: skip

N_EVENTS = 200
N_QUERIES = 40


@pytest.fixture
def logs(postgresql_template: str) -> Iterator[tuple[Log, Log]]:
    in_sqlite = sqlite_log()
    yield in_sqlite, postgresql_log()
    in_sqlite.connection.close()  # type: ignore[attr-defined]  # of SQLite


def a_word(rng: random.Random) -> str:
    letters = rng.choice(SCRIPTS)
    return "".join(rng.choice(letters) for _ in range(rng.randrange(1, 6)))


def write(logs: Sequence[Log], rng: random.Random, words: Sequence[str]) -> None:
    """The same in all logs, with edits and deletions, some of it indexed."""
    for log in logs:
        for name in ROOMS:
            log.room(name, title="Herd und Ofen" if name == "kitchen" else "")
        for person, name in PEOPLE:
            log.person(person, name)
    said: list[tuple[str, int]] = []
    for _ in range(N_EVENTS):
        what, room, (sender, name) = rng.random(), rng.choice(ROOMS), rng.choice(PEOPLE)
        text = rng.choice((" ", "", "\n")).join(rng.choices(words, k=rng.randrange(1, 9)))
        if rng.random() < 0.1:
            text += " https://example.org/"
        file = rng.choice(FILES)
        target = rng.randrange(len(said)) if said else 0
        limit = rng.choice((0, 0, 0, 0, 1, 5, 40))
        for log in logs:
            if what < 0.65 or not said:
                seq = log.say(text, room, sender=sender, name=name)
            elif what < 0.75:
                seq = log.share(text, file, room=room)
            elif what < 0.9:
                log.edit(said[target][1], text, said[target][0])
            else:
                log.delete(said[target][1], said[target][0])
            if limit:
                log.index_some(limit)
        if what < 0.75 or not said:
            said.append((room, seq))
        elif what >= 0.9:
            del said[target]


def a_query(rng: random.Random, words: Sequence[str]) -> str:
    parts = rng.sample(FILTERS, rng.choice((0, 0, 1, 2)))
    for _ in range(rng.choice((0, 1, 1, 2)) or (0 if parts else 1)):
        word = rng.choice(words)
        start = rng.randrange(len(word))
        parts.append(
            rng.choice((word, word[start : start + 3], f'"{word} {rng.choice(words)}"', a_word(rng)))
        )
    return " ".join(parts)


def found(log: Log, typed: str, limit: int) -> list[tuple[str, int, str, list[tuple[int, int]]]] | str:
    """All pages of what is found; or why not."""
    try:
        return [(hit.room, hit.seq, hit.text, hit.highlights) for hit in log.all_pages(typed, limit)]
    except Refused as refused:
        return refused.code


@pytest.mark.parametrize("seed", range(2))
def test_both_engines_find_the_same(
    logs: tuple[Log, Log], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if seed % 2:  # many small windows and steps
        for module in (codes, search_candidates):
            monkeypatch.setattr(module, "WINDOWS", (1, 3, 5))
        monkeypatch.setattr(search_candidates, "MAX_WINDOWS", 2)
        monkeypatch.setattr(search, "STEPS", ((4, 2), (8, 3)))
    rng = random.Random(seed)
    words = [a_word(rng) for _ in range(30)]
    write(logs, rng, words)
    n_found = 0
    for _ in range(N_QUERIES):
        typed, limit = a_query(rng, words), rng.choice((2, 7, 1_000))
        in_sqlite, in_postgresql = (found(log, typed, limit) for log in logs)
        assert in_postgresql == in_sqlite, typed
        n_found += len(in_sqlite)
    assert n_found > N_QUERIES
    for log in logs:
        log.index()
    for _ in range(N_QUERIES):
        typed, limit = a_query(rng, words), rng.choice((2, 7, 1_000))
        in_sqlite, in_postgresql = (found(log, typed, limit) for log in logs)
        assert in_postgresql == in_sqlite, typed


def test_what_is_deleted_while_it_is_put_in_is_taken_out_again(logs: tuple[Log, Log]) -> None:
    """Another node's transaction that deletes it finds nothing to take out yet."""
    _, log = logs
    secret = log.say("a secret word")
    log.index()
    codes_of_it = log.connection.execute("SELECT grams FROM docs").get
    log.delete(secret)
    log.connection.execute("UPDATE docs SET grams = ?", (codes_of_it,))
    log.index()
    assert log.connection.execute("SELECT grams FROM docs").get == []
