"""Assets: the page and its files, read once and kept in memory, plain and compressed.

Under ``static/<version>/``, where the version is a digest of everything, are the files that the page points to, as
built by `web.page`: browsers keep them for good. Under ``static/`` are the source files, which browsers revalidate at
each use. A request's path is only looked up in memory, never in the file system.
"""

from __future__ import annotations

import gzip
import hashlib
from typing import TYPE_CHECKING

import attrs
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse

from trio_chat.web.page import PAGE, build_page

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

ASK_EACH_TIME = "no-cache"
KEEP_FOR_GOOD = "public, max-age=31536000, immutable"

COMPRESSED_FROM_BYTES = 1024
"""Smaller files fit into a packet uncompressed."""

# Not the system's table: on Windows any program may have changed in the registry what ".js" is.
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/vnd.microsoft.icon",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}


@attrs.frozen
class File:
    """One file, ready to be sent."""

    media_type: str
    body: bytes
    compressed: bytes | None
    """With gzip; None if that saves too little."""
    tag: str
    """The entity tag of the plain body; the compressed one has another (RFC 9110 section 8.8.3.3)."""

    @classmethod
    def of(cls, name: str, body: bytes) -> File:
        """The file of this name and content."""
        compressed = gzip.compress(body, 9, mtime=0) if len(body) >= COMPRESSED_FROM_BYTES else body
        return cls(
            MEDIA_TYPES.get(name[name.rfind(".") :], "application/octet-stream"),
            body,
            compressed if len(compressed) < 0.9 * len(body) else None,
            hashlib.sha256(body).hexdigest()[:16],
        )

    def response(self, asked: Headers, *, cache_control: str) -> Response:
        """The response to a request with these header fields: 200 with the body that it accepts, or 304."""
        body, tag = self.body, f'"{self.tag}"'
        headers = {"cache-control": cache_control, "content-type": self.media_type}
        if self.compressed is not None:
            headers["vary"] = "Accept-Encoding"
            if takes_gzip(asked.get("accept-encoding", "")):
                body, tag = self.compressed, f'"{self.tag}-gzip"'
                headers["content-encoding"] = "gzip"
        headers["etag"] = tag
        if names_tag(asked.get("if-none-match", ""), tag):
            return NotModifiedResponse(Headers(headers))
        return Response(body, headers=headers)


class Assets:
    """All files under one directory, as they are now; symbolic links are left out, they could lead anywhere."""

    def __init__(self, directory: Path) -> None:
        root = directory.resolve()
        bodies = {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and path.resolve() == path
        }
        self.made = build_page(bodies)
        """The built page."""
        self._page = File.of(PAGE, self.made.html.encode())
        self._files = {name: File.of(name, body) for name, body in bodies.items() if name != PAGE}
        self._kept = {
            name: self._files[name] if body == bodies.get(name) else File.of(name, body)
            for name, body in self.made.files.items()
        }

    async def page(self, request: Request) -> Response:
        """The page."""
        return self._page.response(request.headers, cache_control=ASK_EACH_TIME)

    async def file(self, request: Request) -> Response:
        """The file that the rest of the path names. Raises `HTTPException` (404)."""
        name: str = request.path_params["name"]
        version, _, versioned = name.partition("/")
        is_kept = version == self.made.version
        found = self._kept.get(versioned) if is_kept else self._files.get(name)
        if found is None:
            raise HTTPException(404)
        return found.response(request.headers, cache_control=KEEP_FOR_GOOD if is_kept else ASK_EACH_TIME)


def takes_gzip(accept_encoding: str) -> bool:
    """Whether this ``Accept-Encoding`` takes gzip (RFC 9110 section 12.5.3); by default it does not."""
    for item in accept_encoding.lower().split(","):
        coding, _, weight = item.partition(";")
        if coding.strip() in {"gzip", "x-gzip"}:
            return weight.replace(" ", "").rstrip("0") not in {"q=", "q=0."}
    return False


def names_tag(if_none_match: str, tag: str) -> bool:
    """Whether this ``If-None-Match`` has the tag, so that the client has the file (RFC 9110 section 13.1.2)."""
    return if_none_match.strip() == "*" or tag in (
        item.strip().removeprefix("W/") for item in if_none_match.split(",")
    )
