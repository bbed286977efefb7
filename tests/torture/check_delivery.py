"""Checks of delivery: in order, without a gap, equal to the log, and only to those who may read it."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Final

from tests.torture.events import Counted
from tests.torture.history import (
    Acked,
    Delivered,
    Greeted,
    Heard,
    Joined,
    Joining,
    JoinRefused,
    Paged,
    Refused,
    Submitted,
    Told,
)
from tests.torture.model import FIRST_NAMES, LOBBY, Message, is_public
from tests.torture.oracle import ConnectionEpochs, readable_up_to, records_of
from tests.torture.violations import Rule, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.torture.events import Event
    from tests.torture.history import AnyRecord
    from tests.torture.oracle import FinalLog, Oracle


def check_deliveries(records: Sequence[AnyRecord], oracle: Oracle, max_gap: int) -> Iterator[Violation]:
    """Delivery to v1 connections: in order, without a gap, and equal to the log; pages as well."""
    following: dict[tuple[int, str], int] = {}
    epochs: dict[tuple[int, str], str] = {}
    void: dict[tuple[str, str, int], Event] = {}
    partial: set[int] = set()
    persons: dict[int, str] = {}
    for record in records:
        if isinstance(record, Greeted):
            persons[record.connection] = record.person
        elif isinstance(record, Delivered):
            place = record.connection, record.room
            event = record.event
            final = oracle[record.room]
            is_final = epochs.get(place) == final.epoch
            is_partial = record.connection in partial
            expected = following.get(place)
            if event.seq != expected and not (
                is_partial and _is_next_message(event.seq, expected, final, is_final)
            ):
                detail = f"told number {event.seq} where {expected or 'nothing'} was next"
                yield Violation(Rule.GAP, record.room, record.client, detail)
            following[place] = event.seq + 1
            if is_final:
                yield from _check_event(event, record.client, final, is_partial)
            elif not is_partial:
                told = void.setdefault((record.room, epochs.get(place, ""), event.seq), event)
                is_deleted = told.deleted or event.deleted
                if told != event and not (is_deleted and told.as_deleted() == event.as_deleted()):
                    yield Violation(Rule.DISAGREE, record.room, record.client, f"{event} and {told}")
        elif isinstance(record, Joined):
            following[record.connection, record.room] = record.after + 1
            epochs[record.connection, record.room] = record.epoch
            if record.messages_only:
                partial.add(record.connection)
            yield from _check_joined(record, max_gap)
        elif isinstance(record, Paged):
            final = oracle[record.room]
            if epochs.get((record.connection, record.room)) == final.epoch:
                for event in (*record.events, *record.changes):
                    yield from _check_event(event, record.client, final, False)
                yield from _check_changes(record, final)
                yield from _check_reactions(record, final, persons.get(record.connection, ""))
            seqs = [event.seq for event in record.events]
            if seqs != list(range(record.before - len(seqs), record.before)):
                detail = f"the page before {record.before} has the numbers {seqs}"
                yield Violation(Rule.GAP, record.room, record.client, detail)
            if record.more != (record.before - len(seqs) > 1):
                detail = f"the page before {record.before} is wrong about whether there is more"
                yield Violation(Rule.UNEQUAL, record.room, record.client, detail)


def _is_next_message(seq: int, expected: int | None, final: FinalLog, is_final: bool) -> bool:
    """Whether no event from ``expected`` up to ``seq`` is a message; unknown, so True, for a log that is lost."""
    if expected is None or seq < expected:
        return False
    return not is_final or all(
        number in final.by_seq and final.by_seq[number].kind != "message" for number in range(expected, seq)
    )


def _check_event(event: Event, client: str, final: FinalLog, is_partial: bool) -> Iterator[Violation]:
    logged = final.by_seq.get(event.seq)
    if is_partial and logged is not None:
        if _essence(event) in {_essence(logged), _essence(final.restored_by_seq[event.seq])}:
            return
    elif final.matches(event):
        return
    yield Violation(Rule.UNEQUAL, final.room, client, f"told {event}, and the log has {logged}")


def _essence(event: Event) -> tuple[object, ...]:
    return event.seq, event.key, event.sender, event.name, event.text, event.when


def _check_changes(page: Paged, final: FinalLog) -> Iterator[Violation]:
    """Changes of a page: the newest of each change key up to ``upto``, which may be left out if there is a newer one by
    now; and no others."""
    counting = {change.seq for change in page.changes}
    for event in page.events:
        newest: dict[str, Event] = {}
        known: dict[str, Event] = {}
        for change in final.changes.get(event.seq, ()) if event.kind == "message" else ():
            if change.kind == "reaction":
                continue
            newest[change.kind] = change
            if change.seq <= page.upto:
                known[change.kind] = change
        is_gone = any(change.kind == "delete" for change in newest.values())
        for key, change in known.items():
            if is_gone and change.kind != "delete":
                continue
            if change.seq not in counting and newest[key] is change:
                detail = f"the page before {page.before} leaves {change.content} out, at {page.upto}"
                yield Violation(Rule.UNEQUAL, page.room, page.client, detail)
    targets = {event.seq for event in page.events}
    for change in page.changes:
        restored = final.restored_by_seq.get(change.seq)
        if change.seq > page.upto or restored is None or restored.target not in targets:
            detail = f"the page before {page.before}, at {page.upto}, has the change {change.seq}"
            yield Violation(Rule.UNEQUAL, page.room, page.client, detail)


def _check_reactions(page: Paged, final: FinalLog, person: str) -> Iterator[Violation]:
    """Reactions of a page: their counts, the first people, and whether the reader is one of them, as they were at
    number ``upto``; in the order in which they came."""
    expected: list[Counted] = []
    for event in page.events:
        if event.kind != "message":
            continue
        message = Message(event.sender, event.name, event.text, event.when)
        for change in final.changes.get(event.seq, ()):
            if change.seq <= page.upto:
                message.apply(change)
        expected += [
            Counted(event.seq, emoji, one.count, one.since, person in one.people, one.people[:FIRST_NAMES])
            for emoji, one in message.reactions.items()
        ]
    expected.sort(key=lambda one: one.since)
    if page.reactions != expected:
        detail = f"the page before {page.before}, at {page.upto}, has {page.reactions}, and it was {expected}"
        yield Violation(Rule.UNEQUAL, page.room, page.client, detail)


def _check_joined(joined: Joined, max_gap: int) -> Iterator[Violation]:
    if joined.asked_after is None:
        return
    is_usable = joined.asked_epoch == joined.epoch and joined.asked_after <= joined.head
    asked = f"asked for {joined.asked_after} of {joined.asked_epoch}"
    answer = f"the log is at {joined.head} of {joined.epoch}"
    if joined.reset:
        if is_usable and joined.head - joined.asked_after <= max_gap:
            yield Violation(Rule.RESET_NEEDLESS, joined.room, joined.client, f"{asked}, {answer}")
    elif not is_usable:
        yield Violation(Rule.RESET_MISSING, joined.room, joined.client, f"{asked}, {answer}")
    elif joined.after != joined.asked_after:
        yield Violation(Rule.GAP, joined.room, joined.client, f"{asked}, told to go on after {joined.after}")


_FILES_TOLD_PLAINLY: Final = re.compile(r"(?:\n\[\w+: file of p-[\w-]+ \d+\.\d\.\w+\])+$")
"""How plain clients are told of a message's files: by their names, behind its text."""


