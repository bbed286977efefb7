"""Processes that upload, send and delete files, and kill themselves in the middle.

    python -m tests.support.killed_uploads STRIDE DIRECTORY [turned | s3://BUCKET?endpoint=URL | postgresql://…]

The first ends by SIGKILL right before it touches the disk for the first time, the next STRIDE times later, and so on,
until one comes to its end. Each has a data directory of its own, ``DIRECTORY/1`` and so on. ``turned``: rows are
written before the blobs that they name, which must not be; what tests for that has to notice. With a bucket the blobs
of each are there, under its number, and requests to it count as well. With a database all of them are nodes over it,
with blobs in ``DIRECTORY/shared``.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import trio

from tests.support.people import add_person
from trio_chat.blobs import s3 as s3_module
from trio_chat.blobs.directory import DirectoryBlobs
from trio_chat.blobs.places import S3Place, read_place
from trio_chat.blobs.s3 import S3Blobs
from trio_chat.blobs.s3_client import make_client
from trio_chat.files import parts as parts_module
from trio_chat.files.blob_locks import BlobLocks
from trio_chat.files.finishing import Finisher
from trio_chat.files.pacing import Pace
from trio_chat.files.parts import Parts
from trio_chat.files.sweeper import Sweeper
from trio_chat.files.transfers import Transfers
from trio_chat.files.uploads import Uploads, new_upload_id
from trio_chat.kinds.files import file_of
from trio_chat.kinds.forms import write_body
from trio_chat.kinds.messages import DELETE, POST, Delete, Post
from trio_chat.model.events import Draft, Event, Person
from trio_chat.model.files import FileFacts, FileLimits, Upload
from trio_chat.store.postgresql.open import open_postgresql_store
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from trio_chat.blobs.base import BlobStore
    from trio_chat.store.base import Store

ADA = Person("p-ada", "Ada")
LIMITS = FileLimits()

AT_MS = 1_795_381_200_000


class Service:
    """The service of files as far as it writes."""

    def __init__(
        self, directory: Path, store: Store, *, turned: bool = False, blobs: BlobStore | None = None
    ) -> None:
        locks = BlobLocks()
        self.store = store
        self.blobs = blobs or DirectoryBlobs(directory / "blobs")
        self.parts = Parts(directory / "parts", pace=Pace(), floor_bytes=0)
        self.finisher = Finisher(
            _RowsFirst(store, self.blobs) if turned else store,  # type: ignore[arg-type]  # as far as it is used
            _Nothing() if turned else self.blobs,  # type: ignore[arg-type]
            self.parts,
            locks,
        )
        self.uploads = Uploads(
            store, self.parts, self.finisher, Transfers(), check_address=_everybody, at_once=0
        )
        self.sweeper = Sweeper(store, self.blobs, self.parts, self.uploads, locks, now_ms=lambda: AT_MS)


async def _everybody(person: str, address: str) -> None:
    """Whoever it is may come from everywhere."""


class _Nothing:
    """A store of blobs that puts none."""

    waiting: list[tuple[Path, str]] = []  # noqa: RUF012

    async def put(self, path: Path, name: str) -> None:
        self.waiting.append((path, name))


class _RowsFirst:
    """A store that puts the blobs after it has written their row."""

    def __init__(self, store: Store, blobs: BlobStore) -> None:
        self._store = store
        self._blobs = blobs
        self.name_blob = store.name_blob

    async def finish_upload(
        self, upload: str, *, blob: str, stored_bytes: int, facts: FileFacts
    ) -> Upload | None:
        finished = await self._store.finish_upload(upload, blob=blob, stored_bytes=stored_bytes, facts=facts)
        while _Nothing.waiting:
            await self._blobs.put(*_Nothing.waiting.pop(0))
        return finished


class _Killer:
    """Counts the calls that touch the disk, and ends the process before one of them."""

    def __init__(self, step: int) -> None:
        self._left = step

    def before(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)

        return called


async def upload(service: Service, content: bytes) -> Upload:
    """A finished upload with this content, which comes in two pieces."""
    begun = await service.store.begin_upload(
        Upload(new_upload_id(), ADA.id, "lobby", os.urandom(6).hex(), "kite.bin", len(content)),
        limits=LIMITS,
        at_ms=AT_MS,
    )
    for start, end in ((0, len(content) // 2), (len(content) // 2, len(content))):
        pieces = iter((content[start:end], b""))

        async def next_piece() -> bytes:
            return next(pieces)  # noqa: B023  (it is called before the next)

        await service.uploads.append(begun.id, start, next_piece)
    await service.uploads.finish(begun.id)
    finished = await service.store.upload(begun.id)
    assert finished is not None
    return finished


async def write(store: Store, kind: str, body: Any) -> int:  # noqa: ANN401
    """The number of an event in the lobby."""
    draft = Draft(kind, ADA.id, ADA.name, None, write_body(body))
    (event,) = await store.append("lobby", [draft], at_ms=AT_MS)
    assert isinstance(event, Event), event
    return event.seq


def blobs_of_step(place: S3Place, step: str) -> S3Blobs:
    """The blobs of a process in the bucket."""
    return S3Blobs(attrs.evolve(place, prefix=f"{step}/"))


def open_store(data: Path, database: str | None) -> AbstractAsyncContextManager[Store]:
    """The store of a process."""
    if database is None:
        return open_sqlite_store(data / "chat.db", synchronous="OFF")
    data.mkdir(parents=True)
    return open_postgresql_store(database)


def shared_blobs(directory: Path) -> DirectoryBlobs:
    """The blobs of all nodes that were run in this directory."""
    return DirectoryBlobs(directory / "shared" / "blobs")


async def main(data: Path, step: int, *, turned: bool, place: S3Place | None, database: str | None) -> None:
    """Upload the same twice, send one of them, drop the other, delete the message, and upload it once more."""
    async with open_store(data, database) as store:
        if not await store.people([ADA.id]):
            await add_person(store, ADA, name_key="ada", token_hash=b"ada", at_ms=AT_MS)
        killer = _Killer(step)
        blobs: BlobStore | None = None if database is None else shared_blobs(data.parent)
        if place is not None:
            blobs = bucket = blobs_of_step(place, data.name)
            for name in ("head_object", "put_object", "delete_object"):
                setattr(bucket._client, name, killer.before(getattr(bucket._client, name)))
        service = Service(data / "files", store, turned=turned, blobs=blobs)
        for name in ("pwrite", "fsync", "link", "unlink", "mkdir", "rmdir"):
            setattr(os, name, killer.before(getattr(os, name)))
        parts_module._sync_data = killer.before(parts_module._sync_data)
        for name in (
            "begin_upload", "name_blob", "finish_upload", "append", "take_gone", "forget_gone", "drop_upload"
        ):  # fmt: skip
            setattr(store, name, killer.before(getattr(store, name)))
        kite = b"a red kite" if database is None else f"red kite {step}".encode()
        first, second = [await upload(service, kite) for _ in range(2)]
        seq = await write(store, POST, Post("", files=(file_of(first),)))
        await service.uploads.drop(second.id)
        await service.sweeper.remove_gone()
        await write(store, DELETE, Delete(seq))
        await service.sweeper.remove_gone()
        await upload(service, kite)


def run_all(
    stride: int, directory: Path, *, turned: bool, place: S3Place | None, database: str | None
) -> None:
    """Run one process after the other. Each is a copy of this one, which has imported everything."""
    if place is not None:
        share_a_client(place)
    for step in itertools.count(1, stride):
        child = os.fork()
        if not child:
            run = partial(main, directory / str(step), step, turned=turned, place=place, database=database)
            trio.run(run)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(status)


def share_a_client(place: S3Place) -> None:
    """From now on let all blobs in buckets have one client, for making one takes a while."""
    client = make_client(place)
    vars(s3_module)["make_client"] = lambda _place: client


if __name__ == "__main__":
    how = sys.argv[3] if len(sys.argv) > 3 else ""
    named = read_place(how) if how.startswith("s3:") else None
    assert named is None or isinstance(named, S3Place)
    run_all(
        int(sys.argv[1]),
        Path(sys.argv[2]),
        turned=how == "turned",
        place=named,
        database=how if how.startswith("postgresql:") else None,
    )
