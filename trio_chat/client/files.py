"""Files of messages: sending them, in pieces that go on where a lost connection ended, and fetching them.

An upload is begun by a command, and once more whenever a request was lost: its answer says how much the server has. So
connecting again, and waiting for it, is the chat's own.
"""

from __future__ import annotations

import os
from base64 import b64encode
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import quote

import attrs
import trio

from trio_chat.client import frames
from trio_chat.client.backoff import Backoff
from trio_chat.client.http import TransferLost
from trio_chat.errors import Refused
from trio_chat.protocol.commands import UploadCommand, VoiceNote

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection
    from typing import Self

    from trio_chat.client.conversation import Conversation
    from trio_chat.client.http import HttpConnection, Response

PARTIAL_UPLOAD: Final = "application/partial-upload"

LEAST_CHUNK_BYTES: Final = 64 * 1024
"""A proxy that does not take so much at a time takes no files."""

LOST_AT_MOST: Final = 10
"""So often, one after the other, a transfer may be lost without getting on before it is given up."""

CODES: Final = {404: "no_such_file", 413: "too_large", 422: "bad_file", 507: "disk_full"}
"""The codes of refusals that come as a status of HTTP."""

NOT_TRANSFERRED: Final = "not_transferred"
"""The client's own code, for a transfer that was given up, and for any other status."""

PASSING: Final = frozenset({404, 408, 409, 425, 429})
"""A piece of an upload is sent once more after these, as after all from 500 on but 507: with the offset of then."""


@attrs.frozen
class Voice:
    """What makes a sound a voice note: how long it is, in milliseconds, and how loud, in 64 bytes."""

    ms: int
    peaks: bytes


@attrs.frozen
class Attachment:
    """A file to be sent: its path or its content, and what there is to say of it."""

    content: str | Path | bytes
    name: str = attrs.field(default="", kw_only=True)
    """What it is called; by default as in its path."""
    alt: str = attrs.field(default="", kw_only=True)
    """What is to be seen, for those who do not see it."""
    as_file: bool = attrs.field(default=False, kw_only=True)
    """Whether it is kept byte for byte, to be downloaded and not to be shown. Else a picture loses what it says of
    where and with what it was made."""
    voice: Voice | None = attrs.field(default=None, kw_only=True)


Sendable: TypeAlias = str | Path | bytes | Attachment
"""A file's path, its content, or either with what there is to say of it."""


@attrs.frozen
class Uploaded:
    """A file that the server has, to be sent in one message of the room that it was uploaded for."""

    id: str
    alt: str = ""


async def upload(conversation: Conversation, room: str, file: Sendable, upload_id: str) -> Uploaded:
    """Give the server a file. ``upload_id`` is the idempotency key: the same once more goes on where it was.

    Raises `Refused`, what ended the conversation, and `OSError` if the file cannot be read.
    """
    attachment = file if isinstance(file, Attachment) else Attachment(file)
    voice = attachment.voice
    async with _open_content(attachment.content) as content, conversation.open_http() as http:
        command = UploadCommand(
            id=upload_id,
            room=room,
            name=attachment.name or content.name,
            bytes=content.size,
            as_file=attachment.as_file,
            voice=None if voice is None else VoiceNote(voice.ms, b64encode(voice.peaks).decode()),
        )
        patience = _Patience(conversation)
        sender = _Sender(conversation, http, content)
        while True:
            begun = await conversation.call(command, frames.Uploading)
            if begun.complete:
                break
            patience.note(begun.offset)
            try:
                await sender.send(begun)
                break
            except TransferLost as lost:
                await patience.wait_after(lost)
    return Uploaded(begun.upload, attachment.alt)