def check_plain_deliveries(records: Sequence[AnyRecord], oracle: Oracle) -> Iterator[Violation]:
    """Delivery to plain connections: each receives consecutive messages of the log, but for deleted ones.

    They get no numbers, but no two messages have the same text. With several epochs nothing is checked: one cannot tell
    which of them a plain client received.
    """
    if len({joined.epoch for joined in records_of(records, Joined) if joined.room == LOBBY}) > 1:
        return
    final = oracle[LOBBY]
    last: dict[int, int] = {}
    for heard in records_of(records, Heard):
        event = final.by_text.get(_FILES_TOLD_PLAINLY.sub("", heard.text))
        if event is None:
            detail = f"told {heard.text!r}, which is not in the log"
            yield Violation(Rule.UNEQUAL, LOBBY, heard.client, detail)
            continue
        before = last.get(heard.connection)
        left_out = range(before + 1, event.seq) if before is not None else ()
        is_twice = before is not None and event.seq <= before
        if is_twice or any(
            number not in final.by_seq
            or (final.by_seq[number].kind == "message" and not final.by_seq[number].deleted)
            for number in left_out
        ):
            detail = f"told number {event.seq} after {before}"
            yield Violation(Rule.GAP, LOBBY, heard.client, detail)
        last[heard.connection] = event.seq


LATE_NS = 1_000_000_000
"""So long after a deletion was known a text may still be told to who had joined before (docs/reliability.md)."""


