"""The search: what is found, what is not, and what is left of deleted words."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

import apsw
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support.search_log import NOON, Log, postgresql_log, sqlite_log
from tests.support.thorough import share
from trio_chat.errors import Refused
from trio_chat.kinds.files import File
from trio_chat.kinds.forms import write_body
from trio_chat.kinds.messages import EDIT, POST, Post
from trio_chat.search.grams import gram, indexed_text, normal, normal_with_places, room_code, sender_code
from trio_chat.store.postgresql.codes import WINDOWS, code_of, window_code
from trio_chat.store.postgresql.connection import PostgresqlConnection
from trio_chat.store.sql import search, search_candidates
from trio_chat.store.sql.search_index import MAX_CHARS, index_more
from trio_chat.store.sqlite.connection import SqliteConnection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trio_chat.store.sql.search import Match


DAY = 86_400_000


@pytest.fixture(params=["sqlite", "postgresql"])
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    if request.param == "postgresql":
        request.getfixturevalue("postgresql_template")
        yield postgresql_log()
        return
    log = sqlite_log()
    yield log
    close(log)


@pytest.fixture
def log_in_sqlite() -> Iterator[Log]:
    log = sqlite_log()
    yield log
    close(log)


def close(log: Log) -> None:
    assert isinstance(log.connection, SqliteConnection)
    log.connection.close()


def marked(hit: Match) -> list[str]:
    return [hit.text[start:end] for start, end in hit.highlights]


# What is found, indexed or not


@pytest.fixture(params=["indexed", "not indexed yet"])
def is_indexed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "indexed")


@pytest.mark.parametrize(
    ("text", "typed", "marks"),
    [
        ("Good morning, everybody!", "morning", ["morning"]),
        ("Good morning, everybody!", "GOOD every", ["Good", "every"]),
        ("Good morning, everybody!", "orni", ["orni"]),
        ("Good \n morning", '"good morning"', ["Good \n morning"]),
        ("see you at ten", "at", ["at"]),
        ("(at) #go @me", "go me at", ["at", "go", "me"]),
        ("plan b it is", "plan b", ["plan", "b"]),
        ("le café crème", "cafe CREME", ["café", "crème"]),
        ("le cafe\u0301 noir", "café", ["cafe\u0301"]),
        ("cafe", "café", ["cafe"]),
        ("Straße", "strasse", ["Straße"]),
        ("STRASSE", "straße", ["STRASSE"]),
        ("İstanbul ve Isparta", "istanbul ısparta", ["İstanbul", "Isparta"]),
        ("smørrebrød i Łódź", "smorrebrod lodz", ["smørrebrød", "Łódź"]),
        ("don’t “panic”", 'don\'t "panic"', ["don’t", "panic"]),
        ("ﬁne ＡＢＣ", "fine abc", ["ﬁne", "ＡＢＣ"]),
        ("co\u00adop\u200berate", "cooperate", ["co\u00adop\u200berate"]),
        ("Привет, как дела? Ещё раз", "ПРИВЕТ еще", ["Привет", "Ещё"]),
        ("мой дом", "мой", ["мой"]),
        ("我们明天去北京吃饭", "北京", ["北京"]),
        ("我们明天去北京吃饭", "京", ["京"]),
        ("我们明天去北京吃饭", "明天去", ["明天去"]),
        ("我们明天去北京吃饭", "北京 我们", ["我们", "北京"]),
        ("会議は3月10日です", "3月", ["3月"]),
        ("会議は3月10日です", "日で", ["日で"]),
        ("ありがとうございます", "とう", ["とう"]),
        ("ｶﾞﾗｽのコップ", "ガラス", ["ｶﾞﾗｽ"]),
        ("か\u3099くせい", "がくせい", ["か\u3099くせい"]),
        ("긴급회의 시작", "회의", ["회의"]),
        ("스트레스", "\u1109\u1173\u1110\u1173", ["스트"]),
        ("สวัสดีครับวันนี้ไปไหน", "วันนี้", ["วันนี้"]),
        ("สวัสดีครับวันนี้ไปไหน", "ไป", ["ไป"]),
        ("ສະບາຍດີ", "ບາຍ", ["ບາຍ"]),
        ("ជំរាបសួរ", "រា", ["រា"]),
        ("مُحَمَّد في البيت", "محمد", ["مُحَمَّد"]),
        ("كتـــاب جديد", "كتاب", ["كتـــاب"]),
        ("שָׁלוֹם עולם", "שלום", ["שָׁלוֹם"]),
        ("हिंदी में बात करें", "हिंदी", ["हिंदी"]),
        ("हिंदी में बात करें", "बात", ["बात"]),
        ("call foo_bar() twice", "foo_bar()", ["foo_bar()"]),
        ("call foo_bar() twice", "o_b", ["o_b"]),
        ("call foo_bar() twice", "bar", ["bar"]),
        ("p = a->b; q = c::d", "a->b c::d", ["a->b", "c::d"]),
        ("p = a->b", "->", ["->"]),
        ("C++ and C#", "c#", ["C#"]),
        ('x = "it\'s" -- OR 1=1', '"it\'s" or --', ["it's", "--", "OR"]),
        ('a" NEAR(b c) * ^d', 'near(b "c) * ^d"', ["NEAR(b", "c) * ^d"]),
        ("see https://example.org/a?b=c#d", "https://example.org/a?b=c#d", ["https://example.org/a?b=c#d"]),
        ("see https://example.org/a?b=c#d", "example.org", ["example.org"]),
        ("Party 🎉🎉 now", "🎉", ["🎉🎉"]),
        ("well done 👍🏽", "👍", ["👍"]),
        ("I ❤️ it", "❤", ["❤️"]),
        ("👨‍👩‍👧 came", "👨‍👩‍👧", ["👨‍👩‍👧"]),
        ("nul\0byte", "nul byte", ["nul", "byte"]),
    ],
)
def test_a_message_is_found_and_the_terms_are_highlighted(
    log: Log, text: str, typed: str, marks: list[str], is_indexed: bool
) -> None:
    log.say("something else altogether")
    seq = log.say(text)
    if is_indexed:
        log.index()
    (hit,) = log.find(typed).found
    assert (hit.room, hit.seq, hit.at_ms, hit.text) == ("lobby", seq, NOON + 1_000, text)
    assert marked(hit) == marks


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("format", "at"),  # two letters count at the beginning of a word
        ("plan ab", "plan b"),
        ("мои друзья", "мой"),
        ("か", "が"),
        ("มา", "มี"),
        ("abcd bcde", '"abcd cde"'),
        ("good morning", "good evening"),
        ("gram mars", "grammars"),
        ("a link: example.org", "has:link"),
    ],
)
def test_a_text_that_only_looks_like_the_term_is_not_found(
    log: Log, text: str, typed: str, is_indexed: bool
) -> None:
    log.say(text)
    if is_indexed:
        log.index()
    assert log.found(typed) == []


SCRIPTS = (
    "abcdefgh éèßİıøÅ"
    + "あがアガｶﾞ漢字日本"
    + "한국어"
    + "สวัสดีครับ"
    + "مرحبا أ"
    + "नमस्ते"
    + "привет йё"
    + "🎉👍🏽❤️ ._-()>:/\"'*"
)
TEXTS = st.one_of(st.text(SCRIPTS, min_size=3, max_size=40), st.text(min_size=3, max_size=40))


def is_cut(text: str, place: int) -> bool:
    """Whether a character and what changes it are parted here."""
    return 0 < place < len(text) and (
        unicodedata.category(text[place])[0] == "M"
        or text[place] in "\uff9e\uff9f"
        or "\u1160" <= text[place] <= "\u11ff"
    )


@cache
def one_log_for_all() -> Log:
    return sqlite_log()


@settings(max_examples=share(300), deadline=None)
@given(st.data())
def test_every_part_of_a_text_of_three_characters_or_more_is_found(data: st.DataObject) -> None:
    text = data.draw(TEXTS.filter(lambda text: text.isprintable()))
    start = data.draw(st.integers(0, len(text) - 3))
    end = data.draw(st.integers(start + 3, len(text)))
    assume(not is_cut(text, start) and not is_cut(text, end))
    part = text[start:end].replace('"', " ").replace("“", " ").replace("”", " ").replace("„", " ")
    assume(part == text[start:end] and len(normal(part)) >= 3)
    log = one_log_for_all()
    log.say(text)
    log.share("", File("u-1", text))
    log.index()
    shared, hit = log.find(f'"{part}"').found[:2]
    assert (shared.text, shared.highlights) == ("", [])
    assert hit.text == text
    start_found, end_found = hit.highlights[0]
    assert normal(text[start_found:end_found]).startswith(normal(part)[:3])


@given(TEXTS)
def test_places_in_a_normal_text_lead_back_to_the_original(text: str) -> None:
    found = normal_with_places(text)
    assert found.text == normal(text)
    assert len(found.text) <= len(found.starts) == len(found.ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(found.starts, found.ends, strict=True))
    assert list(found.starts) == sorted(found.starts)


def test_no_text_can_pretend_to_be_a_code(log: Log) -> None:
    log.say(gram(room_code(log.room("lobby"))) + gram(sender_code("p-bob")) + " hello")
    log.index()
    assert log.found("from:bob") == []
    assert "\U0010c001" not in normal("".join(map(chr, range(0x100000, 0x10FFFE))))


# Filters


def test_filters_restrict_what_is_found(log: Log, is_indexed: bool) -> None:
    log.person("p-ada", "Ada")
    log.person("p-bob", "Robert")
    log.room("~d1", kind="direct")
    for person_id in ("p-ada", "p-bob"):
        log.connection.execute("INSERT INTO members VALUES (?, ?, '', 1)", (log.room("~d1"), person_id))
    log.room("kitchen", title="Küche und Herd")
    log.say("word by ada")
    log.say("word by bob", "kitchen", sender="p-bob", name="Bob Müller")
    log.now_ms += DAY
    log.say("word on http://example.org/", "~d1", sender="g-1", name="guest")
    log.write(
        "kitchen", POST, write_body(Post("word of mine", reply_to=1)), sender="p-bob", name="Bob Müller"
    )
    if is_indexed:
        log.index()
    ada, bob, link, reply = ("word by ada", "word by bob", "word on http://example.org/", "word of mine")
    assert log.found("word") == [reply, link, bob, ada]
    assert log.found("from:ada") == [ada]
    assert log.found("from:bob") == log.found('from:"muller bob"') == log.found("from:robert") == [reply, bob]
    assert log.found("from:bob from:guest") == [reply, link, bob]
    assert log.found("from:nobody") == log.found("from:muell") == []
    assert log.found("in:lobby") == [ada]
    assert log.found("in:kuche word") == log.found('in:"und herd" word') == [reply, bob]
    assert log.found("in:lobby in:kitchen") == [reply, bob, ada]
    assert log.found("in:robert") == [link]
    assert log.found("in:nowhere word") == []
    assert log.found("has:link") == [link]
    assert log.found("before:2026-11-02 word") == [bob, ada]
    assert log.found("before:2026-11-02") == [bob, ada]
    assert log.found("after:2026-11-02 word") == [reply, link]
    assert log.found("after:2026-11-02 before:2026-11-03 from:bob in:kitchen word mine") == [reply]
    assert log.found("after:2026-11-03") == log.found("before:2026-11-01") == []
    assert log.found("word", "lobby") == [ada]
    assert log.found("word in:kitchen", "lobby") == []
    assert log.found("word", "no such room") == []


KITE = File("u-1", "IMG_2041-Drachen.jpg", "image/jpeg", width=4, height=3, alt="A red kite")
FILM = File("u-2", "kite.mp4", "video/mp4")
SONG = File("u-3", "風の歌.ogg", "audio/ogg")
NOTE = File("u-4", "voice.webm", "audio/webm", ms=3_141)
PAPER = File("u-5", "Q3 report (final).pdf", "application/pdf")
RAW = File("u-6", "raw.png", "image/png", as_file=True)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("has:image", ["picture", "both"]),
        ("has:video", ["film"]),
        ("has:audio", ["song"]),
        ("has:voice", ["note"]),
        ("has:file", ["paper", "raw", "both"]),
        ("has:image has:file", ["both"]),
        ("has:image has:link", []),
        ("has:link", ["see https://example.org/drachen.jpg"]),
        ("drachen.jpg", ["picture", "see https://example.org/drachen.jpg", "both"]),
        ("has:image drachen", ["picture", "both"]),
        ("img 2041", ["picture", "both"]),
        ('"red kite"', ["picture", "both"]),
        ("kite", ["picture", "film", "both"]),
        ("風", ["song"]),
        ("の歌", ["song"]),
        ("report final both", ["both"]),
        ('"both q3"', []),  # no phrase goes from a text into a name, nor from one name into another
        ('"kite q3"', []),
        ("q3", ["paper", "both"]),
        ("u-5", []),
    ],
)
def test_messages_are_found_by_what_files_they_have_and_how_those_are_called(
    log: Log, typed: str, found: list[str], is_indexed: bool
) -> None:
    log.say("see https://example.org/drachen.jpg")
    for text, files in (
        ("picture", [KITE]),
        ("film", [FILM]),
        ("song", [SONG]),
        ("note", [NOTE]),
        ("paper", [PAPER]),
        ("raw", [RAW]),
        ("both", [KITE, PAPER]),
    ):
        log.share(text, *files)
    if is_indexed:
        log.index()
    assert sorted(log.found(typed)) == sorted(found)


def test_a_name_found_is_no_place_in_the_text(log: Log, is_indexed: bool) -> None:
    log.share("a red one", KITE)
    log.share("", KITE)
    if is_indexed:
        log.index()
    assert [marked(hit) for hit in log.find("red kite").found] == [[], ["red"]]


@pytest.mark.parametrize("batch", [1, 100])
@pytest.mark.parametrize("when", ["before", "between", "after"])
def test_files_are_found_after_an_edit_and_forgotten_with_their_message(
    log: Log, when: str, batch: int
) -> None:
    seq = log.share("the first words", KITE)
    if when == "between":
        log.index(batch)
    log.edit(seq, "see https://example.org/")
    if when == "after":
        log.index(batch)
    for typed in ("drachen has:image has:link", "https kite"):
        assert log.found(typed) == ["see https://example.org/"]
    assert log.found("first kite") == []
    log.delete(seq)
    log.index(batch)
    assert log.found("drachen") == log.found("has:image") == log.found("kite") == []
    assert grams_in(log) == set()


def test_messages_of_a_day_are_found_although_the_clock_went_back(log: Log) -> None:
    log.now_ms = NOON + DAY // 2 - 1
    before = log.say("one word before midnight")
    after = log.say("one word after midnight")
    log.now_ms -= 2_000
    again = log.say("one word before midnight again")
    log.index()
    assert [hit.seq for hit in log.find("word before:2026-11-02").found] == [again, before]
    assert [hit.seq for hit in log.find("word after:2026-11-02").found] == [after]


# Pages


@pytest.mark.parametrize("n_indexed", [0, 20, 60])
@pytest.mark.parametrize("rooms", [1, 3])
def test_following_the_cursor_finds_everything_once_and_newest_first(
    log: Log, n_indexed: int, rooms: int
) -> None:
    for number in range(60):
        log.say(f"number {number}", f"room-{number % rooms}")
        if number + 1 == n_indexed:
            log.index()
    for limit in (1, 7, 60, 100):
        hits = log.all_pages("number", limit)
        assert [hit.text for hit in hits] == [f"number {number}" for number in reversed(range(60))]


def test_a_cursor_holds_when_the_index_moves_on_and_its_message_is_deleted(log: Log) -> None:
    for number in range(10):
        log.say(f"number {number}")
    page = log.find("number", limit=4)
    assert [hit.seq for hit in page.found] == [10, 9, 8, 7]
    log.delete(7)
    log.index()
    log.say("number 10")
    page = log.find("number", cursor=page.cursor, limit=4)
    assert [hit.seq for hit in page.found] == [6, 5, 4, 3]
    log.delete(3)
    assert [hit.seq for hit in log.find("number", cursor=page.cursor).found] == [2, 1]


@pytest.mark.parametrize("moves_at", range(7))
def test_following_the_cursor_finds_everything_while_the_index_moves_on(log: Log, moves_at: int) -> None:
    for number in range(10):
        log.say(f"number {number}" if number not in (2, 5) else "nothing yet")
    log.index()
    log.say("number 10")
    log.edit(3, "number 2")
    log.edit(6, "number 5")
    log.edit(8, "gone")
    log.say("number 11")
    texts: list[str] = []
    cursor = None
    for number in range(7):
        if number == moves_at:
            log.index()
        page = log.find("number", cursor=cursor, limit=2)
        texts += [hit.text for hit in page.found]
        cursor = page.cursor
        if cursor is None:
            break
    assert texts == [f"number {number}" for number in reversed(range(12)) if number != 7]


def test_results_may_be_few_and_yet_have_a_cursor(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "STEPS", ((3, 2),))
    for number in range(20):
        log.say("hello world, word" if number % 10 == 0 else f"hel ell llo {number}")
    log.index()
    page = log.find("hello")
    assert (page.found, page.cursor) == ([], "19")
    assert [hit.seq for hit in log.all_pages("hello", 5)] == [11, 1]


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1@elsewhere", "9@lobby", "@lobby", "²", "1" * 30])
def test_an_invalid_cursor_is_refused(log: Log, cursor: str) -> None:
    log.say("hello")
    log.say("hello", "elsewhere")
    with pytest.raises(Refused, match="without one") as caught:
        log.find("hello", "lobby", cursor=cursor)
    assert caught.value.code == "bad_query"


# Following the log


def test_events_of_all_rooms_are_indexed_in_the_order_of_their_times(log: Log) -> None:
    for number in range(300):
        log.say(f"number {number}", f"room-{'abbccc'[number * 7 % 6]}")
    batches = 0
    while log.index_some(50):
        batches += 1
    assert batches == 6
    assert [hit.text for hit in log.all_pages("number", 50)] == [f"number {n}" for n in reversed(range(300))]
    assert log.connection.execute("SELECT id FROM docs ORDER BY at_ms").fetchall() == [
        (n + 1,) for n in range(300)
    ]


def test_of_long_messages_few_are_indexed_at_a_time(log: Log) -> None:
    """A hundred of 4,000 characters held every commit for 150 ms."""
    for number in range(10):
        log.say(f"number {number} " + "and so on " * (MAX_CHARS // 40))
    assert log.index_some(100)
    assert log.connection.execute("SELECT count(*) FROM docs").get == 4
    log.index(100)
    assert len(log.all_pages("number", 20)) == 10


def test_only_the_named_rooms_are_indexed(log: Log) -> None:
    log.say("hello", "a")
    log.say("hello", "b")
    index_more(log.connection, 10, {log.room("b")})
    assert log.connection.execute("SELECT room_id FROM indexed").fetchall() == [(log.room("b"),)]


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_an_edited_message_is_found_by_its_text_of_now(log: Log, batch: int) -> None:
    first = log.say("the first words")
    log.edit(first, "other things")
    if batch == 1:
        log.index(batch)
    log.edit(first, "the third version")
    last = log.say("another message")
    assert [log.found(word) for word in ("first", "other", "third")] == [
        [],
        ["another message"],
        ["the third version"],
    ]
    log.index(batch)
    assert [log.found(word) for word in ("first", "other", "third")] == [
        [],
        ["another message"],
        ["the third version"],
    ]
    log.edit(last, "the last words")
    log.edit(first, "back at the first words")
    expected = ["the last words", "back at the first words"]
    assert log.found("words") == expected
    assert [hit.text for hit in log.all_pages("words", 1)] == expected
    log.index(batch)
    assert log.found("words") == expected
    assert log.found("another") == []
    assert grams_in(log) == grams_of(log, *reversed(expected))


@pytest.mark.parametrize("batch", [1, 100])
@pytest.mark.parametrize("when", ["before", "between", "after"])
def test_a_deleted_message_is_not_found_and_leaves_no_grams(log: Log, when: str, batch: int) -> None:
    seq = log.say("secret words")
    if when == "between":
        log.index(batch)
    log.edit(seq, "hidden words")
    if when == "after":
        log.index(batch)
    log.delete(seq)
    assert log.found("words") == []
    log.index(batch)
    assert log.found("words") == []
    assert grams_in(log) == set()


def grams_of(log: Log, *texts: str) -> set[str]:
    grams = set()
    for text in texts:
        written = indexed_text(text, room_id=log.room("lobby"), sender="p-ada", name="Ada")
        grams |= {written[place : place + 3] for place in range(len(written) - 2)}
    return {str(code_of(gram)) for gram in grams} if is_in_postgresql(log) else grams


def is_in_postgresql(log: Log) -> bool:
    return isinstance(log.connection, PostgresqlConnection)


def grams_in(log: Log) -> set[str]:
    """All that the index knows: grams, or codes of them."""
    if is_in_postgresql(log):
        codes = {code for (code,) in log.connection.execute("SELECT unnest(grams) FROM docs")}
        return {str(code) for code in codes - {window_code(0, bits) for bits in WINDOWS}}
    log.connection.execute("CREATE VIRTUAL TABLE IF NOT EXISTS temp.terms USING fts5vocab(main, search, row)")
    return {term for (term,) in log.connection.execute("SELECT term FROM temp.terms")}


def test_no_gram_of_a_deleted_message_stays_in_the_files(tmp_path: Path) -> None:
    log = sqlite_log(str(tmp_path / "chat.db"))
    assert isinstance(log.connection, SqliteConnection)
    for number in range(300):
        log.say(f"message number {number}")
    seq = log.share("Xylophone-Quagga", File("u-1", "Quokka.png", "image/png", alt="Jqvxzwk"))
    log.index(40)
    edit = log.edit(seq, "Ziggurat 漢字仮名")
    log.index()
    log.say("the end")
    log.index()
    log.delete(seq)
    log.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"message number 7" in held
    texts = ("xylophone-quagga", "ziggurat", "quokka", "jqvxzwk")
    words = {text[place : place + 3] for text in texts for place in range(len(text) - 2)}
    words -= {"one", "igg"}  # stand in the schema: none, trigger
    assert [word for word in words | set("漢字仮名") if word.encode() in held] == []
    assert edit
    log.connection.execute("INSERT INTO search (search) VALUES ('integrity-check')")
    log.connection.close()


def test_an_index_of_another_version_is_rebuilt(log: Log) -> None:
    log.say("hello world")
    log.index()
    log.connection.execute("UPDATE meta SET value = '0/1' WHERE key = 'search'")
    with log.transaction():
        log.connection.index.clear(log.connection)
    assert log.found("hello") == []
    log.index()
    assert log.found("hello") == ["hello world"]


def test_unknown_events_hide_no_others(log: Log) -> None:
    log.say("hello one")
    log.write("lobby", POST, "{no json")
    log.write("lobby", EDIT, "{no json")
    log.write("lobby", EDIT, '{"target":77,"text":"hello nobody"}')
    log.write("lobby", "vote", '{"on":"hello"}')
    log.say("hello two")
    assert log.found("hello") == ["hello two", "hello one"]
    log.index(2)
    assert log.found("hello") == ["hello two", "hello one"]


def test_too_many_unindexed_events_are_not_looked_through(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_candidates, "MAX_UNINDEXED", 2)
    log.say("hello one")
    log.index()
    log.say("hello two")
    log.say("hello three")
    assert log.found("hello") == ["hello three", "hello two", "hello one"]
    log.say("hello four")
    assert log.found("hello") == ["hello one"]


def test_damaged_and_unknown_events_hide_no_others(log_in_sqlite: Log) -> None:
    log = log_in_sqlite
    log.say("hello one")
    log.write("lobby", POST, "{no json")
    log.write("lobby", EDIT, "{no json")
    log.write("lobby", EDIT, '{"target":77,"text":"hello nobody"}')
    log.write("lobby", "vote", '{"on":"hello"}')
    log.connection.execute(
        "INSERT INTO events SELECT room_id, 6, kind, sender, name, NULL, at_ms, CAST(x'ff68656c6c6f' AS TEXT), "
        "salt, x'', x'' FROM events WHERE seq = 1"
    )
    log.say("hello two")
    assert log.found("hello") == ["hello two", "\ufffdhello", "hello one"]
    log.index(2)
    assert log.found("hello") == ["hello two", "\ufffdhello", "hello one"]


# Bounds


def test_the_database_hears_something_after_each_long_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it takes an indexer of many long texts for one that hangs, again and again."""
    log = postgresql_log()
    sizes: list[int] = []
    for number in range(5):
        log.say("漢字" * 10_000 + f" {number}")
    executemany = PostgresqlConnection.executemany

    def noted(self: PostgresqlConnection, statement: str, rows: list[object]) -> None:
        if statement.startswith("INSERT INTO docs"):
            sizes.append(len(rows))
        executemany(self, statement, rows)

    monkeypatch.setattr(PostgresqlConnection, "executemany", noted)
    log.index()
    assert sizes == [1] * 5
    assert len(log.find("漢字").found) == 5


def test_with_many_rooms_the_proposals_are_filtered_by_room(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        log.say(f"number {number}", f"room-{number % 10}")
    log.index()
    mine = [f"room-{number}" for number in range(5)]
    expected = log.found("number", *mine)
    assert len(expected) == 15
    monkeypatch.setattr(search_candidates, "MAX_ROOMS_LOOKED_UP", 4)
    assert log.found("number", *mine) == expected


def test_the_longest_query_and_text_are_searched(log: Log) -> None:
    words = " ".join(f"{number:03}" for number in range(16_000))
    log.say(words)
    log.say("漢" * 20_000)
    log.say("e\u0301\u0302\u0303" * 15_000)
    log.say('"' * 60_000)
    log.index()
    assert len(log.find(words[:499]).found) == 1
    assert len(log.find("漢" * 500).found) == 1
    assert len(log.find("漢").found[0].highlights) == 1
    assert len(log.find("e" * 400).found) == 1
    assert len(log.find('near("""').found) == 0
    assert len(log.find("000 001").found[0].highlights) >= 1
    for seq in range(1, 5):
        log.delete(seq)
    assert grams_in(log) == set()
