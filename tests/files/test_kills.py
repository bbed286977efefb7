"""A server that is killed: no message names a blob that is not there, and nothing stays that no row names."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import trio

from tests.support.killed_uploads import Service
from tests.support.process import environment
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_S = 300
"""Some fifty processes, one after the other."""


async def _killed(directory: Path, *how: str) -> list[Path]:
    """The data directories of processes that were killed, each a step further than the one before."""
    with trio.fail_after(PATIENCE_S):
        command = [sys.executable, "-m", "tests.support.killed_uploads", str(directory), *how]
        await trio.run_process(command, env=environment())
    return [
        directory / str(step) for step in range(1, 1000) if await trio.Path(directory / str(step)).exists()
    ]


async def _needed(service: Service) -> set[str]:
    """The blobs that messages and uploads name."""
    return set(await service.store.known_blobs("", 1000))


async def _there(service: Service) -> set[str]:
    return set(await service.blobs.names(limit=1000))


async def test_it_may_be_killed_before_any_step(tmp_path: Path) -> None:
    n_left = 0
    killed = await _killed(tmp_path)
    assert len(killed) > 40
    for data in killed:
        async with open_sqlite_store(data / "chat.db", synchronous="OFF") as store:
            service = Service(data / "files", store)
            there = await _there(service)
            assert await _needed(service) <= there, f"{data}: something names a blob that is not there"
            await service.sweeper.sweep()
            await service.sweeper.remove_gone()
            assert await _there(service) == await _needed(service)
            n_left += there != await _there(service)
            assert set(await service.parts.ids()) <= set(await store.part_ids("", 1000))
            # It goes on where it was: nothing of before is in its way.
            for upload in await store.part_ids("", 1000):
                offset, length, _ = await service.uploads.state(upload)
                assert 0 <= offset <= length
                await service.uploads.drop(upload)
            assert await service.parts.ids() == []
    assert n_left, "the sweep had something to do"


async def test_the_other_order_would_be_noticed(tmp_path: Path) -> None:
    n_noticed = 0
    for data in await _killed(tmp_path, "turned"):
        async with open_sqlite_store(data / "chat.db", synchronous="OFF") as store:
            service = Service(data / "files", store)
            n_noticed += not await _needed(service) <= await _there(service)
    assert n_noticed
