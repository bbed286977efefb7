"""Disk space: how it is read, which level follows from it, and what the operator is told."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

import trio
import trio.testing

from tests.support.memory_store import open_memory_store
from trio_chat.ops.disk_space import EVERY_S, Disk, DiskWatch, read_disk
from trio_chat.store.space import SpaceLevel

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FLOOR = 1_000
SIZE = 100_000_000_000


class Reading:
    """Stands for the disk: what `read_disk` would say of it."""

    def __init__(self) -> None:
        self.free = 10 * FLOOR
        self.error: OSError | None = None

    async def __call__(self) -> Disk:
        await trio.lowlevel.checkpoint()
        if self.error is not None:
            raise self.error
        return Disk(SIZE, self.free)


async def test_the_real_disk_is_read(tmp_path: Path) -> None:
    found, expected = await read_disk(tmp_path), shutil.disk_usage(tmp_path)
    assert found.size == expected.total
    assert 0 <= found.free <= found.size
    assert abs(found.free - expected.free) < 2**30  # others write as well


async def test_each_change_of_the_level_is_logged_once_and_space_that_comes_back_is_enough(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    disk, floor = Reading(), 100_000 * FLOOR  # much more than is free inside a new database
    levels = []
    caplog.set_level(logging.INFO, "trio_chat.ops.disk_space")
    async with open_memory_store() as store, trio.open_nursery() as nursery:
        nursery.start_soon(DiskWatch(store, disk, floor_bytes=floor).run)
        for free in (10 * floor, 1.9 * floor, 0.9 * floor, 10 * floor):
            disk.free = int(free)
            await trio.sleep(5 * EVERY_S)
            levels.append(store.space.level)
        nursery.cancel_scope.cancel()
    assert levels == [SpaceLevel.ENOUGH, SpaceLevel.LOW, SpaceLevel.FULL, SpaceLevel.ENOUGH]
    assert [(record.levelname, record.getMessage().partition(":")[0]) for record in caplog.records] == [
        ("WARNING", "the disk is nearly full"),
        ("ERROR", "the disk is nearly full"),
        ("WARNING", "the disk has space again"),
    ]


async def test_a_disk_that_cannot_be_read_leaves_the_level_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk = Reading()
    async with open_memory_store() as store:
        watch = DiskWatch(store, disk, floor_bytes=FLOOR)
        disk.free = 0
        await watch.look()
        disk.error = OSError(5, "Input/output error")
        await watch.look()
        await watch.look()
        levels = [store.space.level]
        assert caplog.text.count("cannot be read") == 1
        disk.error, disk.free = None, 10 * FLOOR
        await watch.look()
        levels.append(store.space.level)
    assert levels == [SpaceLevel.FULL, SpaceLevel.ENOUGH]


async def test_what_is_free_inside_the_database_counts_as_long_as_the_disk_has_a_quarter_of_the_floor() -> (
    None
):
    disk = Reading()
    async with open_memory_store() as store:
        watch = DiskWatch(store, disk, floor_bytes=FLOOR)
        await store.writes.submit(
            lambda connection: connection.execute(
                "CREATE TABLE big (data BLOB); INSERT INTO big VALUES (zeroblob(100000)); DROP TABLE big"
            )
        )
        assert await store.reusable_bytes() >= 100_000
        levels = []
        for free in (FLOOR // 2, FLOOR // 4 - 1):
            disk.free = free
            await watch.look()
            levels.append(store.space.level)
    assert levels == [SpaceLevel.ENOUGH, SpaceLevel.FULL]
