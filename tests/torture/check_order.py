"""Checks of order: real time, and the order in which each client sent."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from tests.torture.history import Acked, Delivered, Joined, JoinRefused, Refused, Submitted
from tests.torture.model import is_public
from tests.torture.oracle import ConnectionEpochs, identity_of
from tests.torture.violations import Rule, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.torture.history import AnyRecord
    from tests.torture.oracle import CommandIdentity, Oracle


class _Seen(NamedTuple):
    seq: int
    text: str


_NOTHING = _Seen(0, "")


def check_real_time(records: Sequence[AnyRecord], oracle: Oracle) -> Iterator[Violation]:
    """Real-time order: what any client knew to be logged before a command was first sent stands before it.

    A command that was refused each time so far counts as not sent yet.
    """
    epochs = ConnectionEpochs(oracle)
    known: dict[str, _Seen] = {}
    begun: dict[CommandIdentity, tuple[str, _Seen]] = {}
    outstanding: Counter[CommandIdentity] = Counter()
    for record in records:
        room, seen = "", _NOTHING
        if isinstance(record, Delivered):
            room, seen = record.room, _Seen(record.event.seq, record.event.text)
        elif isinstance(record, Acked):
            room, seen = record.room, _Seen(record.seq, record.text)
        elif isinstance(record, Submitted):
            identity = identity_of(record)
            outstanding[identity] += 1
            if identity not in begun:
                begun[identity] = record.room, known.get(record.room, _NOTHING)
        elif isinstance(record, Refused):
            identity = identity_of(record)
            outstanding[identity] -= 1
            if not outstanding[identity]:
                begun.pop(identity, None)
        elif isinstance(record, Joined):
            epochs.follow(record)
        if room and seen.seq > known.get(room, _NOTHING).seq and epochs.is_final(record.connection, room):  # type: ignore[union-attr]
            known[room] = seen
    for identity, (room, seen) in begun.items():
        event = oracle[room].find(identity)
        if event is not None and event.seq < seen.seq:
            detail = f"it is number {event.seq}, and {seen.text!r} was known as {seen.seq} before it was sent"
            yield Violation(Rule.REAL_TIME, room, event.text or str(event.key), detail)


def check_sender_order(records: Sequence[AnyRecord], oracle: Oracle) -> Iterator[Violation]:
    """Sender order: what one client sent in some order is logged in that order.

    A client repeats its pending commands in order when it reconnects, so this holds over all its connections; for a
    plain client over each alone. It does not hold for commands that were refused or lost in between, nor for those that
    another client of the person sent as well, nor for ids under which something else was said when their events were
    lost.
    """
    first: dict[CommandIdentity, Submitted] = {}
    clients: defaultdict[CommandIdentity, set[str]] = defaultdict(set)
    meanings: defaultdict[tuple[str | None, str | None], set[CommandIdentity]] = defaultdict(set)
    times: Counter[CommandIdentity] = Counter()
    refused: set[CommandIdentity] = set()
    has_failed = oracle.is_damaged
    for record in records:
        if isinstance(record, Submitted):
            first.setdefault(identity_of(record), record)
            clients[identity_of(record)].add(record.client)
            times[identity_of(record)] += 1
            meanings[record.person, record.key].add(identity_of(record))
        elif isinstance(record, Refused):
            refused.add(identity_of(record))
            has_failed = has_failed or record.code == "unavailable"
        elif isinstance(record, JoinRefused):
            has_failed = True
    last: dict[tuple[object, str], _Seen] = {}
    for identity, submitted in first.items():
        event = oracle[submitted.room].find(identity)
        may_be_refused = has_failed or submitted.kind != "message" or not is_public(submitted.room)
        if event is None or identity in refused or (may_be_refused and times[identity] > 1):
            continue  # a refusal may have been lost with its connection
        if oracle.is_damaged and submitted.key and len(meanings[submitted.person, submitted.key]) > 1:
            continue
        unit = (submitted.client if submitted.key else submitted.connection), submitted.room
        before = last.get(unit, _NOTHING)
        if event.seq < before.seq and len(clients[identity]) == 1:
            detail = f"it is number {event.seq}, and {before.text!r}, sent before it, is number {before.seq}"
            yield Violation(Rule.SENDER_ORDER, submitted.room, event.text or str(event.key), detail)
        last[unit] = max(before, _Seen(event.seq, event.text))
