"""Rate limits that count per person and per address, so that a new connection has no new burst.

Pure: the time is passed in, in seconds of any clock that does not go back. An address is an `address_key`.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from trio_chat.errors import Refused, moment_in
from trio_chat.net.limits import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Mapping

HOUR_S: Final = 3600
DAY_S: Final = 24 * HOUR_S

Daily: TypeAlias = Literal["rooms", "invitations", "conversations", "reports"]
"""What a person can do so often a day."""

_DONE: Final[dict[Daily, str]] = {
    "rooms": "made {} rooms",
    "invitations": "made {} links",
    "conversations": "began {} conversations",
    "reports": "made {} reports",
}

ADDRESS_SHARE: Final = 20
"""Quotas of one person that all who come from one address may write together in long commands."""

REQUESTS_SHARE: Final = 3
"""Requests of HTTP that all who come from one address may make at once, for each command that they may send at once: a
school's class opens the page, which is some fifty files, and a message with many pictures."""

SHORT_BYTES: Final = 1024
"""Commands up to this size are counted by their number only, so that deleting and moderating always work."""

_CHECKED_PER_NEW_KEY: Final = 2
"""More than come, so that the number of full buckets falls."""


class TokenBuckets:
    """A `TokenBucket` for each key. Those that are full again are forgotten, which makes no difference; 0: no limit.

    Each new key checks the two buckets that were not checked for longest, so that this is O(1).
    """

    __slots__ = ("_buckets", "_burst", "_is_limited", "_rate")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._is_limited = bool(rate and burst)
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str, now: float, n: float = 1) -> float:
        """Take ``n`` tokens (at most the burst): 0.0, or the seconds to wait, and then none was taken."""
        if not self._is_limited:
            return 0.0
        bucket = self._buckets.get(key)
        if bucket is None:
            self._forget_full(now)
            bucket = self._buckets[key] = TokenBucket(self._rate, self._burst)
        return bucket.take(now, n)

    def _forget_full(self, now: float) -> None:
        for _ in range(min(_CHECKED_PER_NEW_KEY, len(self._buckets))):
            key, bucket = next(iter(self._buckets.items()))
            if bucket.is_full(now):
                del self._buckets[key]
            else:
                self._buckets.move_to_end(key)