class _Asked:
    """What a connection had asked of its server before it was told something: answers come in order, so what is told
    behind one was told after that question."""

    def __init__(self) -> None:
        self._joining: defaultdict[tuple[int, str], deque[int]] = defaultdict(deque)
        self._submitted: defaultdict[tuple[int, str | None], deque[int]] = defaultdict(deque)
        self._joined: dict[tuple[int, str], int] = {}
        self._answered: dict[int, int] = {}
        self._raw: set[int] = set()
        """The connections that say when they join. (The Python client hands on answers and events by different
        ways.)"""

    def follow(self, place: int, record: AnyRecord) -> None:
        """Take in the next record of the history."""
        if isinstance(record, Joining):
            self._joining[record.connection, record.room].append(place)
            self._raw.add(record.connection)
        elif isinstance(record, Joined | JoinRefused):
            waiting = self._joining[record.connection, record.room]
            if waiting:
                self._joined[record.connection, record.room] = waiting.popleft()
        elif isinstance(record, Submitted):
            self._submitted[record.connection, record.key].append(record.at)
        elif isinstance(record, Acked | Refused) and record.connection in self._raw:
            waiting = self._submitted[record.connection, record.key]
            if waiting:
                at = max(waiting.popleft(), self._answered.get(record.connection, 0))
                self._answered[record.connection] = at

    def joined(self, connection: int, room: str) -> int:
        """Where in the history the connection asked to join the room, which it was answered last; or -1."""
        return self._joined.get((connection, room), -1)

    def answered(self, connection: int) -> int:
        """When the latest command was sent that was answered on the connection; or 0."""
        return self._answered.get(connection, 0)


def check_access(records: Sequence[AnyRecord], oracle: Oracle) -> Iterator[Violation]:
    """Access: nobody is told of a number after their membership of a room (a new member may read what was before), nor
    a deleted text: not if they joined the room, or connected, after the deletion was known, and if they had joined
    before it not much later."""
    asked = _Asked()
    epochs = ConnectionEpochs(oracle)
    persons: dict[int, str] = {}
    begun: dict[int, int] = {}
    known_at: dict[tuple[str, int], int] = {}  # where in the history an event was first known to be logged
    for place, record in enumerate(records):
        asked.follow(place, record)
        if isinstance(record, Greeted):
            persons[record.connection], begun[record.connection] = record.person, place
        elif isinstance(record, Joined):
            epochs.follow(record)
            yield from _check_may_read(record, record.head, persons, place, oracle, epochs)
        elif isinstance(record, Told):
            yield from _check_may_read(record, record.upto, persons, place, oracle, epochs)
        elif isinstance(record, Acked):
            if epochs.is_final(record.connection, record.room):
                known_at.setdefault((record.room, record.seq), place)
        elif isinstance(record, Delivered | Paged):
            events = [record.event] if isinstance(record, Delivered) else [*record.events, *record.changes]
            if not events or not epochs.is_final(record.connection, record.room):
                continue
            last = max(event.seq for event in events)
            yield from _check_may_read(record, last, persons, place, oracle, epochs)
            deletions = oracle[record.room].deletions
            for event in events:
                deletion = deletions.get(event.seq)
                if deletion is None or event.deleted or record.connection not in begun:
                    continue
                known = known_at.get((record.room, deletion.seq), place)
                is_new = known < max(begun[record.connection], asked.joined(record.connection, record.room))
                if is_new or records[known].at + LATE_NS < asked.answered(record.connection):
                    detail = f"told what number {event.seq} said, which {deletion.seq} had deleted"
                    yield Violation(Rule.DELETED_TOLD, record.room, record.client, detail)
            if isinstance(record, Delivered):
                known_at.setdefault((record.room, last), place)


def _check_may_read(
    record: Joined | Told | Delivered | Paged,
    seq: int,
    persons: dict[int, str],
    place: int,
    oracle: Oracle,
    epochs: ConnectionEpochs,
) -> Iterator[Violation]:
    final = oracle[record.room]
    if is_public(record.room) or final.epoch is None or not epochs.is_final(record.connection, record.room):
        return
    person = persons.get(record.connection)
    most = readable_up_to(final, person, place, oracle)
    if max(seq, 1) > most:
        detail = f"{person} was told of number {seq} ({type(record).__name__}), and may be of {most}"
        yield Violation(Rule.SECRET, record.room, record.client, detail)
