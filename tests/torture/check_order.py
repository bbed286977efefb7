"""Whether the order of the logs fits the order of time, and that in which each client sent."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from tests.torture.history import Acked, Delivered, Joined, JoinRefused, Refused, Submitted
from tests.torture.model import is_public
from tests.torture.oracle import Epochs, key_of
from tests.torture.violations import Rule, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.torture.history import AnyRecord
    from tests.torture.oracle import CommandKey, Truth


class _Seen(NamedTuple):
    seq: int
    text: str


_NOTHING = _Seen(0, "")


def check_real_time(records: Sequence[AnyRecord], truth: Truth) -> Iterator[Violation]:
    """What anybody knew to be in the log when a command was first sent stands before it.

    A command that was refused each time so far was not sent yet, as far as the log is concerned.
    """
    epochs = Epochs(truth)
    known: dict[str, _Seen] = {}
    begun: dict[CommandKey, tuple[str, _Seen]] = {}
    outstanding: Counter[CommandKey] = Counter()
    for record in records:
        room, seen = "", _NOTHING
        if isinstance(record, Delivered):
            room, seen = record.room, _Seen(record.line.seq, record.line.text)
        elif isinstance(record, Acked):
            room, seen = record.room, _Seen(record.seq, record.text)
        elif isinstance(record, Submitted):
            key = key_of(record)
            outstanding[key] += 1
            if key not in begun:
                begun[key] = record.room, known.get(record.room, _NOTHING)
        elif isinstance(record, Refused):
            key = key_of(record)
            outstanding[key] -= 1
            if not outstanding[key]:
                begun.pop(key, None)
        elif isinstance(record, Joined):
            epochs.follow(record)
        if room and seen.seq > known.get(room, _NOTHING).seq and epochs.is_final(record.connection, room):  # type: ignore[union-attr]
            known[room] = seen
    for key, (room, seen) in begun.items():
        line = truth[room].find(key)
        if line is not None and line.seq < seen.seq:
            detail = f"it is number {line.seq}, and {seen.text!r} was known as {seen.seq} before it was sent"
            yield Violation(Rule.REAL_TIME, room, line.text or str(line.command), detail)


def check_order_of_senders(records: Sequence[AnyRecord], truth: Truth) -> Iterator[Violation]:
    """What one client sent in some order stands in the log in that order.

    A client sends what was not answered again in order when it comes back, so this holds over all of its
    connections; for a plain client over each of them. It cannot hold for what was refused or lost in between, nor
    for what another client of the same person sent as well.
    """
    first: dict[CommandKey, Submitted] = {}
    clients: defaultdict[CommandKey, set[str]] = defaultdict(set)
    times: Counter[CommandKey] = Counter()
    refused: set[CommandKey] = set()
    has_failed = truth.is_damaged
    for record in records:
        if isinstance(record, Submitted):
            first.setdefault(key_of(record), record)
            clients[key_of(record)].add(record.client)
            times[key_of(record)] += 1
        elif isinstance(record, Refused):
            refused.add(key_of(record))
            has_failed = has_failed or record.code == "unavailable"
        elif isinstance(record, JoinRefused):
            has_failed = True
    last: dict[tuple[object, str], _Seen] = {}
    for key, submitted in first.items():
        line = truth[submitted.room].find(key)
        may_be_refused = has_failed or submitted.kind != "message" or not is_public(submitted.room)
        if line is None or key in refused or (may_be_refused and times[key] > 1):
            continue  # a refusal that was lost with its connection cannot be told from no answer
        unit = (submitted.client if submitted.command else submitted.connection), submitted.room
        before = last.get(unit, _NOTHING)
        if line.seq < before.seq and len(clients[key]) == 1:
            detail = f"it is number {line.seq}, and {before.text!r}, sent before it, is number {before.seq}"
            yield Violation(Rule.SENDER_ORDER, submitted.room, line.text or str(line.command), detail)
        last[unit] = max(before, _Seen(line.seq, line.text))
