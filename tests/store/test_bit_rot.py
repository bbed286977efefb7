"""Bits that flip by themselves, and write-ahead logs that were cut: noticed or harmless, and never a wrong word.

Seeded; ``BIT_FLIPS=2000 pytest tests/store/test_bit_rot.py`` tries more of each, ``BIT_FLIPS_SEED`` others.
"""

from __future__ import annotations

import logging
import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.support.damage import BIG, Files, drafts, flipped, put, take, whole
from tests.support.thorough import share
from trio_chat.errors import StartError, StoreError
from trio_chat.model.events import DAMAGED, Event
from trio_chat.store.sqlite.open import open_sqlite_store
from trio_chat.store.sqlite.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

    from trio_chat.model.events import Position

FLIPS = int(os.environ.get("BIT_FLIPS", share(100)))
SEED = int(os.environ.get("BIT_FLIPS_SEED", "1"))

PAGE = 4096
ROOMS = ("lobby", "kitchen")

Logs = dict[str, list[Event]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "chat.db"


async def make_log(path: Path, *, rounds: int = 40) -> tuple[Logs, dict[str, Position], Files, Files]:
    """A log, its files as a crash would leave them, and as a clean close does.

    More rounds fill so many pages that SQLite brings them into the main file by itself: then nothing is lost with the
    write-ahead log."""
    async with open_sqlite_store(path, synchronous="OFF") as store:
        for number in range(rounds):
            for room in ROOMS:
                texts = [f"{room} {number} {n} " + "hello " * n for n in range(5)]
                await store.append(room, drafts(*texts), at_ms=1_700_000_000_000)
        logs = {room: await whole(store, room) for room in ROOMS}
        positions = {room: await store.position(room) for room in ROOMS}
        crashed = take(path.parent)
    return logs, positions, crashed, take(path.parent)


def found_damage(path: Path) -> bool:
    try:
        return any(found.is_damage for found in verify(path))
    except StartError:
        return True


async def is_served_unchanged(path: Path, logs: Logs) -> bool:
    """Whether all is there; what is told must be true in any case."""
    is_unchanged = True
    try:
        async with open_sqlite_store(path, synchronous="OFF") as store:
            for room, log in logs.items():
                for page in (
                    await store.read_after(room, 0, limit=BIG, max_bytes=BIG),
                    await store.read_before(room, BIG, limit=BIG, max_bytes=BIG),
                ):
                    told = [event for event in page if event.kind != DAMAGED]
                    assert all(event == log[event.seq - 1] for event in told), "a wrong word"
                    is_unchanged &= told == log
    except (StartError, StoreError):
        return False
    return is_unchanged


async def test_a_bit_flipped_in_the_database_is_found_by_verify_or_harmless(path: Path) -> None:
    logs, _, _, files = await make_log(path, rounds=200)  # so many that most pages of the file hold events
    content = files["chat.db"]
    choice = random.Random(SEED)
    harmful = 0
    for number in range(FLIPS):
        # Most of them in the head of a page, which steers the search; each third in the definitions of the tables.
        page = 0 if number % 3 == 0 else choice.randrange(len(content) // PAGE)
        bit = choice.randrange(8 * choice.choice((96, PAGE)))
        changed = files | {"chat.db": flipped(content, 8 * PAGE * page + bit)}
        put(path.parent, changed)
        is_found = found_damage(path)
        put(path.parent, changed)
        if not await is_served_unchanged(path, logs):
            harmful += 1
            assert is_found, f"page {page}, bit {bit}: verify said that all is well"
    assert harmful > FLIPS // 12, "the flips must hit"  # by chance more or fewer: each log has other pages


@pytest.mark.parametrize("damage", ["cut", "zeros", "flip"])
async def test_a_damaged_write_ahead_log_leaves_whole_events_and_a_new_epoch(
    path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    logs, positions, files, _ = await make_log(path)
    wal = files["chat.db-wal"]
    choice = random.Random(f"{damage} {SEED}")
    n_lost = 0
    for _ in range(max(1, FLIPS // 3)):
        at = choice.randrange(len(wal))
        changed = bytearray(wal)
        if damage == "cut":
            del changed[at:]
        elif damage == "zeros":
            changed[at : at + 512] = bytes(len(changed[at : at + 512]))
        else:
            changed[at] ^= 1 << choice.randrange(8)
        put(path.parent, files | {"chat.db-wal": bytes(changed)})
        if choice.random() < 0.5:
            path.with_name("chat.db-shm").unlink()
        is_found = found_damage(path)
        caplog.clear()
        async with open_sqlite_store(path, synchronous="OFF") as store:
            told = {room: await whole(store, room) for room in ROOMS}
            begun = {room: await store.position(room) for room in ROOMS}
            is_lost = told != logs
            n_lost += is_lost
            for room in ROOMS:
                assert told[room] == logs[room][: len(told[room])], "a beginning, whole"
                assert begun[room].seq == len(told[room])
                assert (begun[room].epoch != positions[room].epoch) == is_lost
            loud = [record for record in caplog.records if record.levelno >= logging.ERROR]
            assert bool(loud) == is_lost
            (event,) = await store.append("lobby", drafts("goes on"), at_ms=1)
            assert isinstance(event, Event)
            assert event.seq == len(told["lobby"]) + 1
        assert is_found or not is_lost or not any(told.values()), f"at byte {at}"
        assert not found_damage(path), "what is left is whole again"
    assert n_lost > FLIPS // 12, "the damage must hit"
