"""Rate limits, limits of connections, the limit of open files."""

from __future__ import annotations

import sys
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.errors import Refused
from trio_chat.net.limits import PATIENCE_S, Admission, ConnectionLimits, TokenBucket, address_key
from trio_chat.ops.file_limits import RESERVED, raise_file_limit

# Rates


def test_a_burst_passes_at_once_and_then_the_rate_applies() -> None:
    bucket = TokenBucket(rate=2, burst=3)
    assert [bucket.take(100.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert bucket.take(100.0) == pytest.approx(0.5, abs=1e-5)
    assert bucket.take(100.5) == 0.0
    assert bucket.take(100.5) == pytest.approx(0.5, abs=1e-5)


def test_a_refused_take_takes_no_token() -> None:
    bucket = TokenBucket(rate=1, burst=1)
    assert bucket.take(0.0) == 0.0
    assert [bucket.take(0.0) for _ in range(100)] == [pytest.approx(1.0, abs=1e-5)] * 100


def test_a_quiet_time_saves_up_no_more_than_the_burst() -> None:
    bucket = TokenBucket(rate=1, burst=2)
    bucket.take(0.0)
    assert [bucket.take(1e6) > 0 for _ in range(3)] == [False, False, True]


def test_several_tokens_are_taken_together_or_not_at_all() -> None:
    bucket = TokenBucket(rate=1, burst=3)
    assert bucket.take(0.0, 2) == 0.0
    assert bucket.take(0.0, 2) == pytest.approx(1.0, abs=1e-5)
    assert bucket.take(0.0, 1) == 0.0


@pytest.mark.parametrize(("rate", "burst"), [(0, 5), (5, 0), (0, 0)])
def test_zero_means_no_limit(rate: float, burst: int) -> None:
    bucket = TokenBucket(rate, burst)
    assert not any(bucket.take(0.0) for _ in range(1000))


@given(
    rate=st.floats(0.01, 1e4),
    burst=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 10), max_size=200),
    start=st.floats(0, 1e7),
)
def test_burst_and_rate_hold_and_waiting_as_told_is_enough(
    rate: float, burst: int, pauses: list[float], start: float
) -> None:
    bucket, now = TokenBucket(rate, burst), start
    for taken, pause in enumerate(pauses, 1):
        now += pause
        wait_s = bucket.take(now)
        if wait_s:
            now += wait_s
            assert bucket.take(now) == 0.0
        assert taken <= burst + rate * (now - start) * (1 + 1e-9) + 0.02  # the clock's rounding at this rate


# Connections


@pytest.mark.parametrize(
    ("ip", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("a pipe", "a pipe"),
    ],
)
def test_addresses_of_one_household_count_as_one(ip: str, key: str) -> None:
    assert address_key(ip) == key


def test_connections_count_while_they_last() -> None:
    limits = ConnectionLimits(max_total=3, max_per_address=2)
    with ExitStack() as connections:
        connections.enter_context(limits.admit("2001:db8::1", 0.0))
        with limits.admit("2001:db8::2", 0.0):
            assert limits.total == 2
            with pytest.raises(Refused, match="from your address"), limits.admit("2001:db8::3", 0.0):
                pytest.fail("the third of one network was admitted")
        connections.enter_context(limits.admit("2001:db8::3", 0.0))
        connections.enter_context(limits.admit("192.0.2.7", 0.0))
        with pytest.raises(Refused, match="full") as caught, limits.admit("192.0.2.8", 0.0):
            pytest.fail("one more than the total was admitted")
        assert caught.value.code == "too_many_connections"
        assert limits.total == 3
    assert limits.total == 0


def test_a_connection_that_failed_no_longer_counts() -> None:
    limits = ConnectionLimits(max_total=1, max_per_address=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), limits.admit("192.0.2.7", 0.0):
            raise ZeroDivisionError


def test_one_place_in_ten_is_kept_for_those_with_a_token_by_server_and_address() -> None:
    for per_address in (0, 20):
        limits = ConnectionLimits(max_total=20 if not per_address else 0, max_per_address=per_address)
        with ExitStack() as connections:
            strangers = [connections.enter_context(limits.admit("192.0.2.7", 0.0)) for _ in range(18)]
            for stranger in strangers:
                stranger.settle(is_known=False)
                stranger.settle(is_known=False)  # as for who says hello a second time
            for _ in range(2):
                newcomer = connections.enter_context(limits.admit("192.0.2.7", 0.0))
                with pytest.raises(Refused):
                    newcomer.settle(is_known=False)
                newcomer.settle(is_known=True)
            with pytest.raises(Refused):
                limits.admit("192.0.2.7", 99.0)
            strangers[0].settle(is_known=True)  # it has a token after all
            strangers[1].release()
            with limits.admit("192.0.2.7", 0.0) as newcomer:
                newcomer.settle(is_known=False)
        assert limits.total == 0
        with limits.admit("192.0.2.7", 0.0):
            assert limits.total == 1


def test_who_has_not_said_who_it_is_for_longest_makes_place() -> None:
    limits = ConnectionLimits(max_total=3, max_per_address=2)
    gone: list[str] = []

    def arrive(name: str, ip: str, now: float) -> Admission:
        admission = limits.admit(ip, now)
        admission.make_way = lambda: gone.append(name)
        return admission

    arrive("known", "192.0.2.1", 0).settle(is_known=True)
    oldest = arrive("oldest", "192.0.2.2", 1)
    arrive("next", "192.0.2.1", 2)
    with pytest.raises(Refused, match="from your address"):
        limits.admit("192.0.2.1", 2 + PATIENCE_S / 2)
    assert gone == []
    arrive("of the same address", "192.0.2.1", 2 + PATIENCE_S)
    assert gone == ["next"], "the place that was missing was one of the address"
    arrive("of another", "192.0.2.3", 2 + PATIENCE_S)
    assert gone == ["next", "oldest"]
    assert (oldest.was_evicted, limits.total) == (True, 3)
    oldest.release()
    assert limits.total == 3, "a place is given back once"


def test_the_only_one_of_an_address_makes_place_for_another_of_it() -> None:
    limits = ConnectionLimits(max_total=0, max_per_address=1)
    limits.admit("192.0.2.7", 0.0)
    with limits.admit("192.0.2.7", PATIENCE_S), pytest.raises(Refused):
        limits.admit("192.0.2.7", PATIENCE_S)
    assert limits.total == 0


def test_zero_means_unlimited_connections() -> None:
    limits = ConnectionLimits(max_total=0, max_per_address=0)
    with ExitStack() as connections:
        for _ in range(100):
            connections.enter_context(limits.admit("192.0.2.7", 0.0))
        assert limits.total == 100


# Files


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_the_limit_of_open_files_is_raised_as_far_as_allowed() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        room = raise_file_limit()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert hard == before[1]
    assert room == soft - RESERVED
    assert soft > 256 or hard == 256
