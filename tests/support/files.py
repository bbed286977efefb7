"""Files over HTTP, on a server in this process with a directory for them."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

from tests.support.memory_store import MemoryDisk
from tests.support.nodes import SharedStore
from tests.support.raw import PATIENCE_S, Answer, get, open_raw, open_v1
from tests.support.serving import Serving, open_server
from trio_chat.blobs.places import SharedDirectory
from trio_chat.files.uploads import new_upload_id
from trio_chat.kinds.files import file_of
from trio_chat.kinds.forms import write_body
from trio_chat.kinds.messages import DELETE, POST, Delete, Post
from trio_chat.model.events import Draft, Event
from trio_chat.model.files import FileLimits, Upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from trio_chat.blobs.places import BlobsPlace

NO_LIMITS = FileLimits()


@attrs.frozen
class Sender:
    """A person who sends files."""

    id: str
    name: str
    token: str


@attrs.frozen
class FileServing:
    """A server with files."""

    serving: Serving
    directory: Path

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.serving.port

    @property
    def n_transfers(self) -> int:
        """How many uploads and downloads are under way."""
        return len(self.serving.hub.files.transfers)

    def on_disk(self) -> list[str]:
        """The names of all files on the disk."""
        return sorted(path.name for path in self.directory.rglob("*") if path.is_file())

    async def person(self, name: str) -> Sender:
        """Somebody new."""
        async with open_v1(self.port, name=name) as (_, welcome, _joined):
            return Sender(welcome["user"]["id"], name, welcome["token"])

    async def begin(self, who: Sender, size: int, *, name: str = "kite.bin", as_file: bool = False) -> str:
        """The id of a new upload, for the lobby."""
        upload = Upload(new_upload_id(), who.id, "lobby", os.urandom(6).hex(), name, size, as_file=as_file)
        begun = await self.serving.store.begin_upload(upload, limits=NO_LIMITS, at_ms=self.now_ms())
        return begun.id

    def now_ms(self) -> int:
        """The wall clock."""
        return self.serving.hub.now_ms()

    async def head(self, upload: str) -> Answer:
        """How far an upload is."""
        return await ask(self.port, f"/uploads/{upload}", method="HEAD")

    async def patch(self, upload: str, data: bytes, *, offset: int = 0, is_last: bool = False) -> Answer:
        """Add to an upload."""
        return await ask(
            self.port,
            f"/uploads/{upload}",
            method="PATCH",
            body=data,
            headers={
                "upload_offset": str(offset),
                "upload_complete": "?1" if is_last else "?0",
                "content_type": "application/partial-upload",
            },
        )

    async def upload(
        self, who: Sender, content: bytes, *, name: str = "kite.bin", as_file: bool = False
    ) -> str:
        """A finished upload."""
        upload = await self.begin(who, len(content), name=name, as_file=as_file)
        answer = await self.patch(upload, content, is_last=True)
        assert answer.status == 200, answer
        return upload

    async def send(self, who: Sender, *uploads: str) -> int:
        """The number of a message in the lobby with these files."""
        found = {upload.id: upload for upload in await self.serving.store.uploads(uploads)}
        body = Post("", files=tuple(file_of(found[upload]) for upload in uploads))
        event = await self.serving.lobby.inbox.write(Draft(POST, who.id, who.name, None, write_body(body)))
        assert isinstance(event, Event), event
        return event.seq

    async def sent(
        self, who: Sender, content: bytes, *, name: str = "kite.bin", as_file: bool = False
    ) -> str:
        """The address of a file in a message of the lobby."""
        seq = await self.send(who, await self.upload(who, content, name=name, as_file=as_file))
        return f"/files/lobby/{seq}/0/{name}"

    async def delete(self, who: Sender, seq: int) -> None:
        """Delete a message of the lobby."""
        await self.serving.lobby.inbox.write(Draft(DELETE, who.id, who.name, None, write_body(Delete(seq))))

    async def get(self, target: str, who: Sender | None, *, method: str = "GET", **headers: str) -> Answer:
        """Fetch a file."""
        if who is not None:
            headers = {"authorization": f"Bearer {who.token}", **headers}
        return await ask(self.port, target, method=method, headers=headers)

    async def wait_until_gone(self) -> None:
        """Wait until no blob is on the disk."""
        with trio.fail_after(PATIENCE_S):
            while any(self.directory.rglob("blobs/*/*")):
                await trio.lowlevel.checkpoint()


@asynccontextmanager
async def open_file_server(
    data: Path, *, directory: Path | None = None, **settings: object
) -> AsyncIterator[FileServing]:
    """Serve files on a free port until the block is left; they are in this directory, or that of the data."""
    async with open_server(data=data, **settings) as serving:  # type: ignore[arg-type]  # any keyword
        yield FileServing(serving, directory or data / "files")


@asynccontextmanager
async def open_two_file_servers(
    data: Path, *, place: BlobsPlace | None = None
) -> AsyncIterator[tuple[SharedStore, FileServing, FileServing]]:
    """Two nodes over one store, with one place of files (a shared directory, if nothing else is said): the store, and
    the two."""
    store = SharedStore(MemoryDisk())
    place = place or SharedDirectory(data / "files")
    async with (
        store.running(close_timeout_s=10),
        open_file_server(data / "one", directory=data / "files", files=place, store=store.as_node()) as one,
        open_file_server(data / "two", directory=data / "files", files=place, store=store.as_node()) as two,
    ):
        yield store, one, two


async def ask(
    port: int,
    target: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send one request over a connection of its own, and read the response to the connection's end."""
    fields = {"connection": "close", **(headers or {})}
    if body is not None:
        fields["content_length"] = str(len(body))
    async with open_raw(port) as peer:
        await peer.send(get(target, method=method, **fields) + (body or b""))
        return Answer.of(await peer.receive_to_the_end())
