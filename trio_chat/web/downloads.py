"""Downloads over HTTP: files of messages, whole or in ranges (RFC 9110 section 14), and the cookie that asks for them.

    POST files/session                     sets the cookie, for who has a device's token
    GET  files/<room>/<seq>/<n>/<name>     file n of a message; ``?size=480`` a preview, ``?download`` to be saved

Whoever may not have a file gets the same answer as for one that is not there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

import attrs
import trio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trio_chat.errors import Refused, StoreError
from trio_chat.net.host import host_name, is_private
from trio_chat.web.answers import answering, credentials_of, refusal, sentence
from trio_chat.web.assets import names_tag

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from starlette.types import Receive, Scope, Send

    from trio_chat.net.credentials import Credentials

COOKIE: Final = "files"

HOST_COOKIE: Final = "__Host-files"
"""With the server's id, where there is TLS. Of such a name browsers take a cookie from this very host alone, for all
its paths; a page on a neighbouring name of the domain can set `COOKIE` for all of them (RFC 6265bis section
4.1.3.2)."""

EARLIER_COOKIE: Final = "__Secure-files"
"""What it was called before: pages that are open then have it."""

CHUNK_BYTES: Final = 256 * 1024
"""So much is read and sent at a time: measured, a third of the processor's time of 64 KiB."""

SLOW_CHUNK_BYTES: Final = 64 * 1024
SLOW_S: Final = 1.0
"""At first, and after a piece that took longer, so much: that a slow download moves is to be seen."""

PREVIEW_SIZES: Final = ("96", "256", "480", "1600")

ASK_EACH_TIME: Final = "private, no-cache"
PREVIEW_KEPT: Final = "private, max-age=3600"
"""A preview is shown again and again. Who may not see it any more sees it in their own browser for an hour at most."""

NOTHING_RUNS: Final = "default-src 'none'; sandbox"
"""The bytes are anybody's: nothing in them may be run."""

NO_SUCH_FILE: Final = "no such file"

_NUMBER = re.compile(r"[0-9]{1,15}")
_RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")
_NOT_IN_A_TOKEN = re.compile(r"[^A-Za-z0-9 .,_()+-]")


class Download(Protocol):
    """A file that is being fetched."""

    @property
    def name(self) -> str: ...
    @property
    def media_type(self) -> str: ...
    @property
    def is_inline(self) -> bool: ...
    @property
    def tag(self) -> str: ...
    @property
    def size(self) -> int: ...

    async def read(self, start: int, n: int) -> bytes:
        """The ``n`` bytes from ``start`` on. Raises `OSError`."""
        ...


class Downloads(Protocol):
    """Finds files."""

    def download(
        self, shown: Credentials, room: str, seq: int, n: int, *, preview: int = 0
    ) -> AbstractAsyncContextManager[Download]:
        """A file, as long as the block lasts. Raises `Refused`, also when the block was ended; `StoreError`."""
        ...


class Keys(Protocol):
    """Makes keys for cookies."""

    async def key_of(self, shown: Credentials) -> str:
        """The key that follows from a device's token. Raises `Refused`, `StoreError`."""
        ...


def download_routes(downloads: Downloads, keys: Keys, *, server_id: str, is_https: bool) -> list[Route]:
    """The routes of downloads; ``is_https`` says that people reach the server over TLS. Two servers on one host, under
    two paths, are told apart by ``server_id``."""
    host_cookie = f"{HOST_COOKIE}-{server_id}"

    @answering
    async def session(request: Request) -> Response:
        key = await keys.key_of(credentials_of(request))
        # As for HSTS: on an address of a private network people may come without TLS.
        is_secure = is_https and not is_private(host_name(request.headers.get("host", "")) or "")
        # The plain one has no path: that is then the one of this address, wherever a proxy puts the chat.
        cookie, attributes = (host_cookie, "; Path=/; Secure") if is_secure else (COOKIE, "")
        fields = {"set-cookie": f"{cookie}={key}{attributes}; HttpOnly; SameSite=Strict"}
        return Response(status_code=204, headers=fields)

    answer = _Answer(downloads, (host_cookie, EARLIER_COOKIE, COOKIE))
    return [
        Route("/files/session", session, methods=["POST"]),
        Route("/files/{room:str}/{seq:str}/{n:str}/{name:path}", answer, methods=["GET"]),
    ]


