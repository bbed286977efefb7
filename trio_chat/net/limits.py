"""Limits of one connection and of one address: rates, and the number of connections.

Pure; the time is passed in: ``now`` is in seconds, of any clock that does not go back.
"""

from __future__ import annotations

import ipaddress
import math
from collections import Counter

from trio_chat.errors import Refused

_ROUNDING_S = 1e-6
"""Tolerance for clocks that are floats: a client that waited as long as it was told must not be refused again."""


class TokenBucket:
    """A rate limit: ``rate`` tokens a second for long, ``burst`` at once after a quiet time; 0: no limit.

    Kept as one number, the time at which the bucket will be full again (the generic cell rate algorithm of
    ATM Forum's Traffic Management 4.0), so it needs no refilling.
    """

    __slots__ = ("_full_at", "_per_token_s", "_tolerance_s")

    def __init__(self, rate: float, burst: float) -> None:
        self._per_token_s = 1 / rate if rate and burst else 0.0
        self._tolerance_s = self._per_token_s * burst + _ROUNDING_S
        self._full_at = -math.inf

    def take(self, now: float, n: float = 1) -> float:
        """Take ``n`` tokens (at most ``burst``): 0.0, or the seconds to wait, and then none was taken."""
        full_at = self._full_at
        full_at = (full_at if full_at > now else now) + n * self._per_token_s
        missing_s = full_at - now - self._tolerance_s
        if missing_s > 0:
            return missing_s + _ROUNDING_S
        self._full_at = full_at
        return 0.0

    def is_full(self, now: float) -> bool:
        """Whether it is as good as a new one."""
        return self._full_at <= now


def address_key(ip: str) -> str:
    """The key by which an address is counted: an IPv4 address, or the /64 of an IPv6 address, which one household gets.

    An IPv4 address that a dual-stack socket shows as IPv6 is an IPv4 address. Text that is no address is its own key.
    """
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])  # without the interface of a link-local address
    except ValueError:
        return ip
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.IPv6Network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(address)


class ConnectionLimits:
    """The number of connections, in total and by address, and their limits; 0: no limit."""

    def __init__(self, *, max_total: int, max_per_address: int) -> None:
        self._max_total = max_total or math.inf
        self._max_per_address = max_per_address or math.inf
        self._by_address: Counter[str] = Counter()
        self.total = 0

    def admit(self, ip: str | None) -> Admission:
        """Count a connection from this address as long as the ``with`` block of the `Admission` lasts.

        Raises `Refused` (``too_many_connections``), and then it is not counted.
        """
        if self.total >= self._max_total:
            raise Refused("too_many_connections", "The server is full. Try again later.")
        admission = Admission(self)
        if ip is not None:
            admission.count_for(ip)
        self.total += 1
        return admission

    def count_for(self, address: str) -> None:
        """Count a connection for this address as well. Raises `Refused`, and then it is not counted."""
        if self._by_address[address] >= self._max_per_address:
            raise Refused("too_many_connections", "There are too many connections from your address.")
        self._by_address[address] += 1

    def release(self, address: str | None) -> None:
        """Count one connection less, and one less from its address."""
        self.total -= 1
        if address is None:
            return
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]  # or the table would grow with each address ever seen


class Admission:
    """A connection that is counted as long as the ``with`` block lasts. No generator, to save memory: each connection
    has one."""

    __slots__ = ("_address", "_limits")

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._address: str | None = None

    def count_for(self, ip: str) -> None:
        """Count it for this address from now on: once, for who was admitted without one. Raises `Refused`."""
        address = address_key(ip)
        self._limits.count_for(address)
        self._address = address

    def __enter__(self) -> Admission:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._limits.release(self._address)
