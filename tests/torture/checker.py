"""Whether a history keeps what the server promises: a pure function from records to violations.

The log read from the database at the end is the truth that everything is compared with. What was said under an
epoch that the log no longer has was announced to be void, and is only held against itself.
"""

from __future__ import annotations

import enum
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

import attrs

from tests.torture.history import (
    DAMAGE,
    NOT_JOINED,
    PASSING,
    Acked,
    Delivered,
    Fault,
    Forgotten,
    Heard,
    Held,
    Joined,
    JoinRefused,
    Line,
    Loaded,
    Log,
    OfCommand,
    Paged,
    Refused,
    Submitted,
    Trouble,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.torture.history import AnyRecord

T = TypeVar("T")

LOBBY = "lobby"

MAX_GAP = 10_000
"""How far behind a client may be and still be told everything: the server's default."""


class Rule(enum.Enum):
    """What is promised, by what is said when it was broken."""

    LOST = "a message was acknowledged and is not in the log"
    MISNUMBERED = "a message stands elsewhere in the log than its acknowledgement said"
    DOUBLED = "a message is in the log twice"
    FOREIGN = "a message is in the log that nobody sent"
    REFUSED_YET_LOGGED = "a message is in the log that was refused each time it was sent"
    UNANSWERED = "a command was never answered, although its sender went on asking"
    UNEXPECTED = "a command was refused for no reason"
    HOLE = "the log's numbers are not 1, 2, 3, …"
    GAP = "a client was not told the next message, and not told that it begins anew"
    RESET_MISSING = "a client was not told that what it holds is of no use"
    RESET_NEEDLESS = "a client was told to begin anew for no reason"
    UNEQUAL = "a client was told something else than what is in the log"
    DISAGREE = "two clients were told different messages under one number"
    SENDER_ORDER = "a sender's messages are not in the order in which it sent them"
    REAL_TIME = "a message stands before one that was in the log when it was first sent"
    REPEAT = "a command's repeats were answered with different numbers"
    CONFLICT_ACCEPTED = "another text was accepted under an id that was used"
    CONFLICT_INVENTED = "a repeat was refused as if it said something else"
    DIVERGED = "what a client holds at the end is not what somebody new is told"
    VOIDED = "a new epoch began although nobody damaged the log"
    FORGOTTEN = "a person was forgotten although nobody damaged the log"
    LOAD = "what somebody new is told is not what the database holds"
    TROUBLE = "something happened that must never happen"


@attrs.frozen
class Violation:
    """A promise that was not kept. Two are the same if rule, room and subject are, whatever the numbers are."""

    rule: Rule
    room: str
    subject: str
    """Whose or which: a text or a client."""
    detail: str = attrs.field(eq=False)

    def __str__(self) -> str:
        where = f"{self.room}, " if self.room else ""
        return f"{self.rule.name}: {self.rule.value} ({where}{self.subject}): {self.detail}"


CommandKey: TypeAlias = tuple[str | None, str | None, str]
"""(person, command, text)."""


class _Final:
    """A room's log at the end, by what one looks for in it."""

    def __init__(self, log: Log | None) -> None:
        self.epoch = log.epoch if log else None
        self.lines: Sequence[Line] = log.lines if log else ()
        self.by_seq = {line.seq: line for line in self.lines}
        self.by_command: dict[tuple[str | None, str | None], Line] = {
            (line.sender, line.command): line for line in self.lines if line.command is not None
        }
        self.by_text = {line.text: line for line in self.lines}

    def find(self, key: CommandKey) -> Line | None:
        """The line of a command, if it says what the key says."""
        person, command, text = key
        line = self.by_text.get(text)
        if line is None or line.command != command or (person is not None and line.sender != person):
            return None
        return line


class _Seen(NamedTuple):
    seq: int
    text: str


_NOTHING = _Seen(0, "")


def check(records: Sequence[AnyRecord], *, max_gap: int = MAX_GAP) -> list[Violation]:
    """All violations in a whole history, each once."""
    finals = defaultdict(lambda: _Final(None), {log.room: _Final(log) for log in _of(records, Log)})
    found: dict[Violation, None] = {}
    for rule in (
        _check_log(records, finals),
        _check_answers(records, finals),
        _check_connections(records, finals, max_gap),
        _check_plain_connections(records, finals),
        _check_real_time(records, finals),
        _check_order_of_senders(records, finals),
        _check_convergence(records, finals),
        _check_losses(records),
    ):
        found.update(dict.fromkeys(rule))
    for trouble in _of(records, Trouble):
        found[Violation(Rule.TROUBLE, "", trouble.what, "see the server's output")] = None
    return list(found)


def _of(records: Sequence[AnyRecord], kind: type[T]) -> Iterator[T]:
    return (record for record in records if isinstance(record, kind))


def _key(record: OfCommand) -> CommandKey:
    return record.person, record.command, record.text


class _Epochs:
    """Which epoch each connection was told that it is in, while one goes through the records."""

    def __init__(self, finals: dict[str, _Final]) -> None:
        self._finals = finals
        self._current: dict[tuple[int, str], str] = {}

    def follow(self, joined: Joined) -> None:
        self._current[joined.connection, joined.room] = joined.epoch

    def is_final(self, connection: int, room: str) -> bool:
        """Whether what is said there counts for the log: also where nobody spoke of epochs."""
        final = self._finals[room].epoch
        return final is None or self._current.get((connection, room), final) == final


def _check_log(records: Sequence[AnyRecord], finals: dict[str, _Final]) -> Iterator[Violation]:
    """The log alone, and against what was sent."""
    submitted = {(*_key(record), record.room) for record in _of(records, Submitted)}
    for log in _of(records, Log):
        for expected, line in enumerate(log.lines, 1):
            if line.seq != expected:
                yield Violation(Rule.HOLE, log.room, line.text, f"number {line.seq} follows {expected - 1}")
                break
        for text, count in Counter(line.text for line in log.lines).items():
            if count > 1:
                seqs = [line.seq for line in log.lines if line.text == text]
                yield Violation(Rule.DOUBLED, log.room, text, f"it has the numbers {seqs}")
        for line in log.lines:
            person = None if line.command is None else line.sender
            if (person, line.command, line.text, log.room) not in submitted:
                yield Violation(Rule.FOREIGN, log.room, line.text, f"it is number {line.seq}")


def _check_answers(records: Sequence[AnyRecord], finals: dict[str, _Final]) -> Iterator[Violation]:
    """Each answer against the log, and each command against its answers."""
    epochs = _Epochs(finals)
    acks: dict[tuple[object, ...], Acked] = {}
    acked: set[tuple[str | None, str | None]] = set()
    forgotten = {record.person for record in _of(records, Forgotten)}
    sent: Counter[CommandKey] = Counter()
    refused: Counter[CommandKey] = Counter()
    rooms: dict[CommandKey, str] = {}
    shut: set[tuple[int, str]] = set()  # the rooms that a connection was not let into when it last asked
    for record in records:
        if isinstance(record, Joined):
            epochs.follow(record)
            shut.discard((record.connection, record.room))
        elif isinstance(record, JoinRefused):
            shut.add((record.connection, record.room))
        elif isinstance(record, Submitted):
            sent[_key(record)] += 1
            rooms[_key(record)] = record.room
        elif isinstance(record, Acked):
            acked.add((record.person, record.command))
            if epochs.is_final(record.connection, record.room):
                first = acks.setdefault((record.person, record.command), record)
                if (first.room, first.seq) != (record.room, record.seq):
                    detail = f"first {first.seq} in {first.room}, then {record.seq} in {record.room}"
                    yield Violation(Rule.REPEAT, record.room, record.text, detail)
                yield from _check_ack(record, finals[record.room])
        elif isinstance(record, Refused):
            refused[_key(record)] += 1
            if record.code == "id_conflict":
                if epochs.is_final(record.connection, record.room):
                    yield from _check_conflict(record, finals[record.room])
            elif record.code not in PASSING and not (
                record.code == NOT_JOINED and (record.connection, record.room) in shut
            ):
                yield Violation(Rule.UNEXPECTED, record.room, record.text, f"with {record.code}")
    for key, count in sent.items():
        person, command, text = key
        if command is None:
            continue
        room = rooms[key]
        if refused[key] == count and finals[room].find(key) is not None:
            yield Violation(Rule.REFUSED_YET_LOGGED, room, text, f"{count} times")
        if refused[key] < count and (person, command) not in acked and person not in forgotten:
            yield Violation(Rule.UNANSWERED, room, text, f"sent {count} times, refused {refused[key]} times")


def _check_ack(ack: Acked, final: _Final) -> Iterator[Violation]:
    line = final.by_seq.get(ack.seq)
    where = final.by_command.get((ack.person, ack.command))
    if line is not None and (line.sender, line.command) == (ack.person, ack.command):
        if line.text != ack.text:
            detail = f"number {ack.seq} says {line.text!r}"
            yield Violation(Rule.CONFLICT_ACCEPTED, ack.room, ack.text, detail)
    elif where is not None:
        detail = f"number {where.seq}, acknowledged as {ack.seq} to {ack.client}"
        yield Violation(Rule.MISNUMBERED, ack.room, ack.text, detail)
    else:
        detail = f"acknowledged as {ack.seq} to {ack.client}; the log has {len(final.lines)} messages"
        yield Violation(Rule.LOST, ack.room, ack.text, detail)


def _check_conflict(refused: Refused, final: _Final) -> Iterator[Violation]:
    line = final.find(_key(refused))
    if line is not None:
        detail = f"number {line.seq} is what {refused.client} said again"
        yield Violation(Rule.CONFLICT_INVENTED, refused.room, refused.text, detail)


def _check_connections(
    records: Sequence[AnyRecord], finals: dict[str, _Final], max_gap: int
) -> Iterator[Violation]:
    """What each v1 connection was told: in order, without a gap, and as it stands in the log."""
    following: dict[tuple[int, str], int] = {}
    epochs: dict[tuple[int, str], str] = {}
    void: dict[tuple[str, str, int], Line] = {}
    for record in records:
        if isinstance(record, Delivered):
            place = record.connection, record.room
            line = record.line
            expected = following.get(place)
            if line.seq != expected:
                detail = f"told number {line.seq} where {expected or 'no message'} was next"
                yield Violation(Rule.GAP, record.room, record.client, detail)
            following[place] = line.seq + 1
            final = finals[record.room]
            if epochs.get(place) == final.epoch:
                yield from _check_line(line, record.room, record.client, final)
            else:
                told = void.setdefault((record.room, epochs.get(place, ""), line.seq), line)
                if told != line:
                    yield Violation(Rule.DISAGREE, record.room, record.client, f"{line} and {told}")
        elif isinstance(record, Joined):
            following[record.connection, record.room] = record.after + 1
            epochs[record.connection, record.room] = record.epoch
            yield from _check_joined(record, max_gap)
        elif isinstance(record, Paged):
            final = finals[record.room]
            if epochs.get((record.connection, record.room)) == final.epoch:
                for line in record.lines:
                    yield from _check_line(line, record.room, record.client, final)
            seqs = [line.seq for line in record.lines]
            if seqs != list(range(record.before - len(seqs), record.before)):
                detail = f"the page before {record.before} has the numbers {seqs}"
                yield Violation(Rule.GAP, record.room, record.client, detail)
            if record.more != (record.before - len(seqs) > 1):
                detail = f"the page before {record.before} is wrong about whether there is more"
                yield Violation(Rule.UNEQUAL, record.room, record.client, detail)


def _check_line(line: Line, room: str, client: str, final: _Final) -> Iterator[Violation]:
    logged = final.by_seq.get(line.seq)
    if logged != line:
        yield Violation(Rule.UNEQUAL, room, client, f"told {line}, and the log has {logged}")


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


def _check_plain_connections(records: Sequence[AnyRecord], finals: dict[str, _Final]) -> Iterator[Violation]:
    """Plain clients see no numbers, but each text is in the log once, so each connection's must be a stretch of it.

    In a history with several epochs one cannot tell which of them a plain client heard.
    """
    if len({joined.epoch for joined in _of(records, Joined) if joined.room == LOBBY}) > 1:
        return
    last: dict[int, int] = {}
    for heard in _of(records, Heard):
        line = finals[LOBBY].by_text.get(heard.text)
        if line is None:
            detail = f"told {heard.text!r}, which is not in the log"
            yield Violation(Rule.UNEQUAL, LOBBY, heard.client, detail)
            continue
        before = last.get(heard.connection)
        if before is not None and line.seq != before + 1:
            detail = f"told number {line.seq} after {before}"
            yield Violation(Rule.GAP, LOBBY, heard.client, detail)
        last[heard.connection] = line.seq


def _check_real_time(records: Sequence[AnyRecord], finals: dict[str, _Final]) -> Iterator[Violation]:
    """What anybody knew to be in the log when a message was first sent stands before it.

    A message that was refused each time so far was not sent yet, as far as the log is concerned.
    """
    epochs = _Epochs(finals)
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
            key = _key(record)
            outstanding[key] += 1
            if key not in begun:
                begun[key] = record.room, known.get(record.room, _NOTHING)
        elif isinstance(record, Refused):
            key = _key(record)
            outstanding[key] -= 1
            if not outstanding[key]:
                begun.pop(key, None)
        elif isinstance(record, Joined):
            epochs.follow(record)
        if room and seen > known.get(room, _NOTHING) and epochs.is_final(record.connection, room):  # type: ignore[union-attr]
            known[room] = seen
    for key, (room, seen) in begun.items():
        line = finals[room].find(key)
        if line is not None and line.seq <= seen.seq and line.text != seen.text:
            detail = f"it is number {line.seq}, and {seen.text!r} was known as {seen.seq} before it was sent"
            yield Violation(Rule.REAL_TIME, room, line.text, detail)


def _check_order_of_senders(records: Sequence[AnyRecord], finals: dict[str, _Final]) -> Iterator[Violation]:
    """What one client sent in some order stands in the log in that order.

    A client sends what was not answered again in order when it comes back, so this holds over all of its
    connections; for a plain client over each of them. It cannot hold for what was refused or lost in between, nor
    for what another client of the same person sent as well.
    """
    first: dict[CommandKey, Submitted] = {}
    clients: defaultdict[CommandKey, set[str]] = defaultdict(set)
    times: Counter[CommandKey] = Counter()
    refused: set[CommandKey] = set()
    has_failed = any(fault.kind in DAMAGE for fault in _of(records, Fault))
    for record in records:
        if isinstance(record, Submitted):
            first.setdefault(_key(record), record)
            clients[_key(record)].add(record.client)
            times[_key(record)] += 1
        elif isinstance(record, Refused):
            refused.add(_key(record))
            has_failed = has_failed or record.code == "unavailable"
        elif isinstance(record, JoinRefused):
            has_failed = True
    last: dict[tuple[object, str], _Seen] = {}
    for key, submitted in first.items():
        line = finals[submitted.room].find(key)
        if line is None or key in refused or (has_failed and times[key] > 1):
            continue  # a refusal that was lost with its connection cannot be told from no answer
        unit = (submitted.client if submitted.command else submitted.connection), submitted.room
        before = last.get(unit, _NOTHING)
        if line.seq < before.seq and len(clients[key]) == 1:
            detail = f"it is number {line.seq}, and {before.text!r}, sent before it, is number {before.seq}"
            yield Violation(Rule.SENDER_ORDER, submitted.room, line.text, detail)
        last[unit] = max(before, _Seen(line.seq, line.text))


def _check_losses(records: Sequence[AnyRecord]) -> Iterator[Violation]:
    """Epochs change, and people are forgotten, only when somebody has damaged the log."""
    if any(fault.kind in DAMAGE for fault in _of(records, Fault)):
        return
    first: dict[str, str] = {}
    for joined in _of(records, Joined):
        epoch = first.setdefault(joined.room, joined.epoch)
        if epoch != joined.epoch:
            detail = f"{joined.client} was told of {joined.epoch} after {epoch}"
            yield Violation(Rule.VOIDED, joined.room, joined.room, detail)
    for forgotten in _of(records, Forgotten):
        yield Violation(Rule.FORGOTTEN, "", forgotten.client, f"it was {forgotten.person}")


def _check_convergence(records: Sequence[AnyRecord], finals: dict[str, _Final]) -> Iterator[Violation]:
    """At the end everybody holds the same, field by field: what somebody new is told, and what the database has."""
    for loaded in _of(records, Loaded):
        final = finals[loaded.room]
        if final.epoch is None and not loaded.lines:
            continue  # nobody ever wrote to it
        if (loaded.epoch, loaded.lines) != (final.epoch, list(final.lines)):
            difference = _difference(loaded.lines, final.lines)
            yield Violation(Rule.LOAD, loaded.room, "somebody new", difference)
    fresh = {loaded.room: loaded for loaded in _of(records, Loaded)}
    for held in _of(records, Held):
        if held.room in fresh:
            all_lines = fresh[held.room].lines
            first = held.lines[0].seq if held.lines else 1
            if held.epoch != fresh[held.room].epoch or held.lines != all_lines[first - 1 :]:
                difference = _difference(held.lines, all_lines[first - 1 :])
                yield Violation(Rule.DIVERGED, held.room, held.client, difference)


def _difference(one: Sequence[Line], other: Sequence[Line]) -> str:
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            return f"{mine} is not {theirs}"
    return f"{len(one)} messages, of {len(other)}; or of another epoch"