@attrs.frozen
class _Answer:
    """Answers a request for a file: an ASGI application, as the file is open until it is sent."""

    _downloads: Downloads
    _cookies: tuple[str, ...]
    """The names of the cookies that may have the key, the one that counts most first."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        room, seq, n = (request.path_params[name] for name in ("room", "seq", "n"))
        size = request.query_params.get("size", "")
        if not (_NUMBER.fullmatch(seq) and _NUMBER.fullmatch(n)) or (size and size not in PREVIEW_SIZES):
            await _not_found()(scope, receive, send)
            return
        has_begun = False
        try:
            async with self._downloads.download(
                credentials_of(request, cookies=self._cookies), room, int(seq), int(n), preview=int(size or 0)
            ) as file:
                head, start, end = _head(request, file, is_preview=bool(size))
                has_begun = True
                await send(
                    {"type": "http.response.start", "status": head.status_code, "headers": head.raw_headers}
                )
                if request.method != "HEAD":
                    is_slow = True
                    while start < end:
                        n = SLOW_CHUNK_BYTES if is_slow else CHUNK_BYTES
                        data = await file.read(start, min(n, end - start))
                        if not data:
                            return  # it has become shorter; that the answer ends too soon says so
                        start += len(data)
                        began = trio.current_time()
                        await send({"type": "http.response.body", "body": data, "more_body": True})
                        is_slow = trio.current_time() - began > SLOW_S
                await send({"type": "http.response.body"})
        except Refused as refused:
            if not has_begun:
                answer = _not_found() if refused.code in ("no_such_file", "forbidden") else refusal(refused)
                await answer(scope, receive, send)
        except (StoreError, OSError) as error:
            if isinstance(error, ConnectionError):
                raise
            if not has_begun:
                await sentence(503, "Files cannot be read just now. Try again in a moment.")(
                    scope, receive, send
                )


def _not_found() -> Response:
    return sentence(404, NO_SUCH_FILE)


def _head(request: Request, file: Download, *, is_preview: bool) -> tuple[Response, int, int]:
    """The head of the answer, and which bytes follow it: from the first number up to, without it, the second."""
    tag = f'"{file.tag}"'
    is_saved = "download" in request.query_params or not file.is_inline
    headers = {
        "accept-ranges": "bytes",
        "cache-control": PREVIEW_KEPT if is_preview else ASK_EACH_TIME,
        "content-disposition": disposition("attachment" if is_saved else "inline", file.name),
        "content-security-policy": NOTHING_RUNS,
        "etag": tag,
        "vary": "Authorization, Cookie",  # whoever uses the browser next is somebody else
    }
    if names_tag(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers), 0, 0
    status, start, end = 200, 0, file.size
    # Who has another version of it gets all of this one (RFC 9110 section 13.1.5).
    has_this = request.headers.get("if-range", tag) == tag
    # A part is what GET alone asks for (section 14.2).
    asked = request.headers.get("range", "") if has_this and request.method == "GET" else ""
    if (part := part_of(asked, file.size)) is not None:
        status, (start, end) = 206, part
        if start >= end:
            headers |= {"content-range": f"bytes */{file.size}", "content-length": "0"}
            return Response(status_code=416, headers=headers), 0, 0
        headers["content-range"] = f"bytes {start}-{end - 1}/{file.size}"
    headers |= {"content-type": file.media_type, "content-length": str(end - start)}
    return Response(status_code=status, headers=headers), start, end


def part_of(asked: str, size: int) -> tuple[int, int] | None:
    """The first byte, and that behind the last one, that a ``Range`` field asks for; no byte, if there are none such.
    None if it is to be ignored: it asks for several parts, or makes no sense."""
    found = _RANGE.fullmatch(asked)
    if found is None:
        return None
    first, last = found.groups()
    if not first:
        return (max(0, size - int(last)), size) if last else None
    if last and int(last) < int(first):
        return None
    return int(first), min(size, int(last) + 1) if last else size


def disposition(how: str, name: str) -> str:
    """A ``Content-Disposition`` (RFC 6266): with the name as far as it is ASCII, and whole (RFC 8187)."""
    plain = _NOT_IN_A_TOKEN.sub("_", name)
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
