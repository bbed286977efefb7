"""Two servers over one PostgreSQL and one place of files: no row names a blob that is not there, whatever the other one
does in between, and nothing stays that no row names."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import trio

from tests.support.killed_uploads import ADA, AT_MS, LIMITS, Service, upload
from tests.support.people import add_person
from tests.support.raw import PATIENCE_S
from tests.support.thorough import share
from trio_chat.blobs.base import blob_of
from trio_chat.blobs.directory import DirectoryBlobs
from trio_chat.blobs.s3 import S3Blobs
from trio_chat.files.uploads import new_upload_id
from trio_chat.model.files import Upload
from trio_chat.store.postgresql.open import open_postgresql_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.support.s3_server import S3Server
    from trio_chat.blobs.base import BlobStore

KITE = b"a red kite"


@attrs.frozen
class Nodes:
    """Two servers, as far as they write files."""

    one: Service
    two: Service

    async def check(self) -> None:
        """What rows name is there, and once nothing is gone any more, nothing else."""
        known, there = await self._known(), await self._there()
        assert known <= there
        for service in (self.one, self.two):
            await service.sweeper.remove_gone()
        assert await self._there() == known

    async def _known(self) -> set[str]:
        return set(await self.one.store.known_blobs("", 1000))

    async def _there(self) -> set[str]:
        return set(await self.one.blobs.names(limit=1000))


@pytest.fixture(params=["directory", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], BlobStore]:
    """What makes the blobs of one server more."""
    if request.param == "directory":
        return partial(DirectoryBlobs, tmp_path / "shared" / "blobs")
    s3: S3Server = request.getfixturevalue("s3")
    return partial(S3Blobs, s3.bucket())


@asynccontextmanager
async def open_service(database: str, data: Path, blobs: BlobStore) -> AsyncIterator[Service]:
    async with open_postgresql_store(database) as store:
        yield Service(data, store, blobs=blobs)


@pytest.fixture
async def nodes(database: str, tmp_path: Path, place: Callable[[], BlobStore]) -> AsyncIterator[Nodes]:
    (tmp_path / "shared" / "blobs").mkdir(parents=True)
    async with (
        open_service(database, tmp_path / "one", place()) as one,
        open_service(database, tmp_path / "two", place()) as two,
    ):
        await add_person(one.store, ADA, name_key="ada", token_hash=b"ada", at_ms=AT_MS)
        yield Nodes(one, two)


def before(subject: object, name: str, meanwhile: Callable[[], Awaitable[object]]) -> None:
    """Have this done before the next call of that method, once."""
    call = getattr(subject, name)

    async def called(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        setattr(subject, name, call)
        await meanwhile()
        return await call(*arguments, **named)

    setattr(subject, name, called)


async def test_of_one_content_that_comes_to_both_at_once_one_blob_stays(nodes: Nodes) -> None:
    async with trio.open_nursery() as nursery:
        for service in (nodes.one, nodes.two):
            nursery.start_soon(upload, service, KITE)
    await nodes.check()
    assert len(await nodes.one.store.known_blobs("", 10)) == 1


async def test_what_is_there_is_not_put_again(nodes: Nodes) -> None:
    first, second = [await upload(service, KITE) for service in (nodes.one, nodes.two)]
    assert first.blob == second.blob
    await nodes.check()


async def test_what_is_removed_as_another_server_finds_it_there_is_put_again(nodes: Nodes) -> None:
    first = await upload(nodes.one, KITE)

    async def remove() -> None:
        await nodes.one.uploads.drop(first.id)
        await nodes.one.sweeper.remove_gone()

    before(nodes.two.store, "finish_upload", remove)
    second = await upload(nodes.two, KITE)
    assert second.is_finished
    await nodes.check()
    assert await nodes.one.store.known_blobs("", 10) == [second.blob]


async def test_a_removal_that_comes_late_harms_nothing(nodes: Nodes) -> None:
    """A server may hang right before it removes something: meanwhile that has come again."""
    first = await upload(nodes.one, KITE)
    await nodes.one.uploads.drop(first.id)
    before(nodes.one.blobs, "remove", partial(upload, nodes.two, KITE))
    await nodes.one.sweeper.remove_gone()
    assert len(await nodes.one.store.known_blobs("", 10)) == 1
    await nodes.check()


async def test_a_removal_that_comes_when_all_is_over_harms_nothing(nodes: Nodes) -> None:
    """A removal may be taken over by the other server, and come when the content has been gone and is there again."""
    first = await upload(nodes.one, KITE)
    await nodes.one.uploads.drop(first.id)

    async def be_overtaken() -> None:
        await nodes.two.store.give_gone_back()
        await nodes.two.sweeper.remove_gone()
        assert await nodes.two.blobs.names(limit=10) == []
        await upload(nodes.two, KITE)

    before(nodes.one.blobs, "remove", be_overtaken)
    await nodes.one.sweeper.remove_gone()
    await nodes.check()


@pytest.mark.parametrize("moment", ["finish_upload", "name_blob"])
async def test_the_sweep_at_the_start_of_one_leaves_what_comes_to_another(nodes: Nodes, moment: str) -> None:
    before(nodes.two.store, moment, nodes.one.sweeper.sweep)
    assert (await upload(nodes.two, KITE)).is_finished
    await nodes.check()


async def test_the_sweep_leaves_what_gets_its_row_while_it_looks(nodes: Nodes) -> None:
    """It is asked for when its name was read: then it is coming, and is needed in the same moment."""
    two = nodes.two

    async def sweep_in_between() -> None:
        swept = trio.Event()

        async def finish() -> None:
            may_finish.set()
            await finished.wait()

        async def sweep() -> None:
            before(nodes.one.store, "known_blobs", finish)
            await nodes.one.sweeper.sweep()
            swept.set()

        nursery.start_soon(sweep)
        await may_finish.wait()

    may_finish, finished = trio.Event(), trio.Event()
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            before(two.store, "finish_upload", sweep_in_between)
            await upload(two, KITE)
            finished.set()
    await nodes.check()
    assert len(await nodes.one.store.known_blobs("", 10)) == 1


async def test_the_sweep_removes_what_no_row_names(nodes: Nodes, tmp_path: Path) -> None:
    kept = await upload(nodes.one, KITE)
    for name in ("a" * 64, "b" * 80, "b" * 80 + ".480.webp"):
        (tmp_path / "stray").write_bytes(b"stray")
        await nodes.one.blobs.put(tmp_path / "stray", name)
        (tmp_path / "stray").unlink(missing_ok=True)
    await nodes.two.sweeper.sweep()
    assert await nodes.one.blobs.names(limit=10) == [kept.blob]


async def test_what_is_cancelled_at_one_while_another_finishes_it_leaves_nothing(nodes: Nodes) -> None:
    begun = await nodes.one.store.begin_upload(
        Upload(new_upload_id(), ADA.id, "lobby", "c1", "kite.bin", len(KITE)), limits=LIMITS, at_ms=AT_MS
    )
    async with await nodes.two.parts.open(begun.id) as part:
        await part.add(KITE)

    async def cancel() -> None:
        await nodes.one.uploads.drop(begun.id)
        await nodes.one.sweeper.remove_gone()

    before(nodes.two.blobs, "put", cancel)
    assert await nodes.two.finisher.finish(begun) is None
    await nodes.check()
    assert await nodes.one.blobs.names(limit=10) == []


async def test_what_a_dead_server_has_put_goes_with_its_upload(nodes: Nodes) -> None:
    begun = await nodes.one.store.begin_upload(
        Upload(new_upload_id(), ADA.id, "lobby", "c1", "kite.bin", len(KITE)), limits=LIMITS, at_ms=AT_MS
    )
    async with await nodes.one.parts.open(begun.id) as part:
        await part.add(KITE)

    async def die() -> None:
        raise OSError("killed")

    before(nodes.one.store, "finish_upload", die)
    with pytest.raises(OSError, match="killed"):
        await nodes.one.finisher.finish(begun)
    await nodes.two.sweeper.sweep()
    assert [blob_of(name) for name in await nodes.two.blobs.names(limit=10)], "it may go on yet"
    await nodes.two.uploads.drop(begun.id)
    await nodes.two.sweeper.remove_gone()
    assert await nodes.two.blobs.names(limit=10) == []


async def test_each_blob_that_is_gone_is_removed_by_one(nodes: Nodes) -> None:
    for content in (b"one", b"two", b"three"):
        await nodes.one.uploads.drop((await upload(nodes.one, content)).id)
    taken = [await service.store.take_gone(2) for service in (nodes.one, nodes.two)]
    assert [len(some) for some in taken] == [2, 1]
    assert set(taken[0]).isdisjoint(taken[1])
    assert await nodes.one.store.take_gone(9) == []
    await nodes.two.store.give_gone_back()  # the first died
    assert len(await nodes.two.store.take_gone(9)) == 3


async def test_whatever_both_do_at_once_what_rows_name_is_there(nodes: Nodes) -> None:
    rng = random.Random(7)
    contents = [b"one", b"two"]

    async def work(service: Service) -> None:
        for _ in range(share(40)):
            done = await upload(service, rng.choice(contents))
            if rng.random() < 0.8:
                await (nodes.one if rng.random() < 0.5 else nodes.two).uploads.drop(done.id)
            if rng.random() < 0.1:
                await service.sweeper.sweep()

    async with trio.open_nursery() as running:
        for service in (nodes.one, nodes.two):
            service.store.on_gone = service.sweeper.wake
            running.start_soon(service.sweeper.run)
        async with trio.open_nursery() as nursery:
            for service in (nodes.one, nodes.two, nodes.one, nodes.two):
                nursery.start_soon(work, service)
        running.cancel_scope.cancel()
    await nodes.one.store.give_gone_back()
    await nodes.check()
