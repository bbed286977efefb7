"""Shrinking: makes a bad history short, as long as it shows the same violation.

Records depend on each other, so they are removed in units: a client with all its records; a command with its event and
all that is about it (later events get smaller numbers); then single records.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, TypeVar

import msgspec

from tests.torture.checker import check
from tests.torture.history import (
    Acked,
    CommandRecord,
    ConnectionRecord,
    Delivered,
    Fault,
    Heard,
    Held,
    Joined,
    Listed,
    Loaded,
    Log,
    Paged,
    Told,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

    from tests.torture.events import Counted, Event
    from tests.torture.history import AnyRecord
    from tests.torture.violations import Violation

Unit = TypeVar("Unit")

replace = msgspec.structs.replace


PATIENCE_S = 60
"""Seconds that shrinking may take; it returns what it has then."""


def shrink(records: Sequence[AnyRecord], violation: Violation) -> list[AnyRecord]:
    """A short history with the same violation."""
    history = list(records)
    is_bad = _checks(violation, deadline=time.monotonic() + PATIENCE_S)
    clients = sorted({_client(record) for record in history} - {""})
    history = _without_units(history, clients, without_clients, is_bad)
    events = list(dict.fromkeys(unit for record in history for unit in _units(record)))
    history = _without_units(history, events, without_events, is_bad)
    return _without_units(history, list(range(len(history))), _without_records, is_bad)


def _checks(violation: Violation, *, deadline: float) -> Callable[[Sequence[AnyRecord]], bool]:
    return lambda history: time.monotonic() < deadline and violation in check(history)


def _without_units(
    history: list[AnyRecord],
    units: list[Unit],
    without: Callable[[Sequence[AnyRecord], AbstractSet[Unit]], list[AnyRecord]],
    is_bad: Callable[[Sequence[AnyRecord]], bool],
) -> list[AnyRecord]:
    """Greedy delta debugging: try to remove half of the units, then quarters, …"""
    gone: set[Unit] = set()
    size = max(1, len(units) // 2)
    while True:
        for start in range(0, len(units), size):
            attempt = gone | set(units[start : start + size])
            if attempt != gone and is_bad(without(history, attempt)):
                gone = attempt
        if size == 1:
            return without(history, gone)
        units = [unit for unit in units if unit not in gone]
        size = max(1, min(size // 2, len(units) // 2))


def without_clients(history: Sequence[AnyRecord], clients: AbstractSet[str]) -> list[AnyRecord]:
    """The history without the records of these clients. Their messages stay in the log."""
    return [record for record in history if _client(record) not in clients]


def _without_records(history: Sequence[AnyRecord], numbers: AbstractSet[int]) -> list[AnyRecord]:
    return [record for number, record in enumerate(history) if number not in numbers]


def without_events(history: Sequence[AnyRecord], units: AbstractSet[Unit]) -> list[AnyRecord]:
    """The history as if these commands, and all about their messages, had never been sent: later events get smaller
    numbers."""
    gone = {record.room: _numbers_of(record, units) for record in history if isinstance(record, Log)}
    return [kept for record in history if (kept := _without(record, units, _Numbers(gone))) is not None]


def _numbers_of(log: Log, units: AbstractSet[Unit]) -> list[int]:
    gone: set[int] = set()
    for event in log.events:
        if _unit(event) in units or event.target in gone:
            gone.add(event.seq)
    return sorted(gone)


class _Numbers:
    """New sequence numbers after some events are removed."""

    def __init__(self, gone: dict[str, list[int]]) -> None:
        self._gone = gone
        self._sets = {room: set(seqs) for room, seqs in gone.items()}

    def up_to(self, room: str, seq: int) -> int:
        """New number for one up to which something is known."""
        return seq - bisect_right(self._gone.get(room, ()), seq)

    def reactions(self, room: str, reactions: Sequence[Counted]) -> list[Counted]:
        """Those of messages that stay. Their counts stay too: removing one reaction of several is of no use."""
        return [
            replace(one, target=self.at(room, one.target), since=self.at(room, one.since))
            for one in reactions
            if not (self.is_gone(room, one.target) or self.is_gone(room, one.since))
        ]

    def at(self, room: str, seq: int) -> int:
        """New number of an event."""
        return seq - bisect_left(self._gone.get(room, ()), seq)

    def is_gone(self, room: str, seq: int) -> bool:
        """Whether the event of this number is removed."""
        return seq in self._sets.get(room, ())

    def event(self, room: str, event: Event) -> Event:
        """The event with its new numbers."""
        return replace(event, seq=self.at(room, event.seq), target=self.at(room, event.target))

    def events(self, room: str, events: Sequence[Event], units: AbstractSet[Unit]) -> list[Event]:
        """The events that stay, with their new numbers."""
        return [self.event(room, event) for event in events if not self.is_lost(room, event, units)]

    def is_lost(self, room: str, event: Event, units: AbstractSet[Unit]) -> bool:
        """Whether an event is removed: as a unit, by its number, or with its message."""
        return _unit(event) in units or self.is_gone(room, event.seq) or self.is_gone(room, event.target)


def _without(record: AnyRecord, units: AbstractSet[Unit], numbers: _Numbers) -> AnyRecord | None:
    match record:
        case CommandRecord(room=room):
            if (record.person, record.key or record.text) in units or numbers.is_gone(room, record.target):
                return None
            kept = replace(record, target=numbers.at(room, record.target))
            return replace(kept, seq=numbers.at(room, kept.seq)) if isinstance(kept, Acked) else kept
        case Heard():
            return None if (None, record.text) in units else record
        case Delivered(room=room, event=event):
            if numbers.is_lost(room, event, units):
                return None
            return replace(record, event=numbers.event(room, event))
        case Joined(room=room, asked_after=asked):
            return replace(
                record,
                head=numbers.up_to(room, record.head),
                after=numbers.up_to(room, record.after),
                asked_after=None if asked is None else numbers.up_to(room, asked),
            )
        case Paged(room=room):
            return replace(
                record,
                events=numbers.events(room, record.events, units),
                changes=numbers.events(room, record.changes, units),
                reactions=numbers.reactions(room, record.reactions),
                before=numbers.at(room, record.before),
                upto=numbers.up_to(room, record.upto),
            )
        case Told():
            return _told_without(record, numbers)
        case Loaded(room=room):
            return replace(
                record,
                events=numbers.events(room, record.events, units),
                changes=numbers.events(room, record.changes, units),
                reactions=numbers.reactions(room, record.reactions),
                upto=numbers.up_to(room, record.upto),
                told=None if record.told is None else _told_without(record.told, numbers),
            )
        case Log(room=room):
            invites = {
                numbers.at(room, seq): invite
                for seq, invite in record.invites.items()
                if not numbers.is_gone(room, seq)
            }
            return replace(record, events=numbers.events(room, record.events, units), invites=invites)
        case Held(room=room):
            return replace(record, events=numbers.events(room, record.events, units))
        case Listed():
            rooms = [
                replace(
                    item, head=numbers.up_to(item.room, item.head), last=numbers.up_to(item.room, item.last)
                )
                for item in record.rooms
            ]
            return replace(record, rooms=rooms, mine=numbers.events(f"~{record.person}", record.mine, units))
    return record


def _told_without(told: Told, numbers: _Numbers) -> Told:
    room = told.room
    pins = [numbers.at(room, seq) for seq in told.pins if not numbers.is_gone(room, seq)]
    return replace(told, upto=numbers.up_to(room, told.upto), pins=pins)


def _client(record: AnyRecord) -> str:
    return record.client if isinstance(record, ConnectionRecord | Held) else ""


def _unit(event: Event) -> tuple[str | None, str]:
    """The unit of an event: person and idempotency key, or the text of one without a key."""
    return (None, event.text) if event.key is None else (event.sender, event.key)


def _units(record: AnyRecord) -> list[tuple[str | None, str]]:
    match record:
        case Delivered():
            return [_unit(record.event)]
        case CommandRecord():
            return [(record.person, record.key or record.text)]
        case Heard():
            return [(None, record.text)]
        case Log() | Loaded() | Held() | Paged():
            return list(map(_unit, record.events))
        case Listed():
            return list(map(_unit, record.mine))
        case _:
            return []


def abbreviated(text: str) -> str:
    """The text, or the beginning and end of a long one."""
    return text if len(text) <= 200 else f"{text[:150]} … {text[-40:]}"


def render(history: Sequence[AnyRecord]) -> str:
    """The history for people, one record a line."""
    start = min((record.at for record in history), default=0)
    lines = []
    for record in history:
        fields = {
            name: value
            for name, value in msgspec.structs.asdict(record).items()
            if name not in {"at", "client", "connection"} and value is not None
        }
        who = f"{record.client}/{record.connection} " if isinstance(record, ConnectionRecord) else ""
        who = f"{record.client} " if isinstance(record, Held) else who
        details = ", ".join(f"{name}={abbreviated(repr(value))}" for name, value in fields.items())
        marker = "**" if isinstance(record, Fault) else "  "
        lines.append(
            f"{marker}{(record.at - start) / 1e9:9.4f} s  {who}{type(record).__name__.lower()} {details}"
        )
    return "\n".join(lines)
