"""Places of blobs, as an operator names them. Pure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit

import attrs

BLOBS: Final = "blobs"
"""The name of the directory of blobs inside a directory of files."""

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX: Final = re.compile(r"[A-Za-z0-9!_.'()*/-]{0,200}")
_REGION: Final = re.compile(r"[a-z0-9-]{1,50}")

_S3: Final = "s3://"
_SHARED: Final = "shared:"


@attrs.frozen
class S3Place:
    """A bucket of a store that speaks the language of Amazon's S3."""

    bucket: str
    prefix: str = ""
    """What stands before the names of blobs; ends with a slash unless it is empty."""
    endpoint: str | None = None
    """The store's address; None: Amazon's own."""
    region: str | None = None
    """None: as the environment says."""

    def __str__(self) -> str:
        asked = {"endpoint": self.endpoint, "region": self.region}
        query = urlencode({name: value for name, value in asked.items() if value}, safe=":/[]")
        return f"{_S3}{self.bucket}/{self.prefix}{query and '?'}{query}"


@attrs.frozen
class SharedDirectory:
    """A directory that all servers of a chat have, wherever it really is."""

    path: Path

    def __str__(self) -> str:
        return f"{_SHARED}{self.path}"


BlobsPlace: TypeAlias = Path | SharedDirectory | S3Place
"""Where blobs are; a path is a directory of this machine alone."""


def directory_of(place: Path | SharedDirectory) -> Path:
    """The directory of the blobs there."""
    return (place if isinstance(place, Path) else place.path) / BLOBS


def read_place(text: str) -> BlobsPlace | None:
    """The place that is named so: a path, ``shared:`` and a path, or ``s3://bucket/prefix?endpoint=…&region=…``; None
    for what is none of these."""
    if not text or "\0" in text:
        return None
    if text.startswith(_SHARED):
        path = text.removeprefix(_SHARED)
        return SharedDirectory(Path(path)) if path else None
    return _s3_place(text) if text.startswith(_S3) else Path(text)


def _s3_place(text: str) -> S3Place | None:
    try:
        parts = urlsplit(text)
        asked = parse_qsl(parts.query, strict_parsing=True) if parts.query else []
    except ValueError:
        return None
    wanted = dict(asked)
    prefix = parts.path.strip("/")
    endpoint, region = wanted.pop("endpoint", None), wanted.pop("region", None)
    if wanted or len(asked) > 2 or parts.fragment:
        return None
    if not _BUCKET.fullmatch(parts.netloc) or not _PREFIX.fullmatch(prefix):
        return None
    if (endpoint is not None and not _is_address(endpoint)) or (region and not _REGION.fullmatch(region)):
        return None
    return S3Place(parts.netloc, prefix and f"{prefix}/", endpoint and endpoint.rstrip("/"), region)


def _is_address(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        _ = parts.port
    except ValueError:
        return False
    is_plain = not (parts.query or parts.fragment or "@" in parts.netloc)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_plain
