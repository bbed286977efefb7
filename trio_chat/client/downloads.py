"""Downloads: files of messages, piece by piece, going on where a lost connection ended; and saved."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

import trio

from trio_chat.client.http import TransferLost
from trio_chat.client.transfers import PASSING, Patience, failure_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable
    from pathlib import Path
    from typing import Self

    from trio_chat.client.conversation import Conversation
    from trio_chat.client.events import Message
    from trio_chat.client.http import HttpConnection, Response


class Download:
    """The content of a file as it comes: iterating gives its bytes, in pieces of at most 64 KiB.

    A lost connection is made again, and goes on where it was. When cancelled, nothing is lost. Raises `Refused`
    (``no_such_file``, also when the message is deleted meanwhile), and what ended the conversation.
    """

    def __init__(self, conversation: Conversation, http: HttpConnection, target: str) -> None:
        self.size: int | None = None
        """Its size in bytes; known when the first piece has come."""
        self.received = 0
        """So many bytes have come."""
        self._conversation = conversation
        self._http = http
        self._target = target
        self._patience = Patience(conversation)
        self._tag = ""
        self._response: Response | None = None
        self._skipped = 0
        """So much of the answer was there before: it is whole, although the rest was asked for."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while True:
            try:
                with self._conversation.until_end():
                    data = await self._receive()
            except TransferLost as lost:
                self._response = None
                self._patience.note(self.received)
                await self._patience.wait_after(lost)
                continue
            if not data:
                raise StopAsyncIteration
            return data

    async def _receive(self) -> bytes:
        """The next bytes; none at the end."""
        if self._response is None:
            self._response = await self._ask()
        while data := await self._response.receive_some():
            fresh = data[self._skipped :]
            self._skipped -= len(data) - len(fresh)
            self.received += len(fresh)
            if fresh:
                return fresh
        return b""

    async def _ask(self) -> Response:
        headers = {"Authorization": f"Bearer {self._conversation.token}"}
        if self.received:
            headers["Range"] = f"bytes={self.received}-"
            if self._tag:
                headers["If-Range"] = self._tag
        response = await self._http.ask("GET", self._target, headers)
        if response.status == 416:  # it was lost when all had come
            return response
        if response.status not in (200, 206):
            raise await failure_of(response, passing=PASSING)
        self._skipped = self.received if response.status == 200 else 0
        if not self.received:
            length = response.headers.get("content-length")
            self.size = None if length is None else int(length)
            self._tag = response.headers.get("etag", "")
        return response


@asynccontextmanager
async def open_download(
    conversation: Conversation, message: Message, n: int, preview: int | None
) -> AsyncGenerator[Download]:
    """File ``n`` of a message, or its preview of that size, as long as the block lasts. Raises `LookupError`."""
    name = quote(message.files[n].name, safe="") or "file"
    path = f"files/{quote(message.room, safe='')}/{message.seq}/{range(len(message.files))[n]}/{name}"
    query = "" if preview is None else f"?size={preview}"
    async with conversation.open_http() as http:
        yield Download(conversation, http, conversation.target(path) + query)


async def save(pieces: AsyncIterable[bytes], path: str | Path) -> None:
    """Write a file in place of an earlier one: whole, or not at all. Until it is whole it is called ``….part``."""
    target = trio.Path(path)
    part = target.with_name(f"{target.name}.part")
    try:
        async with await part.open("wb") as file:
            async for piece in pieces:
                await file.write(piece)
        await part.replace(target)
    except BaseException:
        with trio.CancelScope(shield=True):
            await part.unlink(missing_ok=True)
        raise
