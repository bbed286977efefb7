"""Whether a history keeps what the server promises: a pure function from records to violations.

The logs read from the database at the end are the truth that everything is compared with. What was said under an
epoch that a log no longer has was announced to be void, and is only held against itself.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.torture.check_delivery import (
    check_connections,
    check_plain_connections,
    check_secrets,
)
from tests.torture.check_order import check_order_of_senders, check_real_time
from tests.torture.check_state import check_lists, check_marks, check_remains, check_state, check_told
from tests.torture.history import (
    NOT_JOINED,
    PASSING,
    Acked,
    Delivered,
    Fault,
    Forgotten,
    Greeted,
    Invited,
    Joined,
    JoinRefused,
    Refused,
    Submitted,
    Trouble,
    Uninviting,
)
from tests.torture.model import Room, is_public
from tests.torture.oracle import Epochs, Truth, key_of, of_kind
from tests.torture.proxy import Fate
from tests.torture.refusals import NOT_THEIRS, TOGGLING, Excuses
from tests.torture.violations import Rule, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.torture.history import AnyRecord
    from tests.torture.oracle import CommandKey, Final

MAX_GAP = 10_000
"""How far behind a client may be and still be told everything: the server's default."""


def check(records: Sequence[AnyRecord], *, max_gap: int = MAX_GAP) -> list[Violation]:
    """All violations in a whole history, each once."""
    truth = Truth(records)
    found: dict[Violation, None] = {}
    for rule in (
        _check_log(records, truth),
        _check_rules(records, truth),
        _check_answers(records, truth),
        check_connections(records, truth, max_gap),
        check_plain_connections(records, truth),
        check_secrets(records, truth),
        check_real_time(records, truth),
        check_order_of_senders(records, truth),
        check_state(records, truth),
        check_told(records, truth),
        check_lists(records, truth),
        check_marks(records, truth),
        check_remains(records, truth),
        _check_losses(records, truth),
    ):
        found.update(dict.fromkeys(rule))
    for trouble in of_kind(records, Trouble):
        found[Violation(Rule.TROUBLE, "", trouble.what, "see the server's output")] = None
    return list(found)


def _check_log(records: Sequence[AnyRecord], truth: Truth) -> Iterator[Violation]:
    """The logs alone, and against what was sent."""
    submitted = {(key_of(record), record.room) for record in of_kind(records, Submitted)}
    for final in truth.rooms():
        for expected, line in enumerate(final.lines, 1):
            if line.seq != expected:
                detail = f"number {line.seq} follows {expected - 1}"
                yield Violation(Rule.HOLE, final.room, line.text, detail)
                break
        texts = Counter(line.text for line in final.whole if line.kind == "message")
        ids: Counter[tuple[str, str | None]] = Counter(
            (line.sender, line.command) for line in final.whole if line.command is not None
        )
        for line in final.whole:
            is_double = line.kind == "message" and texts[line.text] > 1
            if is_double or ids[line.sender, line.command] > 1:
                yield Violation(
                    Rule.DOUBLED, final.room, line.text or str(line.command), f"once as {line.seq}"
                )
            person = None if line.command is None else line.sender
            key = person, line.command, line.said
            if (key, final.room) not in submitted and (key, "") not in submitted:
                yield Violation(
                    Rule.FOREIGN, final.room, line.text, f"it is number {line.seq}, and says {line.said}"
                )


