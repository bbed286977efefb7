"""The sweeper: what nothing needs any more leaves the disk, and all else stays."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from tests.support.killed_uploads import ADA, AT_MS, LIMITS, Service, upload, write
from tests.support.people import add_person
from tests.support.raw import PATIENCE_S
from trio_chat.files.sweeper import EXPIRY_MS
from trio_chat.files.uploads import new_upload_id
from trio_chat.kinds.files import file_of
from trio_chat.kinds.messages import DELETE, POST, Delete, Post
from trio_chat.model.files import Upload
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@asynccontextmanager
async def open_service(data: Path) -> AsyncIterator[Service]:
    async with open_sqlite_store(data / "chat.db", synchronous="OFF") as store:
        await add_person(store, ADA, name_key="ada", token_hash=b"ada", at_ms=AT_MS)
        yield Service(data / "files", store)


async def blobs_of(service: Service) -> list[str]:
    return list(await service.blobs.names(limit=1000))


async def test_a_blob_stays_as_long_as_a_message_has_it(tmp_path: Path) -> None:
    async with open_service(tmp_path) as service:
        seqs = []
        for _ in range(2):
            sent = await upload(service, b"a red kite")
            seqs.append(await write(service.store, POST, Post("", files=(file_of(sent),))))
        (blob,) = await blobs_of(service)
        await write(service.store, DELETE, Delete(seqs[0]))
        await service.sweeper.remove_gone()
        assert await blobs_of(service) == [blob]
        await write(service.store, DELETE, Delete(seqs[1]))
        await service.sweeper.remove_gone()
        assert await blobs_of(service) == []
        assert await service.store.gone_blobs(10) == []


async def test_what_is_gone_goes_as_soon_as_the_store_says_so(tmp_path: Path) -> None:
    async with open_service(tmp_path) as service, trio.open_nursery() as nursery:
        service.store.on_gone = service.sweeper.wake
        nursery.start_soon(service.sweeper.run)
        for content in (b"a red kite", b"a blue boat"):
            dropped = await upload(service, content)
            assert await blobs_of(service)
            await service.uploads.drop(dropped.id)
            with trio.fail_after(PATIENCE_S):
                while await blobs_of(service):
                    await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()


async def test_previews_go_with_their_picture(tmp_path: Path) -> None:
    async with open_service(tmp_path) as service:
        dropped = await upload(service, b"a red kite")
        (blob,) = await blobs_of(service)
        for size in (480, 1600):
            preview = tmp_path / "preview"
            await trio.Path(preview).write_bytes(b"small")
            await service.blobs.put(preview, f"{blob}.{size}.webp")
            await trio.Path(preview).unlink(missing_ok=True)
        await service.sweeper.sweep()
        assert len(await blobs_of(service)) == 3
        await service.uploads.drop(dropped.id)
        await service.sweeper.remove_gone()
        assert await blobs_of(service) == []


async def test_the_same_content_that_comes_again_meanwhile_stays(tmp_path: Path) -> None:
    """The lock keeps the unlink and the new blob apart: else the second upload would name nothing."""
    async with open_service(tmp_path) as service, trio.open_nursery() as nursery:
        service.store.on_gone = service.sweeper.wake
        nursery.start_soon(service.sweeper.run)
        for _ in range(20):
            first = await upload(service, b"a red kite")
            async with trio.open_nursery() as both:
                both.start_soon(service.uploads.drop, first.id)
                both.start_soon(upload, service, b"a red kite")
            await service.sweeper.remove_gone()
            assert len(await blobs_of(service)) == 1
            (left,) = await service.store.expired_uploads(AT_MS + 1, 10)
            await service.uploads.drop(left)
        nursery.cancel_scope.cancel()


async def test_what_nobody_sent_goes_after_a_day(tmp_path: Path) -> None:
    async with open_service(tmp_path) as service:
        for at_ms, size in ((AT_MS - EXPIRY_MS - 1, 10), (AT_MS - EXPIRY_MS + 1, 20)):
            wanted = Upload(new_upload_id(), ADA.id, "lobby", f"c{size}", "kite.bin", size)
            await service.store.begin_upload(wanted, limits=LIMITS, at_ms=at_ms)
            pieces = iter((b"kite", b""))

            async def next_piece() -> bytes:
                return next(pieces)  # noqa: B023  (it is called before the next)

            await service.uploads.append(wanted.id, 0, next_piece)
        assert len(await service.parts.ids()) == 2
        await service.sweeper.expire()
        assert await service.parts.ids() == [wanted.id]
        assert await service.store.files_usage(ADA.id) == 20


async def test_the_parts_of_somebody_whose_uploads_were_dropped_go(tmp_path: Path) -> None:
    async with open_service(tmp_path) as service:
        wanted = Upload(new_upload_id(), ADA.id, "lobby", "c1", "kite.bin", 4)
        await service.store.begin_upload(wanted, limits=LIMITS, at_ms=AT_MS)
        async with await service.parts.open(wanted.id) as part:
            await part.add(b"kite")
        await service.sweeper.expire()
        assert await service.parts.ids() == [wanted.id]
        assert await service.store.drop_upload(wanted.id)
        await service.sweeper.expire()
        assert await service.parts.ids() == []


async def test_at_the_start_goes_what_no_row_names(tmp_path: Path) -> None:
    async with open_service(tmp_path) as service:
        kept = await upload(service, b"a red kite")
        names = [f"{number:064x}" for number in range(250)] + ["f" * 64 + ".480.webp"]
        for name in names:
            stray = tmp_path / "files" / "stray"
            await trio.Path(stray).write_bytes(name.encode())
            await service.blobs.put(stray, name)
            await trio.Path(stray).unlink(missing_ok=True)
        stray_part = service.parts.path(new_upload_id())
        await trio.Path(stray_part).write_bytes(b"kite")
        await trio.Path(f"{stray_part}.made").mkdir()
        await service.sweeper.sweep()
        assert await blobs_of(service) == [kept.blob]
        assert await service.parts.ids() == []


async def test_an_upload_that_was_dropped_while_it_was_finished_leaves_nothing(tmp_path: Path) -> None:
    async with open_service(tmp_path) as service:
        wanted = Upload(new_upload_id(), ADA.id, "lobby", "c1", "kite.bin", 4)
        begun = await service.store.begin_upload(wanted, limits=LIMITS, at_ms=AT_MS)
        async with await service.parts.open(begun.id) as part:
            await part.add(b"kite")
        assert await service.store.drop_upload(begun.id)
        assert await service.finisher.finish(begun) is None
        assert await blobs_of(service) == []
        assert await service.parts.ids() == []