@attrs.frozen
class _Content:
    """What is uploaded: bytes, or an open file."""

    name: str
    size: int
    source: bytes | int

    async def read(self, offset: int, n: int) -> bytes:
        """``n`` bytes from there on, or as many as there are. Raises `OSError`, also if it has become shorter."""
        if isinstance(self.source, bytes):
            await trio.lowlevel.checkpoint()
            return self.source[offset : offset + n]
        data = await trio.to_thread.run_sync(os.pread, self.source, n, offset)
        if len(data) < min(n, self.size - offset):
            raise OSError(f"The file {self.name} became shorter while it was sent.")
        return data


@asynccontextmanager
async def _open_content(content: str | Path | bytes) -> AsyncGenerator[_Content]:
    if isinstance(content, bytes):
        yield _Content("file", len(content), content)
        return
    path = Path(content)
    descriptor = await trio.to_thread.run_sync(os.open, path, os.O_RDONLY)
    try:
        yield _Content(path.name, os.fstat(descriptor).st_size, descriptor)
    finally:
        os.close(descriptor)


class _Sender:
    """Sends one upload, as often as it takes."""

    def __init__(self, conversation: Conversation, http: HttpConnection, content: _Content) -> None:
        self._conversation = conversation
        self._http = http
        self._content = content
        self._most = 0
        """So much may be sent at a time; 0: as the server says."""

    async def send(self, begun: frames.Uploading) -> None:
        """Send what the server does not have yet. Raises `TransferLost` if it does not get through, and `Refused`."""
        offset = begun.offset
        while True:
            most = self._most or begun.chunk
            data = await self._content.read(offset, most)
            is_last = offset + len(data) == self._content.size
            with self._conversation.until_end():
                response = await self._http.ask(
                    "PATCH",
                    self._conversation.target(f"uploads/{quote(begun.upload, safe='')}"),
                    {
                        "Content-Type": PARTIAL_UPLOAD,
                        "Upload-Offset": f"{offset}",
                        "Upload-Complete": "?1" if is_last else "?0",
                    },
                    data,
                )
                if response.status == 413 and most > LEAST_CHUNK_BYTES:  # a proxy's limit, in all likelihood
                    self._most = most // 2
                elif response.status == 200:
                    return
                elif response.status == 204:
                    offset = int(response.headers.get("upload-offset", offset + len(data)))
                else:
                    raise await _failure(response, passing=PASSING)


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
        self._patience = _Patience(conversation)
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
            raise await _failure(response, passing=PASSING - {404})
        self._skipped = self.received if response.status == 200 else 0
        if not self.received:
            length = response.headers.get("content-length")
            self.size = None if length is None else int(length)
            self._tag = response.headers.get("etag", "")
        return response


class _Patience:
    """How often a transfer may be lost, and the pauses between."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._backoff = Backoff(conversation.jitter)
        self._lost = 0
        self._at = 0

    def note(self, at: int) -> None:
        """So many bytes are on the other side: if these are more than before, all is well."""
        if at > self._at:
            self._at, self._lost, self._backoff = at, 0, Backoff(self._conversation.jitter)

    async def wait_after(self, lost: TransferLost) -> None:
        """Wait before the next attempt, until the chat is connected. Raises `Refused` (``not_transferred``) if there
        were too many."""
        self._lost += 1
        if self._lost > LOST_AT_MOST:
            raise Refused(
                NOT_TRANSFERRED, f"The file does not get through, after {LOST_AT_MOST} attempts: {lost}."
            ) from lost
        pause_s = self._backoff.pause_s(held_s=0.0, may_be_at_once=True)
        with self._conversation.until_end():
            await trio.sleep(pause_s if lost.retry_after_s is None else lost.retry_after_s)
        await self._conversation.wait_connected()


async def _failure(response: Response, *, passing: Collection[int]) -> TransferLost | Refused:
    """What an answer means that is no success."""
    status = response.status
    said = (await response.sentence()).rstrip(".") or f"the server answered with the HTTP status {status}"
    if status in passing or (status >= 500 and status not in CODES):
        after = response.headers.get("retry-after", "")
        return TransferLost(said, retry_after_s=float(after) if after.isdecimal() else None)
    return Refused(CODES.get(status, NOT_TRANSFERRED), f"{said}.")
