"""Limits of one connection and of one address: rates, and the number of connections.

Pure; the time is passed in: ``now`` is in seconds, of any clock that does not go back.
"""

from __future__ import annotations

import ipaddress
import math
from functools import lru_cache
from typing import TYPE_CHECKING

from trio_chat.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

_ROUNDING_S = 1e-6
"""Tolerance for clocks that are floats: a client that waited as long as it was told must not be refused again."""


@lru_cache(maxsize=64)  # each connection has buckets, and all of them the same numbers
def _pace(rate: float, burst: float) -> tuple[float, float]:
    per_token_s = 1 / rate if rate and burst else 0.0
    return per_token_s, per_token_s * burst + _ROUNDING_S


class TokenBucket:
    """A rate limit: ``rate`` tokens a second for long, ``burst`` at once after a quiet time; 0: no limit.

    Kept as one number, the time at which the bucket will be full again (the generic cell rate algorithm of
    ATM Forum's Traffic Management 4.0), so it needs no refilling.
    """

    __slots__ = ("_full_at", "_per_token_s", "_tolerance_s")

    def __init__(self, rate: float, burst: float) -> None:
        self._per_token_s, self._tolerance_s = _pace(rate, burst)
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


@lru_cache(maxsize=4096)  # each connection asks several times, and the same addresses come again
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


RESERVED_SHARE = 10
"""One place in so many, of the server and of each address, is kept for people with a token: strangers hold at most the
others."""

PATIENCE_S = 2.0
"""How long a connection may be without saying who it is before it makes place for another, where all places are taken:
longer than saying hello takes, on a busy server and over a slow network."""

RETRY_AFTER_S = 5.0
"""When a stranger who is connected is told to say hello again."""


class ConnectionLimits:
    """The number of connections, in total and by address, and their limits; 0: no limit.

    Where all places are taken, the connection that has been here longest without saying who it is makes place.
    """

    def __init__(self, *, max_total: int, max_per_address: int) -> None:
        self._all = _Places(max_total, "The server is full. Try again later.")
        self._max_per_address = max_per_address
        self._by_address: dict[str, _Places] = {}

    @property
    def total(self) -> int:
        """How many connections are counted."""
        return self._all.taken

    def admit(self, ip: str | None, now: float) -> Admission:
        """Count a connection from this address as long as the ``with`` block of the `Admission` lasts.

        Raises `Refused` (``too_many_connections``), and then it is not counted.
        """
        admission = Admission(self, came_at=now)
        if ip is not None:
            admission.count_for(ip, now)
        try:
            self._all.make_room(now)
        except Refused:
            admission.release()
            raise
        admission.take_place(self._all)
        return admission

    def places_of(self, address: str) -> _Places:
        """The places of an address."""
        places = self._by_address.get(address)
        if places is None:
            sentence = "There are too many connections from your address."
            places = self._by_address[address] = _Places(self._max_per_address, sentence)
        return places

    def forget(self, address: str) -> None:
        """Drop an address if it has no connections, or the table would grow with each address ever seen."""
        if address in self._by_address and not self._by_address[address].taken:
            del self._by_address[address]


class Admission:
    """A connection that is counted as long as the ``with`` block lasts, or until it makes place for another.

    It is unknown until it has said who it is (`settle`). No generator, to save memory: each connection has one.
    """

    __slots__ = ("_address", "_is_stranger", "_limits", "_places", "came_at", "make_way", "was_evicted")

    def __init__(self, limits: ConnectionLimits, *, came_at: float) -> None:
        self.came_at = came_at
        self.make_way: Callable[[], object] | None = None
        """Ends the connection at once, sync; set by who serves it."""
        self.was_evicted = False
        """Whether it had to make place: it is not counted any more."""
        self._limits = limits
        self._places: tuple[_Places, ...] = ()
        self._address: str | None = None
        self._is_stranger: bool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.release()

    def count_for(self, ip: str, now: float) -> None:
        """Count it for this address from now on: once, for who was admitted without one. Raises `Refused`."""
        address = address_key(ip)
        self._limits.places_of(address).make_room(now)
        self.take_place(
            self._limits.places_of(address)
        )  # asked for once more: who made way may have been the last
        self._address = address

    def take_place(self, places: _Places) -> None:
        """Give it one of these places."""
        places.add(self)
        self._places = (*self._places, places)

    def settle(self, *, is_known: bool) -> None:
        """It has said who it is: somebody with a token (or a code), or a stranger. Strangers may become known.

        Raises `Refused` (``too_many_connections``) for a stranger if strangers have all the places that they may have.
        """
        if not is_known and self._is_stranger is None:
            for places in self._places:
                places.check_strangers()
        is_stranger = not is_known
        for places in self._places:
            places.settle(self, was_stranger=self._is_stranger is True, is_stranger=is_stranger)
        self._is_stranger = is_stranger

    def evict(self) -> None:
        """Have it make place for another."""
        self.was_evicted = True
        self.release()
        if self.make_way is not None:
            self.make_way()

    def release(self) -> None:
        """Count it no more. Idempotent."""
        for places in self._places:
            places.remove(self, is_stranger=self._is_stranger is True)
        self._places = ()
        if self._address is not None:
            self._limits.forget(self._address)


class _Places:
    """The places of the server, or of one address. ``sentence`` says that there is none."""

    __slots__ = ("_limit", "_max_strangers", "_sentence", "_strangers", "_unknown", "taken")

    def __init__(self, limit: int, sentence: str) -> None:
        self.taken = 0
        self._limit = limit or math.inf
        self._max_strangers = limit - limit // RESERVED_SHARE if limit else math.inf
        self._sentence = sentence
        self._strangers = 0
        self._unknown: dict[Admission, None] = {}  # who came first comes first

    def make_room(self, now: float) -> None:
        """See to it that there is a place. Raises `Refused`."""
        if self.taken < self._limit:
            return
        oldest = next(iter(self._unknown), None)
        if oldest is None or now - oldest.came_at < PATIENCE_S:
            raise self._refusal()
        oldest.evict()

    def check_strangers(self) -> None:
        """Raises `Refused` if one more stranger would be too many."""
        if self._strangers >= self._max_strangers:
            raise self._refusal()

    def _refusal(self) -> Refused:
        return Refused("too_many_connections", self._sentence, retry_after_s=RETRY_AFTER_S)

    def add(self, admission: Admission) -> None:
        """Give a place to somebody unknown."""
        self.taken += 1
        self._unknown[admission] = None

    def settle(self, admission: Admission, *, was_stranger: bool, is_stranger: bool) -> None:
        """Somebody is unknown no more."""
        self._unknown.pop(admission, None)
        self._strangers += is_stranger - was_stranger

    def remove(self, admission: Admission, *, is_stranger: bool) -> None:
        """Take the place back."""
        self.taken -= 1
        self._unknown.pop(admission, None)
        self._strangers -= is_stranger
