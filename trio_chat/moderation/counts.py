"""Counts: what is limited by the hour and by the day, exactly, however many nodes there are.

Where a node is alone it counts in memory (`RateLimits`). Where there are several the store counts, in a row for each
person or address that did something lately: a node knows only what came to it, and which one somebody comes to is the
balancer's choice, or theirs.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import trio

from trio_chat.net.rate_limits import DAY_S, HOUR_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_chat.model.records import ServerIdentity
    from trio_chat.net.rate_limits import Daily, RateLimits
    from trio_chat.store.base import Store

REFUSED_KEPT: Final = 10_000
"""Of so many who were refused it is known until when: for them the store is not asked."""

_ALL: Final = "all"


class Counts:
    """Counts within these limits. ``now_ms`` is the wall clock, the same on all nodes."""

    def __init__(
        self, store: Store, limits: RateLimits, server: ServerIdentity, *, now_ms: Callable[[], int]
    ) -> None:
        self._store = store
        self._limits = limits
        self._key = server.token_key
        self._now_ms = now_ms
        self._refused: OrderedDict[bytes, int] = OrderedDict()

    async def check_daily(self, what: Daily, person: str) -> None:
        """Count what this person does; raises `Refused` (``too_many``) if they did so much of it within a day, and
        `StoreError`."""
        if not self._store.has_nodes:
            self._limits.check_daily(what, person, trio.current_time())
            return
        self._limits.refuse_daily(what, await self._take(what, person, self._limits.daily(what), DAY_S))

    async def check_new_person(self, address: str) -> None:
        """Count somebody new from this address; raises `Refused` (``rate_limited``) if there are too many, and
        `StoreError`."""
        if not self._store.has_nodes:
            self._limits.check_new_person(address, trio.current_time())
            return
        n_of_address, n_of_all = (
            self._limits.new_people_per_address_per_hour,
            self._limits.new_people_per_hour,
        )
        wait_s = await self._take("newcomers", address, n_of_address, HOUR_S)
        self._limits.refuse_new_person(wait_s or await self._take("newcomers", _ALL, n_of_all, HOUR_S))

    async def _take(self, what: str, whose: str, n: float, period_s: int) -> float:
        """Count one, of ``n`` within this period; 0: no limit. Returns 0.0, or the seconds to wait."""
        if not n:
            return 0.0
        # Who it was is not kept as it is.
        bucket = hmac.digest(self._key, f"{what} of {whose}".encode(), "sha256")
        now_ms = self._now_ms()
        wait_ms = self._refused.get(bucket, 0) - now_ms
        if wait_ms <= 0:
            wait_ms = await self._store.charge(bucket, now_ms, n=n, period_ms=1000 * period_s)
            if wait_ms > 0:
                self._refused[bucket] = now_ms + wait_ms
                if len(self._refused) > REFUSED_KEPT:
                    self._refused.popitem(last=False)
        return max(wait_ms, 0) / 1000
