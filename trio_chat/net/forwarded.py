"""The address of a client behind trusted proxies: the rightmost hop that is none of them.

Each proxy appends the address of its own peer. What stands to the left of the first hop that is not trusted may be
invented. Pure.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

_FOR: Final = re.compile(r'(?:^|;)\s*for\s*=\s*("[^"]*"|[^\s;"]+)\s*(?=;|$)', re.IGNORECASE)
_WITH_PORT: Final = re.compile(r"\[([^\[\]]+)\](?::[\w.-]+)?|([\d.]+):[\w.-]+")


def is_trusted(ip: str, proxies: Collection[str]) -> bool:
    """Whether this address is in one of these networks (``10.0.0.0/8``, ``::1``)."""
    address = _address(ip) if proxies else None
    return address is not None and any(address in ipaddress.ip_network(network) for network in proxies)


def client_ip(peer: str, headers: Iterable[tuple[bytes, bytes]], proxies: Sequence[str]) -> str:
    """The client's address, when ``peer`` sent these fields; ``peer`` itself if it is not trusted.

    A proxy that sets one of ``X-Forwarded-For`` and ``Forwarded`` (RFC 7239) passes on what its client says in the
    other: if they differ, neither is believed (see `are_contradictory`).
    """
    if not proxies:
        return peer
    found = _clients(peer, headers, proxies)
    return found.pop() if len(found) == 1 else peer


def are_contradictory(peer: str, headers: Iterable[tuple[bytes, bytes]], proxies: Sequence[str]) -> bool:
    """Whether these fields name two clients: the request says one of them in order to be counted as the proxy."""
    return len(_clients(peer, headers, proxies)) > 1


def _clients(peer: str, headers: Iterable[tuple[bytes, bytes]], proxies: Sequence[str]) -> set[str]:
    """The addresses that the fields name, of one that is trusted."""
    found: set[str] = set()
    if not is_trusted(peer, proxies):
        return found
    fields: dict[bytes, list[str]] = {}
    for name, value in headers:
        fields.setdefault(name, []).extend(value.decode("latin-1").split(","))
    if b"x-forwarded-for" in fields:
        found.add(_rightmost(peer, fields[b"x-forwarded-for"], proxies))
    if b"forwarded" in fields:
        found.add(_rightmost(peer, [_for(hop) for hop in fields[b"forwarded"]], proxies))
    return found


def _rightmost(peer: str, hops: list[str], proxies: Sequence[str]) -> str:
    """The rightmost hop that is not trusted; what stands there instead of an address ends the search."""
    client = peer
    for hop in reversed(hops):
        address = _address(hop)
        if address is None:
            return client
        client = str(address)
        if not is_trusted(client, proxies):
            return client
    return client


def _for(element: str) -> str:
    match = _FOR.search(element)
    return match[1].strip('"') if match else ""


def _address(hop: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    text = hop.strip()
    match = _WITH_PORT.fullmatch(text)
    if match:
        text = match[1] or match[2]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
