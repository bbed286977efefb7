"""The web application: the page and its files, pictures, health and readiness.

Starlette's, as any ASGI application; `trio_chat.web.asgi` has it answer requests.
"""

from __future__ import annotations

import re
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trio_chat.errors import StoreError
from trio_chat.net.host import host_name, is_private
from trio_chat.web.assets import Assets
from trio_chat.web.downloads import (
    NOTHING_RUNS,
    PREVIEW_KEPT,
    PREVIEW_SIZES,
    Downloads,
    Keys,
    download_routes,
)
from trio_chat.web.uploads import Beginning, Uploads, upload_routes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    FindPicture: TypeAlias = Callable[[str, int], Awaitable[tuple[bytes, str, bool] | None]]

_PACKAGED = Path(__file__).parents[1] / "static"
STATIC = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).parents[2] / "static"
"""The page's files: inside the installed package, or beside it in a checkout."""

NEVER_KEPT = "no-store"
"""What is said of an answer's use in caches where the answer does not say it."""

UNUSED_FEATURES = ", ".join(
    f"{feature}=()"
    for feature in (
        *("accelerometer", "browsing-topics", "camera", "display-capture", "geolocation", "gyroscope", "hid"),
        *("magnetometer", "midi", "payment", "serial", "usb", "xr-spatial-tracking"),
    )
)
FEATURES = f"microphone=(self), {UNUSED_FEATURES}"
"""The Permissions-Policy: the page records voice notes; of what it does not use, nothing in it may make use."""

HTTPS_ONLY = "max-age=31536000"
"""Strict-Transport-Security (RFC 6797): for a year the browser asks over TLS only."""

_PICTURE = re.compile(r"[0-9a-f]{32}")
_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")


@cache
def _files(directory: Path) -> Assets:
    """The page's files, read and packed once in a process: a tenth of a second."""
    return Assets(directory)


def page_version() -> str:
    """The version of the page that is served: another one after each change of it."""
    return _files(STATIC).made.version


class Files(Protocol):
    """The service of files."""

    @property
    def beginning(self) -> Beginning: ...
    @property
    def uploads(self) -> Uploads: ...
    @property
    def downloads(self) -> Downloads: ...
    @property
    def keys(self) -> Keys: ...


def make_app(
    *,
    readiness: Callable[[], tuple[bool, str]],
    picture: FindPicture,
    files: Files,
    server_id: str = "",
    is_https: bool = False,
) -> ASGIApp:
    """The ASGI application; ``readiness`` is asked at each ``/readyz`` whether the server is ready and what to say,
    ``picture`` for a picture, by its name and the wanted side in pixels (0: as large as it is): its bytes, media type,
    and whether browsers may keep it for good. ``server_id`` tells it from others, ``is_https`` says that people reach
    it over TLS, and should do so only."""

    assets = _files(STATIC)

    # Async, or Starlette would ask them in a thread.
    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def readyz(_request: Request) -> Response:
        is_ready, sentence = readiness()
        return PlainTextResponse(f"{sentence}\n", status_code=200 if is_ready else 503)

    routes = [
        Route("/pictures/{hash:str}", partial(_picture, find=picture)),
        Route("/", assets.page),
        Route("/static/{name:path}", assets.file),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        *upload_routes(files.uploads, files.beginning),
        *download_routes(files.downloads, files.keys, server_id=server_id, is_https=is_https),
    ]
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False  # it would redirect to whatever Host the request names
    policy = partial(content_security_policy, scripts=assets.made.scripts, styles=assets.made.styles)
    return _SafeHeaders(app, policy, is_https=is_https)


async def _picture(request: Request, *, find: FindPicture) -> Response:
    """A picture that somebody shows of themselves. Its bytes are anybody's, so nothing in them may be run."""
    name: str = request.path_params["hash"]
    size = request.query_params.get("size", "")
    if size not in PREVIEW_SIZES:
        size = "0"
    try:
        found = await find(name, int(size)) if _PICTURE.fullmatch(name) else None
    except (StoreError, OSError):
        return PlainTextResponse("try again in a moment\n", status_code=503)
    if found is None:
        return PlainTextResponse("no such picture\n", status_code=404)
    data, media_type, is_kept = found
    return Response(
        data,
        media_type=media_type,
        headers={
            # Another picture has another name. A small one is in many browsers anyway.
            "cache-control": "private, max-age=31536000, immutable" if is_kept else PREVIEW_KEPT,
            "content-security-policy": NOTHING_RUNS,
            "content-disposition": "inline",
        },
    )


class _SafeHeaders:
    """Puts on every answer what a browser needs to hear to keep the page safe."""

    def __init__(self, app: ASGIApp, policy: Callable[[str], str], *, is_https: bool) -> None:
        self._app = app
        self._policy = policy
        self._is_https = is_https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = Headers(scope=scope).get("host", "") if scope["type"] == "http" else ""
        # On ``localhost`` it would hold for every other program's server as well, on whatever port.
        is_https_only = self._is_https and not is_private(host_name(host) or "")

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # A sentence needs no policy of half a kilobyte.
                is_text = headers.get("content-type", "").startswith("text/plain")
                policy = NOTHING_RUNS if is_text else self._policy(host)
                headers.setdefault("content-security-policy", policy)
                headers["x-content-type-options"] = "nosniff"
                headers["referrer-policy"] = "no-referrer"
                headers["cross-origin-opener-policy"] = "same-origin"
                headers["cross-origin-resource-policy"] = "same-origin"
                headers["permissions-policy"] = FEATURES
                if is_https_only:
                    headers["strict-transport-security"] = HTTPS_ONLY
                headers.setdefault("cache-control", NEVER_KEPT)
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
        "media-src 'self' blob:; "
        f"worker-src 'self'; connect-src 'self'{sockets}; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
