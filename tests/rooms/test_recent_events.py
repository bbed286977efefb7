"""The tail of a room holds what is new, little of what is old, and never tells of a gap."""

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


def test_what_is_not_new_any_more_goes_but_for_the_newest() -> None:
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


def test_what_went_because_there_was_too_much_is_not_taken_for_what_is_old() -> None:
    tail = RecentEvents(max_events=20)
    tail.extend(lines(1, 30))
    tail.age(keep=5)
    tail.extend(lines(31, 41))  # more than twice as many as it may have
    assert oldest(tail) == 21
    tail.age(keep=5)
    assert oldest(tail) == 30


def test_an_empty_tail_stays_empty() -> None:
    tail = RecentEvents(max_events=20)
    tail.age(keep=5)
    tail.age(keep=5)
    assert tail.page_after(0, max_bytes=1, encoding=ENCODING) is None
