"""Measures the search in a log of a million messages: `python -m bench.search --out docs`.

The messages are invented (`bench.chatter`) and written straight into the database; the index is made of them as the
server does it. Each kind of query is asked in several wordings, in turns. Two times are told: how long it took, which
other programs on the machine make longer, and the processor time in it, which they hardly do.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw
import click

from bench.chatter import ROOMS, Chatter
from trio_chat.model.events import Draft, Event
from trio_chat.search.query import parse_query
from trio_chat.store.sql.requests import Append
from trio_chat.store.sql.search import find_in_rooms
from trio_chat.store.sql.search_index import index_more
from trio_chat.store.sqlite.epochs import count_events
from trio_chat.store.sqlite.event_count import open_event_count
from trio_chat.store.sqlite.file import connect_to_read, connect_to_write, make_private, use_wal
from trio_chat.store.sqlite.schema import MIGRATIONS, migrate
from trio_chat.store.sqlite.writer import SqliteWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from trio_chat.store.sqlite.connection import SqliteConnection

BEGIN = "<!-- search: written by bench.search -->"
END = "<!-- end of search -->"

START_MS = 1_700_000_000_000
STEP_MS = 31_000
"""A million messages are a year."""
BATCH = 500
"""How many events the server indexes in one transaction."""
TARGET_MS = 50.0

ALL = tuple(f"room-{number}" for number in range(1, ROOMS + 1))
FEW = ALL[20:25]
RARE = ALL[-1:]


class Kind(NamedTuple):
    """A kind of query: its wordings, and the rooms of who asks."""

    title: str
    wordings: Sequence[str]
    rooms: Sequence[str] = ALL


class Times(NamedTuple):
    """What was measured: milliseconds, sorted."""

    wall: list[float]
    processor: list[float]

    def row(self, title: str, remark: str) -> str:
        """As a row of the table."""
        times = (_at(self.wall, 0.5), _at(self.wall, 0.95), self.wall[-1], _at(self.processor, 0.95))
        return f"| {title} | {' | '.join(f'{ms:.1f}' for ms in times)} | {remark} |"


def _at(times: Sequence[float], share: float) -> float:
    return times[min(len(times) - 1, int(len(times) * share))]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def kinds(chatter: Chatter) -> list[Kind]:
    """What is asked."""
    english = chatter.words["english"]
    common = [word for word in english[:40] if len(word) > 2][:12]
    usual = [word for word in english[500:700] if len(word) > 5][:12]
    rare = [word for word in english[20_000:20_400] if len(word) > 7][:12]
    long = [word for word in english[2_000:4_000] if len(word) > 9][:12]
    accents = [word for word in chatter.words["accents"][50:400] if len(word) > 4 and not word.isascii()][:12]
    cyrillic = [word for word in chatter.words["cyrillic"][50:400] if len(word) > 4][:12]
    arabic = [word for word in chatter.words["arabic"][50:400] if len(word) > 3][:12]
    hindi = [word for word in chatter.words["hindi"][50:400] if len(word) > 3][:12]
    return [
        Kind("a common word", common),
        Kind("a usual word", usual),
        Kind("a rare word", rare),
        Kind("two usual words", [f"{a} {b}" for a, b in itertools.pairwise(usual)]),
        Kind("a common and a rare word", [f"{a} {b}" for a, b in zip(common, rare, strict=True)]),
        Kind("a phrase", [f'"{a} {b}"' for a, b in itertools.pairwise(common)]),
        Kind("a part of a word", [word[2:-2] for word in long]),
        Kind("two letters", ["th", "an", "be", "qu", "xe", "to"]),
        Kind("Chinese, 1 character", ["一", "丁", "丕", "倀"]),
        Kind("Chinese, 2 characters", ["一丁", "丁七", "七万", "丕倀"]),
        Kind("Chinese, 3 characters", ["一丁七", "丁一丈", "万丈三"]),
        Kind("Thai", ["สวัสดี", "วันนี้ไป", "ไป", "ก"]),
        Kind("Cyrillic", cyrillic),
        Kind("Arabic", arabic),
        Kind("Hindi", hindi),
        Kind("accents", accents),
        Kind("code", ["foo_bar()", "a->b", "std::vector<int>", "->", "_items[0]"]),
        Kind("an address", ["https://example.org", "example.org/an", "org/the/1"]),
        Kind("an emoji", ["🎉", "👍", "❤️"]),
        Kind("has:link and a word", [f"has:link {word}" for word in usual]),
        Kind("from: a busy person", ["from:ada", "from:chloe", 'from:"bob 1"']),
        Kind(
            "from: a rare person, and a word",
            [f"from:{n} {w}" for n, w in zip(range(480, 492), common, strict=True)],
        ),
        Kind("in: a rare room, and a common word", [f"in:{RARE[0]} {word}" for word in common]),
        Kind("before: an early day, and a word", [f"before:2023-12-01 {word}" for word in usual]),
        Kind("a week, and nothing else", ["after:2024-03-01 before:2024-03-08"]),
        Kind("who has 5 rooms: a common word", common, FEW),
        Kind("who has 5 rooms: a rare word", rare, FEW),
        Kind("who has 1 rare room: a rare word", rare, RARE),
        Kind(
            "letters that are everywhere, and no hit", ["tionmentness", "ingerthoualous", '"the of the of"']
        ),
        Kind("letters that are nowhere", ["xqzzk", "qqqq", "zxzx"]),
        Kind("a long query", ["tion ment ness ing er al ous ly tra sch ple com per", " ".join(common)]),
    ]


def make_log(connection: SqliteConnection, messages: int, chatter: Chatter) -> None:
    """Write the messages straight into the tables, without what the search does not look at."""
    connection.executemany("INSERT INTO rooms (id, name, epoch) VALUES (?, ?, '')", enumerate(ALL, 1))
    seqs = dict.fromkeys(range(1, ROOMS + 1), 0)
    at_ms = itertools.count(START_MS, STEP_MS)
    source = chatter.messages(messages)
    while batch := list(itertools.islice(source, 5_000)):
        with connection:
            connection.executemany(
                "INSERT INTO events "
                "VALUES (?, ?, 'message', ?, ?, NULL, ?, ?, zeroblob(16), zeroblob(32), zeroblob(32))",
                _rows(batch, seqs, at_ms),
            )


def _rows(
    batch: Sequence[tuple[int, str, str, str]], seqs: dict[int, int], at_ms: Iterator[int]
) -> Iterator[tuple[int, int, str, str, int, str]]:
    for room, sender, name, text in batch:
        seqs[room] += 1
        yield room, seqs[room], sender, name, next(at_ms), text


def make_index(connection: SqliteConnection) -> Times:
    """As the server does it, but without a pause; a time for each batch."""
    return _timed(lambda: _index_batch(connection), until=lambda is_more: not is_more)


def _index_batch(connection: SqliteConnection) -> bool:
    connection.execute("BEGIN IMMEDIATE")
    is_more = index_more(connection, BATCH)
    connection.execute("COMMIT")
    return is_more


def _timed(action: Callable[[], bool], *, until: Callable[[bool], bool]) -> Times:
    times = Times([], [])
    is_over = False
    while not is_over:
        started = time.perf_counter(), time.thread_time()
        is_over = until(action())
        times.wall.append((time.perf_counter() - started[0]) * 1000)
        times.processor.append((time.thread_time() - started[1]) * 1000)
    return times


def ask(connection: SqliteConnection, those: Sequence[Kind], rounds: int) -> list[tuple[Kind, Times, float]]:
    """Each kind with its times and how many hits there are on a first page."""
    asked = [(kind, Times([], []), [0]) for kind in those]
    for number in range(rounds):
        for kind, times, hits in asked:
            typed = kind.wordings[number % len(kind.wordings)]
            started = time.perf_counter(), time.thread_time()
            matches = find_in_rooms(connection, kind.rooms, parse_query(typed))
            times.wall.append((time.perf_counter() - started[0]) * 1000)
            times.processor.append((time.thread_time() - started[1]) * 1000)
            hits[0] += len(matches.found)
    return [
        (kind, Times(sorted(times.wall), sorted(times.processor)), hits[0] / rounds)
        for kind, times, hits in asked
    ]


class Writing:
    """A thread that appends groups of 100 messages without a pause, and indexes them if it is to."""

    def __init__(
        self, name: str, path: Path, connection: SqliteConnection, chatter: Chatter, *, indexes: bool
    ) -> None:
        self._name = name
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._connection = connection
        self._path = path
        self._messages = [text for _, _, _, text in chatter.messages(2_000)]
        self._indexes = indexes
        self.written = 0
        self.seconds = 0.0
        self.processor_s = 0.0

    def __enter__(self) -> Writing:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with open_event_count(self._path) as count_file:
            writer = SqliteWriter(self._connection, count_events(self._connection), count_file.write)
            started = time.perf_counter()
            processor_started = time.thread_time()
            while not self._stop.is_set():
                drafts = [
                    Draft(
                        "message",
                        "p-1",
                        "Ada",
                        f"{self._name}-{self.written + n}",
                        self._messages[(self.written + n) % 2_000],
                    )
                    for n in range(100)
                ]
                (outcomes,) = writer.run_batch([Append(ALL[0], drafts, START_MS * 2)])
                assert all(isinstance(outcome, Event) for outcome in outcomes), outcomes
                self.written += 100
                if self._indexes:
                    writer.run_batch([lambda connection: index_more(connection, BATCH, {1})])
            self.seconds = time.perf_counter() - started
            self.processor_s = time.thread_time() - processor_started


def measure(messages: int, rounds: int, directory: Path) -> str:
    """Everything; the text for the page."""
    path = directory / "chat.db"
    make_private(path)
    writing = connect_to_write(path, vfs=None)
    use_wal(writing, path, "FULL")
    migrate(writing, path, MIGRATIONS)
    chatter = Chatter(1)
    _say(f"writing {messages:,} messages")
    make_log(writing, messages, chatter)
    _say("indexing")
    started = time.perf_counter()
    batches = make_index(writing)
    index_s = time.perf_counter() - started
    _checkpoint(writing)
    pages: list[Any] = writing.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
    sizes: dict[str, int] = dict(pages)
    index_bytes = sum(
        size for name, size in sizes.items() if name.startswith(("search", "docs", "sqlite_autoindex_docs"))
    )
    reading = connect_to_read(path, vfs=None)
    _say("asking")
    those = kinds(chatter)
    asked = ask(reading, those, rounds)
    _say("asking beside a writer")
    with Writing("alone", path, writing, chatter, indexes=False) as alone:
        time.sleep(5)
    _index_all(writing)
    with Writing("indexing", path, writing, chatter, indexes=True) as indexing:
        time.sleep(5)
    with Writing("beside", path, writing, chatter, indexes=True) as beside:
        beside_times = _together(ask(reading, those, max(3, rounds // 8)))
    _index_all(writing)
    _say("deleting")
    doomed = [(1, seq) for seq in range(1, 2_000, 10)]
    deleting = _timed(lambda: _delete(writing, doomed.pop()), until=lambda _: not doomed)
    together = _together(asked)
    lines = [
        f"{messages:,} messages in {ROOMS} rooms, {sizes['events'] / messages:.0f} bytes each in the log. "
        f"Load of the machine meanwhile: {os.getloadavg()[2]:.1f} on {os.cpu_count()} cores.",
        "",
        "| query | p50 ms | p95 ms | max ms | p95 ms of processor | hits on a page of 20 |",
        "|---|---|---|---|---|---|",
        *(times.row(kind.title, f"{hits:.1f}") for kind, times, hits in asked),
        together.row(f"**all {len(together.wall):,}** (target: p95 {TARGET_MS:.0f} ms)", ""),
        beside_times.row(f"all, beside a writer with {beside.written / beside.seconds:,.0f} messages/s", ""),
        "",
        "| figure | |",
        "|---|---|",
        f"| indexing, messages/s | {messages / index_s:,.0f} |",
        f"| the same for each second of processor | {messages / (sum(batches.processor) / 1000):,.0f} |",
        f"| {BATCH} messages more in the index hold the writer, ms (p50, p95, max) | {_three(batches.wall)} |",
        f"| of these in the processor | {_three(batches.processor)} |",
        f"| size of the index, bytes a message | {index_bytes / messages:.0f} "
        f"(grams {sizes['search_data'] / messages:.0f}) |",
        f"| a deletion takes out its grams, ms (p50, p95, max) | {_three(deleting.wall)} |",
        f"| of these in the processor | {_three(deleting.processor)} |",
        f"| a message costs a writer, µs of processor | {alone.processor_s / alone.written * 1e6:.0f} |",
        f"| and if it indexes it | {indexing.processor_s / indexing.written * 1e6:.0f} |",
    ]
    reading.close()
    writing.close()
    return "\n".join(lines)


def _index_all(connection: SqliteConnection) -> None:
    while _index_batch(connection):
        pass


def _delete(connection: SqliteConnection, message: tuple[int, int]) -> bool:
    connection.execute("BEGIN IMMEDIATE")
    room_id, seq = message
    connection.index.forget(connection, room_id, [seq])
    connection.execute("UPDATE events SET body = NULL WHERE room_id = ? AND seq = ?", message)
    connection.execute("COMMIT")
    return True


def _together(asked: Sequence[tuple[Kind, Times, float]]) -> Times:
    return Times(
        sorted(ms for _, times, _ in asked for ms in times.wall),
        sorted(ms for _, times, _ in asked for ms in times.processor),
    )


def _three(times: Sequence[float]) -> str:
    ordered = sorted(times)
    return ", ".join(f"{ms:.1f}" for ms in (_at(ordered, 0.5), _at(ordered, 0.95), ordered[-1]))


def _checkpoint(connection: SqliteConnection) -> None:
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)


def write_section(text: str, page: Path) -> None:
    """Put the text into the page, where it is said that it goes, or at its end."""
    before, begin, rest = page.read_text().partition(BEGIN)
    if not begin:
        before, rest = f"{before}\n## Search\n\n", f"{END}\n"
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


@click.command(help=__doc__)
@click.option("--messages", default=1_000_000, show_default=True, help="How many messages the log has.")
@click.option("--rounds", default=40, show_default=True, help="How often each kind of query is asked.")
@click.option("--out", type=click.Path(path_type=Path), help="The directory with the page performance.md.")
@click.option("--scratch", type=click.Path(path_type=Path), help="Where the log is made.")
def main(messages: int, rounds: int, out: Path | None, scratch: Path | None) -> None:
    """Runs the benchmark."""
    with tempfile.TemporaryDirectory(dir=scratch) as directory:
        text = measure(messages, rounds, Path(directory))
    print(text)
    if out is not None:
        write_section(text, out / "performance.md")


if __name__ == "__main__":
    main()
