"""The host check: by which names this server may be asked for, so that DNS rebinding gets nowhere.

A page of ``evil.example`` can have its own name point to a machine in somebody's network, and the browser then lets it
talk to a server there as if that were its own: `Origin` and `Host` agree. But they both say ``evil.example``. So only
names are answered that nobody on the internet can own, and those that the operator gave.

Pure.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOST: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+(?:%[\w.~-]+)?)\]|([\w.-]+))(?::\d{0,5})?", re.ASCII)

_PRIVATE_ENDINGS: Final = (".localhost", ".local", ".internal", ".home.arpa")
"""Ends of names that are not given away on the internet (RFC 6761, RFC 6762, ICANN 2024-07-29, RFC 8375)."""


class Hosts:
    """The names by which a server may be asked for, beside those that nobody on the internet can own: addresses, names
    of one label (``localhost``, a machine's) and names with a private ending."""

    __slots__ = ("_names",)

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(name.lower().removesuffix(".") for name in names)

    def has(self, host: str | None) -> bool:
        """Whether this is the server's own host (a `Host` field, port and all). None, from a client that does not say,
        is: browsers always do."""
        if host is None:
            return True
        name = host_name(host)
        return name is not None and (name in self._names or is_private(name))


@lru_cache(maxsize=256)  # clients ask by the same few names
def host_name(host: str) -> str | None:
    """The name or address in a `Host` field, in lower case, without port, brackets and a dot at the end; None if it is
    not a host."""
    match = _HOST.fullmatch(host)
    return (match[1] or match[2]).lower().removesuffix(".") or None if match else None


def is_private(name: str) -> bool:
    """Whether nobody can have this name on the internet point to a place of their choice."""
    return "." not in name or name.endswith(_PRIVATE_ENDINGS) or _is_address(name)


def why_not(host: str | None) -> str:
    """The sentence for whoever asked for another host than the server's; it says what the operator is to do."""
    name = host_name(host or "")
    if name is None:
        return "The host of this request is not right."
    return (
        f"This server does not answer to the name {name}. If it is its own, "
        f"whoever runs it starts it with --public-url https://{name} or --allow-host {name}."
    )


@lru_cache(maxsize=256)
def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
