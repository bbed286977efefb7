"""Recent events: the new ones, few old ones, and never a gap."""

from __future__ import annotations

import msgspec

from trio_chat.gateways.plain import ENCODING
from trio_chat.model.events import MESSAGE, Event
from trio_chat.model.proofs import Prover
from trio_chat.rooms.recent_events import LEAST_KEPT, MAX_CHARS, CachedEvent, RecentEvents

PROVER = Prover(b"key", "lobby", "e1")


def events(first: int, last: int) -> list[CachedEvent]:
    """Events with these numbers."""
    fields = {"room": "lobby", "kind": MESSAGE, "sender": "p", "name": "Ada", "client_id": None, "at_ms": 0}
    return [
        CachedEvent(Event(seq=seq, body=str(seq), digest=b"", **fields), PROVER)  # type: ignore[arg-type]
        for seq in range(first, last + 1)
    ]


def oldest(recent: RecentEvents) -> int:
    """The number after which all events are there."""
    return next(after for after in range(10_000) if recent.page_after(after, max_bytes=1, encoding=ENCODING))


def test_ageing_drops_old_events_except_the_newest() -> None:
    recent = RecentEvents(max_events=100)
    recent.extend(events(1, 50))
    recent.age(keep=10)
    assert oldest(recent) == 0, "all of it was said since the last time"
    recent.extend(events(51, 55))
    recent.age(keep=10)
    assert oldest(recent) == 45, "the newest ten stay, whenever they were said"
    recent.extend(events(56, 90))
    recent.age(keep=10)
    assert oldest(recent) == 55
    recent.age(keep=10)
    recent.age(keep=10)
    assert oldest(recent) == 80
    page, last = recent.page_after(85, max_bytes=1_000, encoding=ENCODING) or (b"", 0)
    assert last == 90
    assert b"86" in page
    assert recent.page_after(79, max_bytes=1_000, encoding=ENCODING) is None


def test_events_dropped_for_size_do_not_count_as_aged() -> None:
    recent = RecentEvents(max_events=20)
    recent.extend(events(1, 30))
    recent.age(keep=5)
    recent.extend(events(31, 41))  # more than twice as many as it may have
    assert oldest(recent) == 21
    recent.age(keep=5)
    assert oldest(recent) == 30


def test_long_texts_are_bounded_by_their_length_and_the_newest_stay() -> None:
    recent = RecentEvents(max_events=4_096)
    long_text = "x" * 16_000
    for seq in range(1, 1_001):
        cached = events(seq, seq)[0]
        recent.extend([CachedEvent(msgspec.structs.replace(cached.event, body=long_text), PROVER)])
        held = seq - oldest(recent)
        assert held * len(long_text) <= MAX_CHARS
        assert held >= min(seq, LEAST_KEPT)
    recent.extend(events(1_001, 1_010))
    page, last = recent.page_after(1_000, max_bytes=1_000, encoding=ENCODING) or (b"", 0)
    assert last == 1_010
    assert b"1010" in page


def test_no_recent_events_stay_none() -> None:
    recent = RecentEvents(max_events=20)
    recent.age(keep=5)
    recent.age(keep=5)
    assert recent.page_after(0, max_bytes=1, encoding=ENCODING) is None
