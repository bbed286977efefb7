"""HTTP on the same port: the page, its files, and the two questions of operators.

Not ours to write: Starlette is the application, Hypercorn's Trio server speaks HTTP, over the same `Wire` that a
WebSocket would have had. It is lent one request at a time (`trio_chat.web.exchange`), since a client that keeps its
connection may ask for a WebSocket on it next (proxies do), and it is the gate that tells the two apart.
"""

from __future__ import annotations

import logging
import re
from copy import copy
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config as HypercornConfig
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trio_chat.errors import StoreError
from trio_chat.web.assets import Files
from trio_chat.web.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from trio_chat.config.config import Config
    from trio_chat.net.wire import Wire

    FindPicture: TypeAlias = Callable[[str], Awaitable[tuple[bytes, str] | None]]

_PACKAGED = Path(__file__).parents[1] / "static"
STATIC = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).parents[2] / "static"
"""The page's files: inside the installed package, or beside it in a checkout."""

NEVER_KEPT = "no-store"
"""What is said of an answer's use in caches where the answer does not say it."""

HTTP_TIMEOUT_S = 60.0
"""How long one request may take: the page's largest file over a very bad line."""

_PICTURE = re.compile(r"[0-9a-f]{32}")
_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")


@cache
def _files(directory: Path) -> Files:
    """The page's files, read and packed once in a process: a tenth of a second."""
    return Files(directory)


def make_app(*, is_ready: Callable[[], bool], picture: FindPicture) -> ASGIApp:
    """The ASGI application; ``is_ready`` is asked at each ``/readyz``, ``picture`` for the bytes and the media type of
    a picture, by its hash."""

    files = _files(STATIC)

    def healthz(_request: Request) -> Response:
        return PlainTextResponse("alive\n")

    def readyz(_request: Request) -> Response:
        if is_ready():
            return PlainTextResponse("ready\n")
        return PlainTextResponse("starting or stopping\n", status_code=503)

    routes = [
        Route("/pictures/{hash:str}", partial(_picture, find=picture)),
        Route("/", files.page),
        Route("/static/{name:path}", files.file),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
    ]
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False  # it would redirect to whatever Host the request names
    return _SafeHeaders(
        app, partial(content_security_policy, scripts=files.made.scripts, styles=files.made.styles)
    )


async def _picture(request: Request, *, find: FindPicture) -> Response:
    """A picture that somebody shows of themselves. Its bytes are anybody's, so nothing in them may be run."""
    name: str = request.path_params["hash"]
    try:
        found = await find(name) if _PICTURE.fullmatch(name) else None
    except StoreError:
        return PlainTextResponse("try again in a moment\n", status_code=503)
    if found is None:
        return PlainTextResponse("no such picture\n", status_code=404)
    data, media_type = found
    return Response(
        data,
        media_type=media_type,
        headers={
            "cache-control": "private, max-age=31536000, immutable",  # another picture has another hash
            "content-security-policy": "default-src 'none'; sandbox",
            "content-disposition": "inline",
        },
    )


class _SafeHeaders:
    """Puts on every answer what a browser needs to hear to keep the page safe."""

    def __init__(self, app: ASGIApp, policy: Callable[[str], str]) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = Headers(scope=scope).get("host", "") if scope["type"] == "http" else ""

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("content-security-policy", self._policy(host))
                headers["x-content-type-options"] = "nosniff"
                headers["referrer-policy"] = "no-referrer"
                headers["cross-origin-opener-policy"] = "same-origin"
                headers["cross-origin-resource-policy"] = "same-origin"
                headers.setdefault("cache-control", NEVER_KEPT)
            # When all was said, Hypercorn tells the application that the client is gone, and Starlette then cancels who
            # is sending: in this very call, which would have closed the connection.
            with trio.move_on_after(HTTP_TIMEOUT_S, shield=True):
                await send(message)

        await self._app(scope, receive, send_safely)


def content_security_policy(host: str, *, scripts: str = "", styles: str = "") -> str:
    """What the page may do: run its own scripts, and talk to its own server. No markup from text, and nothing inline
    but what was put into the page at the start: these, by their digests.

    The server's WebSocket address is spelled out since older Safaris do not count it as ``'self'``
    (w3c/webappsec-csp#7).
    """
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return (
        f"default-src 'none'; script-src 'self'{scripts}; style-src 'self'{styles}; img-src 'self' data: blob:; "
        f"worker-src 'self'; connect-src 'self'{sockets}; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


class HttpServer:
    """Serves the application, one request after the other."""

    def __init__(self, config: Config, *, is_ready: Callable[[], bool], picture: FindPicture) -> None:
        self._app = make_app(is_ready=is_ready, picture=picture)
        self._keeping = HypercornConfig()
        self._keeping.errorlog = logging.getLogger(__name__)
        self._keeping.include_server_header = False
        self._keeping.h11_max_incomplete_size = config.max_head_bytes or 2**30
        self._closing = copy(self._keeping)
        self._closing.keep_alive_max_requests = 0  # each answer says that the connection ends with it

    async def serve(self, wire: Wire, request: bytes, *, keeps_connection: bool) -> bool:
        """Answer one request. True if there may be another on this wire: the peer has its answer, and was told so.

        Whoever takes longer than the limit is cut. Hypercorn shields its writes from cancellation without a deadline:
        so the transport is closed under them, at once, when this is cancelled or the time is over.
        """
        exchange = Exchange(wire, request, keeps_connection=keeps_connection)
        wire.carries_frames = False
        with trio.move_on_after(HTTP_TIMEOUT_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(
                    self._answer, exchange, self._keeping if keeps_connection else self._closing
                )
                try:
                    await exchange.is_over.wait()
                finally:
                    if not exchange.is_over.is_set():
                        wire.cut()
                nursery.cancel_scope.cancel()  # timers of Hypercorn's own still run
        wire.carries_frames = True
        return keeps_connection and exchange.is_answered and wire.is_open

    async def _answer(self, exchange: Exchange, config: HypercornConfig) -> None:
        app = ASGIWrapper(exchange.watching(self._app))  # type: ignore[arg-type]  # the same, typed otherwise
        await TCPServer(app, config, WorkerContext(None), {}, exchange)  # type: ignore[arg-type]