class RateLimits:
    """The rate limits that all connections share; for each number 0 means no limit.

    ``rate`` (commands a second) and ``burst`` are a person's, ``address_rate`` and ``address_burst`` of all who come
    from one address; without that limit there is none of an address, of searches or by the day. ``person_quota`` is in
    bytes a day, of which all of one address have `ADDRESS_SHARE`.
    Requests of HTTP are counted by address alone, apart from commands, at the same ``address_rate`` (`REQUESTS_SHARE`).
    New people are counted by the hour, searches by the minute, and what a person does seldom (``daily``) by the day:
    so much at once, and then as much in each day that passes. All are in memory: a restart begins anew, and each node
    counts what comes to it (but for `trio_chat.moderation.counts`).
    """

    def __init__(
        self,
        *,
        rate: float,
        burst: float,
        address_rate: float,
        address_burst: float,
        new_people_per_hour: float,
        new_people_per_address_per_hour: float,
        searches_per_minute: float,
        searches_per_minute_per_address: float,
        daily: Mapping[Daily, float],
        person_quota: int = 0,
    ) -> None:
        self.rate = rate
        self.burst = burst
        self.new_people_per_hour = new_people_per_hour
        self.new_people_per_address_per_hour = new_people_per_address_per_hour
        self.people = TokenBuckets(rate, burst)
        self.addresses = TokenBuckets(address_rate if rate and burst else 0, address_burst)
        self._requests = TokenBuckets(address_rate if rate and burst else 0, REQUESTS_SHARE * address_burst)
        self._new_people = TokenBucket(new_people_per_hour / HOUR_S, new_people_per_hour)
        self._new_people_per_address = TokenBuckets(
            new_people_per_address_per_hour / HOUR_S, new_people_per_address_per_hour
        )

        is_limited = bool(rate and burst)
        self._searches = TokenBuckets(searches_per_minute / 60 * is_limited, searches_per_minute)
        self._searches_per_address = TokenBuckets(
            searches_per_minute_per_address / 60 * is_limited, searches_per_minute_per_address
        )
        quota = ADDRESS_SHARE * person_quota
        self._bytes_per_address = TokenBuckets(quota / DAY_S, quota)
        self._daily = {
            what: (TokenBuckets(n / DAY_S * is_limited, n), n * is_limited) for what, n in daily.items()
        }

    def check_request(self, address: str, now: float) -> None:
        """Count a request of HTTP; raises `Refused` if too many come from this address."""
        wait_s = self._requests.take(address, now)
        if wait_s > 0:
            wait_s = math.ceil(wait_s)
            raise Refused(
                "rate_limited",
                f"Too many requests come from your address. Wait {wait_s} seconds, then load the page again.",
                retry_after_s=wait_s,
            )

    def check_search(self, person: str, address: str, now: float) -> None:
        """Count a search, or a look into the directory; raises `Refused` if there are too many."""
        wait_s = self._searches.take(person, now) or self._searches_per_address.take(address, now)
        if wait_s > 0:
            wait_s = _whole(wait_s)
            raise Refused(
                "rate_limited", f"You search too often. Wait {wait_s} seconds.", retry_after_s=wait_s
            )

    def check_size(self, text: str, address: str, now: float) -> None:
        """Count a command by its size, if it is long; raises `Refused` (``quota``) if an address sends too much."""
        size = len(text) if text.isascii() else len(text.encode())
        if size <= SHORT_BYTES:
            return
        wait_s = self._bytes_per_address.take(address, now, size)
        if wait_s > 0:
            wait_s = _whole(wait_s)
            raise Refused(
                "quota",
                "From your address too much was written within a day: only short messages can be sent for now.",
                retry_after_s=wait_s,
            )

    def check_daily(self, what: Daily, person: str, now: float) -> None:
        """Count what this person does; raises `Refused` if they did so much of it within a day."""
        buckets, _ = self._daily[what]
        self.refuse_daily(what, buckets.take(person, now))

    def daily(self, what: Daily) -> float:
        """How often a day a person can do this; 0: no limit."""
        return self._daily[what][1]

    def refuse_daily(self, what: Daily, wait_s: float) -> None:
        """Raises `Refused` if it has to be waited for so long before this can be done again."""
        if wait_s > 0:
            wait_s = _whole(wait_s)
            done = _DONE[what].format(f"{self.daily(what):g}")
            raise Refused(
                "too_many",
                f"You {done} within a day. It works again {moment_in(wait_s)}.",
                retry_after_s=wait_s,
            )

    def check_new_person(self, address: str, now: float) -> None:
        """Count somebody new from this address; raises `Refused` if there are too many."""
        self.refuse_new_person(self._new_people_per_address.take(address, now) or self._new_people.take(now))

    def refuse_new_person(self, wait_s: float) -> None:
        """Raises `Refused` if it has to be waited for so long before somebody new can come."""
        if wait_s > 0:
            wait_s = _whole(wait_s)
            raise Refused(
                "rate_limited", f"Too many new people come. Wait {wait_s} seconds.", retry_after_s=wait_s
            )


def _whole(wait_s: float) -> int:
    """So long in whole seconds; a bucket's own tolerance is no second."""
    return math.ceil(wait_s - 0.001)


class ConnectionBucket:
    """What the commands of one connection are taken from: its person's bucket, and its address's.

    As long as nobody has logged in there is a bucket of the connection in place of the person's.
    """

    __slots__ = ("_address", "_limits", "_own", "_person")

    def __init__(self, limits: RateLimits, address: str) -> None:
        self._limits = limits
        self._address = address
        self._own = TokenBucket(limits.rate, limits.burst)
        self._person: str | None = None

    def log_in(self, person: str, now: float) -> None:
        """From now on count for this person; the hello counts as well, but is never too much."""
        self._limits.people.take(person, now)
        self._person = person

    def log_out(self) -> None:
        """From now on count for nobody."""
        self._person = None

    def take(self, now: float, n: float = 1) -> float:
        """As `TokenBucket.take`. Whom the person's bucket refuses does not use up the tokens of the address."""
        return self.take_own(now, n) or self.take_of_address(now, n)

    def take_own(self, now: float, n: float = 1) -> float:
        """The same of the person's bucket alone."""
        person = self._person
        return self._own.take(now, n) if person is None else self._limits.people.take(person, now, n)

    def take_of_address(self, now: float, n: float = 1) -> float:
        """The same of the address's bucket alone."""
        return self._limits.addresses.take(self._address, now, n)