def _check_rules(records: Sequence[AnyRecord], truth: Truth) -> Iterator[Violation]:
    """Each event against the rules, given the log before it; and the invitations that were used."""
    links = {invited.invite: invited for invited in of_kind(records, Invited)}
    uses: Counter[str] = Counter()
    voided_at = {
        record.room: place
        for place, record in enumerate(records)
        if isinstance(record, Uninviting) and record.done
    }
    invited_at = {record.invite: place for place, record in enumerate(records) if isinstance(record, Invited)}
    invites = {log.room: log.invites for log in truth.logs}
    for final in truth.rooms():
        room = Room(final.room)
        for line in final.whole:
            why = room.forbids(line)
            if why is not None:
                yield Violation(Rule.FORBIDDEN, final.room, f"number {line.seq}", f"{line.said}: {why}")
            if line.kind == "member" and line.details["on"] and room.kind == "private":
                invite = invites[final.room].get(line.seq, "")
                uses[invite] += 1
                link = links.get(invite)
                if link is None or link.room != final.room:
                    detail = f"{line.sender} came without an invitation"
                    yield Violation(Rule.FORBIDDEN, final.room, f"number {line.seq}", detail)
                elif link.uses and uses[invite] > link.uses:
                    detail = f"{line.sender} came by a link that was good for {link.uses}"
                    yield Violation(Rule.FORBIDDEN, final.room, f"number {line.seq}", detail)
                elif invited_at[invite] < voided_at.get(final.room, -1) < truth.begun_at(line):
                    detail = f"{line.sender} came by a link that was void"
                    yield Violation(Rule.FORBIDDEN, final.room, f"number {line.seq}", detail)
            room.take(line)


def _check_answers(records: Sequence[AnyRecord], truth: Truth) -> Iterator[Violation]:
    """Each answer against the log, and each command against its answers."""
    epochs = Epochs(truth)
    excuses = Excuses(records, truth)
    acks: dict[tuple[object, ...], Acked] = {}
    answered: set[tuple[str | None, str | None]] = set()
    forgotten = {record.person for record in of_kind(records, Forgotten)}
    is_said_twice = any(Fate.DOUBLE.value in fault.kind for fault in of_kind(records, Fault))
    sent: Counter[CommandKey] = Counter()
    refused: Counter[CommandKey] = Counter()
    toggles: set[CommandKey] = set()
    rooms: dict[CommandKey, str] = {}
    shut: set[tuple[int, str]] = set()  # the rooms that a connection was not let into when it last asked
    heads: dict[str, int] = {}  # the numbers that anybody knew
    known: set[tuple[str | None, str | None]] = set()  # the commands that anybody knew to be in the log
    repeats: set[tuple[int, CommandKey]] = set()  # those that were sent once more on a connection
    since: dict[tuple[int, CommandKey], int] = {}
    persons: dict[int, tuple[str, dict[str, int]]] = {}
    for record in records:
        if isinstance(record, Joined):
            epochs.follow(record)
            shut.discard((record.connection, record.room))
        elif isinstance(record, Greeted):
            persons[record.connection] = record.person, dict(heads)
        elif isinstance(record, Delivered):
            if epochs.is_final(record.connection, record.room):
                heads[record.room] = max(heads.get(record.room, 0), record.line.seq)
                known.add((record.line.sender, record.line.command))
        elif isinstance(record, JoinRefused):
            shut.add((record.connection, record.room))
            person, known_heads = persons.get(record.connection, (None, {}))
            if record.code not in PASSING and not excuses.excuses_join(
                record, person, known_heads.get(record.room, 0)
            ):
                detail = f"it could not join: {record.code}"
                yield Violation(Rule.UNEXPECTED, record.room, record.client, detail)
        elif isinstance(record, Submitted):
            key = key_of(record)
            sent[key] += 1
            rooms[key] = record.room
            since[record.connection, key] = heads.get(record.room, 0)
            if (record.person, record.command) in known:
                repeats.add((record.connection, key))
        elif isinstance(record, Acked):
            answered.add((record.person, record.command))
            if epochs.is_final(record.connection, record.room):
                heads[record.room] = max(heads.get(record.room, 0), record.seq)
                first = acks.setdefault((record.person, record.command), record)
                if (first.room, first.seq) != (record.room, record.seq) and not _is_entry(record, truth):
                    detail = f"first {first.seq} in {first.room}, then {record.seq} in {record.room}"
                    yield Violation(Rule.REPEAT, record.room, record.text, detail)
                yield from _check_ack(record, truth[record.room])
        elif isinstance(record, Refused):
            key = key_of(record)
            refused[key] += 1
            if record.code in PASSING:
                continue
            if record.code in TOGGLING:
                toggles.add(key)
            if record.code == "id_conflict":
                if epochs.is_final(record.connection, record.room):
                    yield from _check_conflict(record, truth)
            elif record.code != NOT_JOINED or (record.connection, record.room) not in shut:
                known_head = since.get((record.connection, key), 0)
                is_repeat = (record.connection, key) in repeats and truth.find(key, record.room) is not None
                is_new = not is_repeat or record.code in NOT_THEIRS
                if epochs.is_final(record.connection, record.room) and not (
                    is_new and excuses.excuses(record, known_head)
                ):
                    detail = f"{record.said} with {record.code}, since {known_head}"
                    yield Violation(Rule.UNEXPECTED, record.room, record.text, detail)
            if record.code != "id_conflict" and (record.code != NOT_JOINED or not is_public(record.room)):
                answered.add((record.person, record.command))
    for key, count in sent.items():
        person, command, said = key
        if command is None:
            continue
        room = rooms[key]
        is_excused = is_said_twice and key in toggles
        if refused[key] == count and truth.find(key, room) is not None and not is_excused:
            yield Violation(Rule.REFUSED_YET_LOGGED, room, said.text, f"{said}, {count} times")
        if refused[key] < count and (person, command) not in answered and person not in forgotten:
            detail = f"{said}, sent {count} times, refused {refused[key]} times"
            yield Violation(Rule.UNANSWERED, room, said.text or str(command), detail)


