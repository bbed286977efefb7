"""A server that is killed: no message names a blob that is not there, and nothing stays that no row names."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import psycopg
import trio

from tests.support.forks import environment
from tests.support.killed_uploads import AT_MS, Service, blobs_of_step, shared_blobs
from tests.support.thorough import STRIDE
from trio_chat.blobs import s3 as s3_module
from trio_chat.store.postgresql.open import open_postgresql_store
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from pathlib import Path
    from typing import LiteralString

    import pytest

    from tests.support.s3_server import S3Server
    from trio_chat.blobs.base import BlobStore

PATIENCE_S = 300
"""Some fifty processes, one after the other."""


async def _killed(directory: Path, *how: str) -> list[Path]:
    """The data directories of processes that were killed, each a step further than the one before."""
    with trio.fail_after(PATIENCE_S):
        command = [sys.executable, "-m", "tests.support.killed_uploads", str(STRIDE), str(directory), *how]
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
    killed = await _killed(tmp_path)
    assert len(killed) > 40 // STRIDE
    n_left = 0
    for data in killed:
        n_left += await _is_swept(data, None)
    assert n_left, "the sweep had something to do"


async def test_so_it_may_be_with_files_in_a_bucket(
    tmp_path: Path, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = s3.bucket()
    killed = await _killed(tmp_path, str(place))
    assert len(killed) > 40 // STRIDE
    monkeypatch.setattr(s3_module, "make_client", lambda _: s3.client)
    n_left = 0
    for data in killed:
        n_left += await _is_swept(data, blobs_of_step(place, data.name))
    assert n_left, "the sweep had something to do"


async def _is_swept(data: Path, blobs: BlobStore | None) -> bool:
    """Whether the next server had something to remove, after which all is as it should be."""
    async with open_sqlite_store(data / "chat.db", synchronous="OFF") as store:
        service = Service(data / "files", store, blobs=blobs)
        there = await _there(service)
        assert await _needed(service) <= there, f"{data}: something names a blob that is not there"
        await service.sweeper.sweep()
        await service.sweeper.remove_gone()
        swept = await _there(service)
        assert swept == await _needed(service)
        assert set(await service.parts.ids()) <= set(await store.part_ids("", 1000))
        # It goes on where it was: nothing of before is in its way.
        for upload in await store.part_ids("", 1000):
            offset, length, _ = await service.uploads.state(upload)
            assert 0 <= offset <= length
            await service.uploads.drop(upload)
        assert await service.parts.ids() == []
        return there != swept


async def test_nodes_that_are_killed_leave_nothing_that_the_others_do_not_remove(
    database: str, tmp_path: Path
) -> None:
    """Nor a row that names a blob that is not there."""
    assert len(await _killed(tmp_path, database)) > 40 // STRIDE
    async with open_postgresql_store(database) as store:
        survivor = Service(tmp_path / "survivor", store, blobs=shared_blobs(tmp_path))
        there, needed = await _there(survivor), set(_ask(database, "SELECT hash FROM blobs WHERE gone = 0"))
        assert needed <= there, "something names a blob that is not there"
        coming = set(_ask(database, "SELECT hash FROM coming_blobs"))
        assert coming
        assert _ask(database, "SELECT hash FROM blobs WHERE gone <> 0")
        await store.give_gone_back()
        await survivor.sweeper.remove_gone()
        assert needed <= await _there(survivor) <= needed | coming
        await survivor.sweeper.sweep()
        assert needed <= await _there(survivor) <= needed | coming, "they may be finished yet"
        for upload in await store.expired_uploads(AT_MS + 1, 1000):
            await survivor.uploads.drop(upload)
        await survivor.sweeper.remove_gone()
        assert await _there(survivor) == await _needed(survivor)
        assert (
            _ask(database, "SELECT hash FROM coming_blobs UNION SELECT hash FROM blobs WHERE gone <> 0") == []
        )


def _ask(database: str, query: LiteralString) -> list[str]:
    with psycopg.connect(database) as connection:
        return [text for (text,) in connection.execute(query)]


async def test_the_other_order_would_be_noticed(tmp_path: Path) -> None:
    n_noticed = 0
    for data in await _killed(tmp_path, "turned"):
        async with open_sqlite_store(data / "chat.db", synchronous="OFF") as store:
            service = Service(data / "files", store)
            n_noticed += not await _needed(service) <= await _there(service)
    assert n_noticed
