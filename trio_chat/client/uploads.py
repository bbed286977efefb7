"""Uploads: files to be sent, given to the server in pieces that go on where a lost connection ended.

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
from trio_chat.client.http import TransferLost
from trio_chat.client.transfers import PASSING, Patience, failure_of
from trio_chat.protocol.commands import UploadCommand, UploadPicture, VoiceNote

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from trio_chat.client.conversation import Conversation
    from trio_chat.client.http import HttpConnection, Response

PARTIAL_UPLOAD: Final = "application/partial-upload"

LEAST_CHUNK_BYTES: Final = 64 * 1024
"""A proxy that does not take so much at a time takes no files."""

BEGUN_ANEW: Final = frozenset({404, 409})
"""After these the server is asked how much it has, and if it is gone an upload is begun anew."""


MOST_MOVES: Final = 20
"""So often the server may say, in one attempt, that it has another part than was thought."""


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
    async with _open_content(attachment.content) as content:
        command = UploadCommand(
            id=upload_id,
            room=room,
            name=attachment.name or content.name,
            bytes=content.size,
            as_file=attachment.as_file,
            voice=None if voice is None else VoiceNote(voice.ms, b64encode(voice.peaks).decode()),
        )
        return Uploaded(await _bring(conversation, command, content), attachment.alt)


async def upload_picture(
    conversation: Conversation, room: str | None, picture: str | Path | bytes, upload_id: str
) -> str:
    """Give the server a picture of a room, or (None) of the person; returns its upload. Raises as `upload` does."""
    async with _open_content(picture) as content:
        command = UploadPicture(id=upload_id, bytes=content.size, room=room)
        return await _bring(conversation, command, content)


async def _bring(
    conversation: Conversation, command: UploadCommand | UploadPicture, content: _Content
) -> str:
    """Begin the upload, and send what the server does not have; returns its id."""
    async with conversation.open_http() as http:
        patience = Patience(conversation)
        sender = _Sender(conversation, http, content)
        while True:
            begun = await conversation.call(command, frames.Uploading)
            if begun.complete:
                return begun.upload
            patience.note(begun.offset)
            try:
                await sender.send(begun)
                return begun.upload
            except TransferLost as lost:
                await patience.wait_after(lost)


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
        offset, n_moves = begun.offset, 0
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
                elif (
                    response.status == 409
                    and (has := _offset_of(response)) is not None
                    and n_moves < MOST_MOVES
                ):
                    offset = has  # of several servers this one has so much
                    n_moves += 1
                else:
                    raise await failure_of(response, passing=PASSING | BEGUN_ANEW)


def _offset_of(response: Response) -> int | None:
    """How much the server has, if it says that."""
    said = response.headers.get("upload-offset", "")
    return int(said) if said.isdecimal() else None
