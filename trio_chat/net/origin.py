"""The origin check: pages of this server, and of origins that the operator allows, may speak v1 from a browser.

A browser sends its page's `Origin` with each handshake. The v1 protocol carries an identity, so a foreign page must not
speak it (CWE-1385). Programs that are no browsers send no origin, and are allowed.

Pure.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trio_chat.net.request_head import shown

if TYPE_CHECKING:
    from collections.abc import Collection

_DEFAULT_PORTS = {"http": 80, "https": 443}


def is_allowed(origin: str | None, host: str | None, allowed: Collection[str]) -> bool:
    """Whether a page of ``origin`` may connect to the server it knows as ``host`` (the Host header).

    The scheme is not compared: behind a proxy that ends TLS the server cannot know its own.
    """
    if origin is None or "*" in allowed or origin.lower().rstrip("/") in allowed:
        return True
    theirs = _host_and_port(origin)
    scheme = origin.partition(":")[0].lower()
    return theirs is not None and host is not None and theirs == _host_and_port(f"{scheme}://{host}")


def why_not(origin: str, host: str | None) -> str:
    """The sentence for a page of ``origin`` that may not connect to ``host``; it says who has to mend what."""
    if _host_and_port(origin) is None:
        return (
            f"Origin {shown(origin)} is no site of the server's. If pages of it shall come in, "
            f"whoever runs the server starts it with --allow-origin {shown(origin)}."
        )
    return (
        f"Origin {shown(origin)} does not match Host {shown(host or '')}. If this is the server's own page, whoever "
        f"runs the proxy before it lets that pass Host on, or starts the server with --public-url {shown(origin)}; "
        f"if it is another site's, --allow-origin {shown(origin)} lets it in."
    )


@lru_cache(maxsize=256)  # a page's clients all say the same
def _host_and_port(url: str) -> tuple[str, int] | None:
    """The host and port of an origin; None for text that is none (``null`` included)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if (
        scheme not in _DEFAULT_PORTS
        or not parts.hostname
        or parts.path
        or parts.query
        or parts.fragment
        or parts.username is not None
    ):
        return None
    return parts.hostname.lower().rstrip("."), port or _DEFAULT_PORTS[scheme]
