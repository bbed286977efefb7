"""Rate limits by person and by address: pure."""

from __future__ import annotations

from typing import Any

import pytest

from trio_chat.errors import Refused
from trio_chat.net.rate_limits import DAY_S, HOUR_S, ConnectionBucket, RateLimits, TokenBuckets


def make_limits(**numbers: object) -> RateLimits:
    """Limits of these numbers; the others are large."""
    large: dict[str, Any] = {
        "rate": 1.0,
        "burst": 10,
        "address_rate": 1e6,
        "address_burst": 1e6,
        "new_people_per_hour": 1e6,
        "new_people_per_address_per_hour": 1e6,
        "searches_per_minute": 1e6,
        "searches_per_minute_per_address": 1e6,
        "daily": dict.fromkeys(("rooms", "invitations", "conversations"), 1e6),
    }
    return RateLimits(**(large | numbers))


def test_each_key_has_a_bucket_of_its_own() -> None:
    buckets = TokenBuckets(rate=1, burst=2)
    assert [buckets.take("ada", 0) for _ in range(2)] == [0, 0]
    assert buckets.take("ada", 0) == pytest.approx(1, abs=1e-4)
    assert buckets.take("bob", 0) == 0
    assert buckets.take("ada", 1) == 0


def test_full_buckets_are_forgotten_and_others_are_not() -> None:
    buckets = TokenBuckets(rate=1, burst=100)
    assert buckets.take("eve", 0, 100) == 0
    for n in range(10_000):  # each is full again after a second
        assert buckets.take(f"p-{n}", n / 100) == 0
        assert len(buckets) <= 220
    assert buckets.take("eve", 99, 100) > 0


def test_keys_without_a_limit_are_not_remembered() -> None:
    buckets = TokenBuckets(rate=0, burst=5)
    assert {buckets.take(str(n), 0, 100) for n in range(50)} == {0}
    assert len(buckets) == 0


def test_connections_of_a_person_share_a_bucket() -> None:
    limits = make_limits()
    for n in range(2):
        bucket = ConnectionBucket(limits, f"192.0.2.{n}")
        assert bucket.take(0) == 0
        bucket.log_in("p-ada", 0)
        assert [bucket.take(0) for _ in range(4)] == [0] * 4
    again = ConnectionBucket(limits, "192.0.2.3")
    again.log_in("p-ada", 0)
    assert again.take(0) > 0
    again.log_out()
    assert again.take(0) == 0


def test_everybody_of_an_address_shares_its_bucket() -> None:
    limits = make_limits(address_rate=1, address_burst=3)
    for n in range(3):
        bucket = ConnectionBucket(limits, "192.0.2.1")
        bucket.log_in(f"p-{n}", 0)
        assert bucket.take(0) == 0
    assert ConnectionBucket(limits, "192.0.2.1").take(0) > 0
    assert ConnectionBucket(limits, "192.0.2.2").take(0) == 0


def test_whom_the_own_limit_refuses_takes_nothing_from_neighbours() -> None:
    limits = make_limits(burst=2, address_rate=1, address_burst=3)
    eve = ConnectionBucket(limits, "192.0.2.1")
    assert [eve.take(0) > 0 for _ in range(50)] == [False] * 2 + [True] * 48
    assert ConnectionBucket(limits, "192.0.2.1").take(0) == 0


def test_a_person_without_a_limit_leaves_the_address_without_one() -> None:
    bucket = ConnectionBucket(make_limits(rate=0, address_rate=1, address_burst=1), "192.0.2.1")
    assert {bucket.take(0) for _ in range(50)} == {0}


def test_new_people_are_limited_by_address_and_in_all() -> None:
    limits = make_limits(new_people_per_hour=3, new_people_per_address_per_hour=2)
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        limits.check_new_person(address, 0)
    for address in ("192.0.2.1", "192.0.2.3"):
        with pytest.raises(Refused) as caught:
            limits.check_new_person(address, 0)
        assert caught.value.code == "rate_limited"
    limits.check_new_person("192.0.2.3", HOUR_S / 3)


def test_what_is_done_seldom_is_limited_by_the_day_and_works_again_when_it_says() -> None:
    limits = make_limits(daily={"rooms": 4, "conversations": 24})
    for _ in range(4):
        limits.check_daily("rooms", "eve", 0)
    with pytest.raises(Refused) as refused:
        limits.check_daily("rooms", "eve", 0)
    assert refused.value.code == "too_many"
    assert str(refused.value) == "You made 4 rooms within a day. It works again in 6 hours."
    limits.check_daily("rooms", "ada", 0)
    limits.check_daily("conversations", "eve", 0)
    assert refused.value.retry_after_s == DAY_S / 4
    limits.check_daily("rooms", "eve", DAY_S / 4)


def test_searches_are_limited_by_person_and_by_address() -> None:
    limits = make_limits(searches_per_minute=2, searches_per_minute_per_address=3)
    limits.check_search("eve", "1", 0)
    limits.check_search("eve", "1", 0)
    with pytest.raises(Refused, match="Wait 30 seconds"):
        limits.check_search("eve", "2", 0)
    limits.check_search("bob", "1", 0)
    with pytest.raises(Refused, match="Wait 20 seconds"):
        limits.check_search("ada", "1", 0)
    limits.check_search("ada", "2", 0)


def test_without_a_limit_of_commands_a_person_has_no_other() -> None:
    limits = make_limits(rate=0, searches_per_minute=1, daily={"rooms": 1})
    for _ in range(5):
        limits.check_daily("rooms", "ada", 0)
        limits.check_search("ada", "1", 0)
