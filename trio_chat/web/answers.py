"""What the routes of files share: who asks, and answers that are a sentence."""

from __future__ import annotations

import errno
from functools import wraps
from typing import TYPE_CHECKING, Final

from starlette.responses import PlainTextResponse, Response

from trio_chat.errors import Refused, StoreError, WrongOffset
from trio_chat.net.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from typing import TypeAlias

    from starlette.requests import Request

    Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

STATUSES: Final = {
    "unknown_token": 401,
    "no_such_upload": 404,
    "no_such_room": 404,
    "superseded": 409,
    "finished": 409,
    "id_conflict": 409,
    "too_large": 413,
    "bad_file": 422,
    "rate_limited": 429,
    "too_many": 429,
    "stopping": 503,
    "busy": 503,
    "disk_full": 507,
    "quota": 507,
}
"""The status of an answer to what was refused; 403 for all other reasons."""

FULL: Final = (errno.ENOSPC, errno.EDQUOT)

RETRY_AFTER_S: Final = 2


def credentials_of(request: Request, *, cookies: Iterable[str] = ()) -> Credentials:
    """What a request shows of who makes it: a token, or the key in the first of these cookies that it has."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return Credentials(
        token=token.strip() if scheme.lower() == "bearer" else None,
        key=next(filter(None, map(request.cookies.get, cookies)), None),
        address=address_of(request),
    )


def address_of(request: Request) -> str:
    """The `address_key` that a request comes from."""
    return "" if request.client is None else request.client.host


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
            if isinstance(error, OSError) and error.errno in FULL:
                return sentence(507, "The server's disk is full. Try later.")
            return sentence(
                503,
                "This cannot be done just now. Try again in a moment.",
                {"retry-after": str(RETRY_AFTER_S)},
            )

    return answer


def refusal(refused: Refused) -> Response:
    """The answer to what was refused."""
    status = STATUSES.get(refused.code, 403)
    fields = {}
    if status == 401:
        fields["www-authenticate"] = "Bearer"
    if status in (429, 503):
        fields["retry-after"] = str(max(1, round(refused.retry_after_s or RETRY_AFTER_S)))
    return sentence(status, refused.message, fields)


def sentence(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    """An answer that is a sentence."""
    return PlainTextResponse(f"{text}\n", status_code=status, headers=headers)
