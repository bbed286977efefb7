"""Uploads over HTTP: the data plane of resumable uploads (draft-ietf-httpbis-resumable-upload), begun over v1.

    HEAD  uploads/<upload>         how much is there
    PATCH uploads/<upload>         some more, from an offset on; with the last of it the upload is finished
    PUT   uploads/<upload>/poster  a still of a video

Answers that are no success are a sentence.
"""

from __future__ import annotations

import re
from functools import wraps
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trio_chat.errors import Refused, StoreError, WrongOffset

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from starlette.requests import Request

    Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
    NextPiece: TypeAlias = Callable[[], Awaitable[bytes]]

PARTIAL_UPLOAD: Final = "application/partial-upload"

STATUSES: Final = {
    "unknown_token": 401,
    "no_such_upload": 404,
    "no_such_room": 404,
    "superseded": 409,
    "finished": 409,
    "id_conflict": 409,
    "too_large": 413,
    "bad_file": 422,
    "too_many": 429,
    "stopping": 503,
    "busy": 503,
    "disk_full": 507,
    "quota": 507,
}
"""The status of an answer to what was refused; 403 for all other reasons."""

RETRY_AFTER_S: Final = 2

_OFFSET = re.compile(r"[0-9]{1,15}")


class Uploads(Protocol):
    """Takes the bytes of uploads. Its methods raise `Refused`, `StoreError` and `OSError`."""

    async def state(self, upload_id: str) -> tuple[int, int, bool]:
        """How much of an upload is there, its length, and whether it is finished."""
        ...

    async def append(self, upload_id: str, offset: int, next_piece: NextPiece) -> int:
        """Add all pieces, of which the last is empty, from ``offset`` on; returns how much is there then.

        Raises `WrongOffset`.
        """
        ...

    async def finish(self, upload_id: str) -> msgspec.Struct:
        """The file that a whole upload has become. Raises `WrongOffset` if something is missing."""
        ...

    async def set_poster(self, upload_id: str, next_piece: NextPiece) -> None:
        """Take a still of a video."""
        ...


def upload_routes(uploads: Uploads) -> list[Route]:
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
        offset = await uploads.append(upload, int(said), body_of(request))
        fields = {"upload-offset": str(offset)}
        if is_last == "?0":
            return Response(status_code=204, headers=fields)
        file = await uploads.finish(upload)
        fields["upload-complete"] = "?1"
        return Response(msgspec.json.encode(file), media_type="application/json", headers=fields)

    @answering
    async def poster(request: Request) -> Response:
        await uploads.set_poster(request.path_params["upload"], body_of(request))
        return Response(status_code=204)

    return [
        Route("/uploads/{upload:str}", head, methods=["HEAD"]),
        Route("/uploads/{upload:str}", patch, methods=["PATCH"]),
        Route("/uploads/{upload:str}/poster", poster, methods=["PUT"]),
    ]


def answering(handler: Handler) -> Handler:
    """The handler, with answers to what it raises."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except WrongOffset as wrong:
            return sentence(409, str(wrong), {"upload-offset": str(wrong.offset)})
        except Refused as refused:
            return refusal(refused)
        except (StoreError, OSError) as error:
            if isinstance(error, ConnectionError):  # there is nobody to answer
                raise
            return sentence(
                503,
                "This cannot be done just now. Try again in a moment.",
                {"retry-after": str(RETRY_AFTER_S)},
            )

    return answer


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


def refusal(refused: Refused) -> Response:
    """The answer to what was refused."""
    status = STATUSES.get(refused.code, 403)
    fields = {}
    if status in (429, 503):
        fields["retry-after"] = str(max(1, round(refused.retry_after_s or RETRY_AFTER_S)))
    return sentence(status, refused.message, fields)


def sentence(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    """An answer that is a sentence."""
    return PlainTextResponse(f"{text}\n", status_code=status, headers=headers)
