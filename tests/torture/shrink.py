"""Making a bad history short: what is not needed for the violation goes, until nothing can go.

Records hang together, so they go in units: a message with everything about it (and those behind it move up by one
number), then a client with everything it did, then single records. What is left still shows the same violation.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, TypeVar

import msgspec

from tests.torture.checker import check
from tests.torture.history import (
    Acked,
    Delivered,
    Fault,
    Heard,
    Held,
    Joined,
    Line,
    Loaded,
    Log,
    OfCommand,
    OfConnection,
    Paged,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

    from tests.torture.checker import Violation
    from tests.torture.history import AnyRecord

Unit = TypeVar("Unit")

replace = msgspec.structs.replace


def shrink(records: Sequence[AnyRecord], violation: Violation) -> list[AnyRecord]:
    """A short history with the same violation."""
    history = list(records)
    is_bad = _checks(violation)
    clients = sorted({_client(record) for record in history} - {""})
    history = _without_units(history, clients, without_clients, is_bad)
    texts = list(dict.fromkeys(text for record in history for text in _texts(record)))
    history = _without_units(history, texts, without_messages, is_bad)
    return _without_units(history, list(range(len(history))), _without_records, is_bad)


def _checks(violation: Violation) -> Callable[[Sequence[AnyRecord]], bool]:
    return lambda history: violation in check(history)


def _without_units(
    history: list[AnyRecord],
    units: list[Unit],
    without: Callable[[Sequence[AnyRecord], AbstractSet[Unit]], list[AnyRecord]],
    is_bad: Callable[[Sequence[AnyRecord]], bool],
) -> list[AnyRecord]:
    """Delta debugging, greedily: try to do without half of the units, then without quarters, …"""
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
    """The history if these clients were not recorded. Their messages stay in the log."""
    return [record for record in history if _client(record) not in clients]


def _without_records(history: Sequence[AnyRecord], numbers: AbstractSet[int]) -> list[AnyRecord]:
    return [record for number, record in enumerate(history) if number not in numbers]


def without_messages(history: Sequence[AnyRecord], texts: AbstractSet[str]) -> list[AnyRecord]:
    """The history if these messages had never been sent: what came behind them has smaller numbers."""
    gone: dict[str, list[int]] = {}
    for record in history:
        if isinstance(record, Log):
            gone[record.room] = sorted({line.seq for line in record.lines if line.text in texts})

    def up_to(room: str, seq: int) -> int:
        return seq - bisect_right(gone.get(room, ()), seq)

    def at(room: str, seq: int) -> int:
        return seq - bisect_left(gone.get(room, ()), seq)

    def lines_of(room: str, lines: Sequence[Line]) -> list[Line]:
        return [replace(line, seq=at(room, line.seq)) for line in lines if line.text not in texts]

    kept: list[AnyRecord] = []
    for record in history:
        if isinstance(record, Delivered):
            if record.line.text not in texts:
                line = replace(record.line, seq=at(record.room, record.line.seq))
                kept.append(replace(record, line=line))
        elif isinstance(record, Acked):
            if record.text not in texts:
                kept.append(replace(record, seq=at(record.room, record.seq)))
        elif isinstance(record, OfCommand | Heard):
            if record.text not in texts:
                kept.append(record)
        elif isinstance(record, Joined):
            asked = record.asked_after
            kept.append(
                replace(
                    record,
                    head=up_to(record.room, record.head),
                    after=up_to(record.room, record.after),
                    asked_after=None if asked is None else up_to(record.room, asked),
                )
            )
        elif isinstance(record, Paged):
            lines, before = lines_of(record.room, record.lines), at(record.room, record.before)
            kept.append(replace(record, lines=lines, before=before))
        elif isinstance(record, Log | Loaded | Held):
            kept.append(replace(record, lines=lines_of(record.room, record.lines)))
        else:
            kept.append(record)
    return kept


def _client(record: AnyRecord) -> str:
    return record.client if isinstance(record, OfConnection | Held) else ""


def _texts(record: AnyRecord) -> list[str]:
    match record:
        case Delivered():
            return [record.line.text]
        case OfCommand() | Heard():
            return [record.text]
        case Log() | Loaded() | Held() | Paged():
            return [line.text for line in record.lines]
        case _:
            return []


def shortened(text: str) -> str:
    """The text, if it can be read at a glance; or else its beginning and end."""
    return text if len(text) <= 200 else f"{text[:150]} … {text[-40:]}"


def told(history: Sequence[AnyRecord]) -> str:
    """The history for people, one step a line."""
    start = min((record.at for record in history), default=0)
    lines = []
    for record in history:
        fields = {
            name: value
            for name, value in msgspec.structs.asdict(record).items()
            if name not in {"at", "client", "connection"} and value is not None
        }
        who = f"{record.client}/{record.connection} " if isinstance(record, OfConnection) else ""
        who = f"{record.client} " if isinstance(record, Held) else who
        details = ", ".join(f"{name}={shortened(repr(value))}" for name, value in fields.items())
        marker = "**" if isinstance(record, Fault) else "  "
        lines.append(
            f"{marker}{(record.at - start) / 1e9:9.4f} s  {who}{type(record).__name__.lower()} {details}"
        )
    return "\n".join(lines)
