"""Recent events: the new ones, few old ones, and never a gap."""

from __future__ import annotations

from trio_chat.gateways.plain import ENCODING
from trio_chat.model.events import MESSAGE, Event
from trio_chat.rooms.recent_events import CachedEvent, RecentEvents


def lines(first: int, last: int) -> list[CachedEvent]:
    """The events of these numbers."""
    said = {"room": "lobby", "kind": MESSAGE, "sender": "p", "name": "Ada", "client_id": None, "at_ms": 0}
    return [
        CachedEvent(Event(seq=seq, body=str(seq), digest=b"", **said))  # type: ignore[arg-type]
        for seq in range(first, last + 1)
    ]


def oldest(tail: RecentEvents) -> int:
    """The number after which it has everything."""
    return next(after for after in range(10_000) if tail.page_after(after, max_bytes=1, encoding=ENCODING))


def test_ageing_drops_old_events_except_the_newest() -> None:
    tail = RecentEvents(max_events=100)
    tail.extend(lines(1, 50))
    tail.age(keep=10)
    assert oldest(tail) == 0, "all of it was said since the last time"
    tail.extend(lines(51, 55))
    tail.age(keep=10)
    assert oldest(tail) == 45, "the newest ten stay, whenever they were said"
    tail.extend(lines(56, 90))
    tail.age(keep=10)
    assert oldest(tail) == 55
    tail.age(keep=10)
    tail.age(keep=10)
    assert oldest(tail) == 80
    page, last = tail.page_after(85, max_bytes=1_000, encoding=ENCODING) or (b"", 0)
    assert last == 90
    assert b"86" in page
    assert tail.page_after(79, max_bytes=1_000, encoding=ENCODING) is None


def test_events_dropped_for_size_do_not_count_as_aged() -> None:
    tail = RecentEvents(max_events=20)
    tail.extend(lines(1, 30))
    tail.age(keep=5)
    tail.extend(lines(31, 41))  # more than twice as many as it may have
    assert oldest(tail) == 21
    tail.age(keep=5)
    assert oldest(tail) == 30


def test_no_recent_events_stay_none() -> None:
    tail = RecentEvents(max_events=20)
    tail.age(keep=5)
    tail.age(keep=5)
    assert tail.page_after(0, max_bytes=1, encoding=ENCODING) is None
