"""Uploads over HTTP: the data plane of resumable uploads (draft-ietf-httpbis-resumable-upload), begun over v1.

    HEAD  uploads/<upload>         how much is there
    PATCH uploads/<upload>         some more, from an offset on; with the last of it the upload is finished
    PUT   uploads/<upload>/poster  a still of a video
    POST  files                    a whole file, for programs with a device's token

Answers that are no success are a sentence.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
import trio
from starlette.responses import Response
from starlette.routing import Route

from trio_chat.web.answers import address_of, answering, credentials_of, sentence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from starlette.requests import Request

    from trio_chat.net.credentials import Credentials

    NextPiece: TypeAlias = Callable[[], Awaitable[bytes]]

PARTIAL_UPLOAD: Final = "application/partial-upload"

DROPPED_S: Final = 2.0
"""So long it may take to forget an upload that failed, when the server stops."""

_OFFSET = re.compile(r"[0-9]{1,15}")


class Uploads(Protocol):
    """Takes the bytes of uploads. Its methods raise `Refused`, `StoreError` and `OSError`."""

    async def state(self, upload_id: str) -> tuple[int, int, bool]:
        """How much of an upload is there, its length, and whether it is finished."""
        ...

    async def append(self, upload_id: str, offset: int, next_piece: NextPiece, *, address: str = "") -> int:
        """Add all pieces, of which the last is empty, and which come from this address, from ``offset`` on; returns
        how much is there then.

        Raises `WrongOffset`.
        """
        ...

    async def finish(self, upload_id: str) -> msgspec.Struct:
        """The file that a whole upload has become. Raises `WrongOffset` if something is missing."""
        ...

    async def set_poster(self, upload_id: str, next_piece: NextPiece, *, address: str = "") -> None:
        """Take a still of a video."""
        ...

    async def drop(self, upload_id: str) -> bool:
        """Forget an upload that was not sent."""
        ...


class Beginning(Protocol):
    """Begins uploads for who has a device's token."""

    async def begin(
        self, shown: Credentials, *, room: str, name: str, size: int, as_file: bool = False
    ) -> str:
        """The id of a new upload. Raises `Refused`, `StoreError`."""
        ...


def upload_routes(uploads: Uploads, beginning: Beginning) -> list[Route]:
    """The routes of uploads."""

    @answering
    async def head(request: Request) -> Response:
        offset, length, is_finished = await uploads.state(request.path_params["upload"])
        return Response(
            status_code=204,
            headers={
                "upload-offset": str(offset),
                "upload-length": str(length),
                "upload-complete": "?1" if is_finished else "?0",
            },
        )

    @answering
    async def patch(request: Request) -> Response:
        headers = request.headers
        if headers.get("content-type", "").partition(";")[0].strip().lower() != PARTIAL_UPLOAD:
            return sentence(415, f"The body of an upload is of the type {PARTIAL_UPLOAD}.")
        said, is_last = headers.get("upload-offset", ""), headers.get("upload-complete", "?0")
        if not _OFFSET.fullmatch(said):
            return sentence(400, "Upload-Offset says in decimal digits where the body goes on.")
        if is_last not in ("?0", "?1"):
            return sentence(400, "Upload-Complete is ?1 with the last of an upload, and ?0 before.")
        upload: str = request.path_params["upload"]
        offset = await uploads.append(upload, int(said), body_of(request), address=address_of(request))
        fields = {"upload-offset": str(offset)}
        if is_last == "?0":
            return Response(status_code=204, headers=fields)
        file = await uploads.finish(upload)
        fields["upload-complete"] = "?1"
        return Response(msgspec.json.encode(file), media_type="application/json", headers=fields)

    @answering
    async def poster(request: Request) -> Response:
        upload: str = request.path_params["upload"]
        await uploads.set_poster(upload, body_of(request), address=address_of(request))
        return Response(status_code=204)

    @answering
    async def whole(request: Request) -> Response:
        query, length = request.query_params, request.headers.get("content-length", "")
        if not _OFFSET.fullmatch(length):
            return sentence(411, "Say with Content-Length how many bytes the file has.")
        upload = await beginning.begin(
            credentials_of(request),  # without cookies: else another page could have a browser do it
            room=query.get("room", ""),
            name=query.get("name", ""),
            size=int(length),
            as_file="as_file" in query,
        )
        is_finished = False
        try:
            await uploads.append(upload, 0, body_of(request), address=address_of(request))
            file = await uploads.finish(upload)
            is_finished = True
        finally:
            if not is_finished:  # nobody knows its id
                with trio.move_on_after(DROPPED_S, shield=True):
                    await uploads.drop(upload)
        return Response(msgspec.json.encode({"upload": upload, "file": file}), media_type="application/json")

    return [
        Route("/files", whole, methods=["POST"]),
        Route("/uploads/{upload:str}", head, methods=["HEAD"]),
        Route("/uploads/{upload:str}", patch, methods=["PATCH"]),
        Route("/uploads/{upload:str}/poster", poster, methods=["PUT"]),
    ]


def body_of(request: Request) -> NextPiece:
    """What gives the next piece of a request's body, and an empty one at its end. It raises `ConnectionError` when the
    client is gone."""
    is_read = False

    async def next_piece() -> bytes:
        nonlocal is_read
        while not is_read:
            message = await request.receive()
            if message["type"] != "http.request":
                raise ConnectionError("the client is gone")
            is_read = not message.get("more_body", False)
            if message["body"]:
                return bytes(message["body"])
        return b""

    return next_piece