def _is_entry(ack: Acked, truth: Truth) -> bool:
    """Whether it only says where the room is into which somebody wanted who was there already."""
    return ack.kind in {"created", "member"} and truth.find(key_of(ack), ack.room) is None


def _check_ack(ack: Acked, final: Final) -> Iterator[Violation]:
    line = final.whole_by_seq.get(ack.seq)
    where = final.by_command.get((ack.person, ack.command))
    if line is not None and (line.sender, line.command) == (ack.person, ack.command):
        # Of what was deleted nobody can tell whether it is said again.
        if line.said != ack.said and not final.by_seq[ack.seq].deleted:
            detail = f"number {ack.seq} says {line.said}"
            yield Violation(Rule.CONFLICT_ACCEPTED, ack.room, ack.text, detail)
    elif where is not None:
        detail = f"number {where.seq}, acknowledged as {ack.seq} to {ack.client}"
        yield Violation(Rule.MISNUMBERED, ack.room, ack.text, detail)
    elif not (ack.kind in {"created", "member"} and final.was_in(ack.person, ack.seq)):
        detail = (
            f"{ack.said} acknowledged as {ack.seq} to {ack.client}; the log has {len(final.lines)} events"
        )
        yield Violation(Rule.LOST, ack.room, ack.text, detail)


def _check_conflict(refused: Refused, truth: Truth) -> Iterator[Violation]:
    line = truth.find(key_of(refused), refused.room)
    if line is not None:
        detail = f"number {line.seq} is what {refused.client} said again"
        yield Violation(Rule.CONFLICT_INVENTED, refused.room, refused.text, detail)


def _check_losses(records: Sequence[AnyRecord], truth: Truth) -> Iterator[Violation]:
    """Epochs change, and people are forgotten, only when somebody has damaged the log."""
    if truth.is_damaged:
        return
    first: dict[str, str] = {}
    for joined in of_kind(records, Joined):
        epoch = first.setdefault(joined.room, joined.epoch)
        if epoch != joined.epoch:
            detail = f"{joined.client} was told of {joined.epoch} after {epoch}"
            yield Violation(Rule.VOIDED, joined.room, joined.room, detail)
    for forgotten in of_kind(records, Forgotten):
        yield Violation(Rule.FORGOTTEN, "", forgotten.client, f"it was {forgotten.person}")
