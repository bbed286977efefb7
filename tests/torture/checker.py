"""Checker: a pure function from a history to the promises that it breaks.

Everything is compared with the logs read from the database at the end (`tests.torture.oracle`). What was delivered
under an epoch that a log no longer has was declared void by the server: it is compared with itself only.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.torture.check_delivery import (
    check_access,
    check_deliveries,
    check_plain_deliveries,
)
from tests.torture.check_files import check_files
from tests.torture.check_order import check_real_time, check_sender_order
from tests.torture.check_state import check_lists, check_marks, check_remains, check_room_info, check_state
from tests.torture.history import (
    NOT_JOINED,
    RETRYABLE,
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
from tests.torture.model import RoomModel, is_public
from tests.torture.oracle import ConnectionEpochs, Oracle, identity_of, records_of
from tests.torture.proxy import NetworkFault
from tests.torture.refusals import HIDDEN, STATE_DEPENDENT, RefusalOracle
from tests.torture.violations import Rule, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.torture.history import AnyRecord
    from tests.torture.oracle import CommandIdentity, FinalLog

MAX_GAP = 10_000
"""Events that a client may be behind without a reset: the server's default."""


def check(records: Sequence[AnyRecord], *, max_gap: int = MAX_GAP) -> list[Violation]:
    """All violations in the history of a whole run, each once."""
    oracle = Oracle(records)
    found: dict[Violation, None] = {}
    for rule in (
        _check_log(records, oracle),
        _check_rules(records, oracle),
        _check_answers(records, oracle),
        check_deliveries(records, oracle, max_gap),
        check_plain_deliveries(records, oracle),
        check_access(records, oracle),
        check_real_time(records, oracle),
        check_sender_order(records, oracle),
        check_state(records, oracle),
        check_room_info(records, oracle),
        check_lists(records, oracle),
        check_marks(records, oracle),
        check_remains(records, oracle),
        check_files(records, oracle),
        _check_resets(records, oracle),
    ):
        found.update(dict.fromkeys(rule))
    for trouble in records_of(records, Trouble):
        found[Violation(Rule.TROUBLE, "", trouble.what, "see the server's output")] = None
    return list(found)


def _check_log(records: Sequence[AnyRecord], oracle: Oracle) -> Iterator[Violation]:
    """Logs: dense numbers, no event twice, and none that no client submitted."""
    submitted = {(identity_of(record), record.room) for record in records_of(records, Submitted)}
    for final in oracle.rooms():
        for expected, event in enumerate(final.events, 1):
            if event.seq != expected:
                detail = f"number {event.seq} follows {expected - 1}"
                yield Violation(Rule.HOLE, final.room, event.text, detail)
                break
        texts = Counter(event.text for event in final.restored if event.kind == "message")
        ids: Counter[tuple[str, str | None]] = Counter(
            (event.sender, event.key) for event in final.restored if event.key is not None
        )
        for event in final.restored:
            is_double = event.kind == "message" and texts[event.text] > 1
            if is_double or ids[event.sender, event.key] > 1:
                yield Violation(
                    Rule.DOUBLED, final.room, event.text or str(event.key), f"once as {event.seq}"
                )
            person = None if event.key is None else event.sender
            if event.key is None and event.kind == "member" and final.room.startswith("~d"):
                continue  # whoever writes to who left asks them again, and whoever was asked accepts by writing
            identity = person, event.key, event.content
            if (identity, final.room) not in submitted and (identity, "") not in submitted:
                yield Violation(
                    Rule.FOREIGN,
                    final.room,
                    event.text,
                    f"it is number {event.seq}, and says {event.content}",
                )


def _check_rules(records: Sequence[AnyRecord], oracle: Oracle) -> Iterator[Violation]:
    """Rules: each event is allowed by the model, given the log before it; so is each use of an invitation."""
    links = {invited.invite: invited for invited in records_of(records, Invited)}
    uses: Counter[str] = Counter()
    voided_at = {
        record.room: place
        for place, record in enumerate(records)
        if isinstance(record, Uninviting) and record.done
    }
    invited_at = {record.invite: place for place, record in enumerate(records) if isinstance(record, Invited)}
    invites = {log.room: log.invites for log in oracle.logs}
    for final in oracle.rooms():
        room = RoomModel(final.room)
        for event in final.restored:
            why = room.forbids(event)
            if why is not None:
                yield Violation(Rule.FORBIDDEN, final.room, f"number {event.seq}", f"{event.content}: {why}")
            if event.kind == "member" and event.details["on"] and room.kind == "private":
                invite = invites[final.room].get(event.seq, "")
                uses[invite] += 1
                link = links.get(invite)
                if link is None or link.room != final.room:
                    detail = f"{event.sender} came without an invitation"
                    yield Violation(Rule.FORBIDDEN, final.room, f"number {event.seq}", detail)
                elif link.uses and uses[invite] > link.uses:
                    detail = f"{event.sender} came by a link that was good for {link.uses}"
                    yield Violation(Rule.FORBIDDEN, final.room, f"number {event.seq}", detail)
                elif invited_at[invite] < voided_at.get(final.room, -1) < oracle.first_sent_at(event):
                    detail = f"{event.sender} came by a link that was void"
                    yield Violation(Rule.FORBIDDEN, final.room, f"number {event.seq}", detail)
            room.apply(event)


def _check_answers(records: Sequence[AnyRecord], oracle: Oracle) -> Iterator[Violation]:
    """Answers: each ack and refusal agrees with the log, and each command has an answer."""
    epochs = ConnectionEpochs(oracle)
    refusal_oracle = RefusalOracle(records, oracle)
    acks: dict[tuple[object, ...], Acked] = {}
    answered: set[tuple[str | None, str | None]] = set()
    forgotten = {record.person for record in records_of(records, Forgotten)}
    has_doubling = any(NetworkFault.DOUBLE.value in fault.kind for fault in records_of(records, Fault))
    sent: Counter[CommandIdentity] = Counter()
    refused: Counter[CommandIdentity] = Counter()
    state_dependent: set[CommandIdentity] = set()
    rooms: dict[CommandIdentity, str] = {}
    # Where the log was when a connection joined a room last, unless that was refused.
    joined_at: dict[tuple[int, str], int] = {}
    heads: dict[str, int] = {}  # the highest number that any client knows
    known: set[tuple[str | None, str | None]] = set()  # commands that any client knows to be logged
    repeats: set[tuple[int, CommandIdentity]] = (
        set()
    )  # commands that a connection sent although they were known
    since: dict[tuple[int, CommandIdentity], int] = {}
    persons: dict[int, tuple[str, dict[str, int]]] = {}
    for record in records:
        if isinstance(record, Joined):
            epochs.follow(record)
            joined_at[record.connection, record.room] = record.head
        elif isinstance(record, Greeted):
            persons[record.connection] = record.person, dict(heads)
        elif isinstance(record, Delivered):
            if epochs.is_final(record.connection, record.room):
                heads[record.room] = max(heads.get(record.room, 0), record.event.seq)
                known.add((record.event.sender, record.event.key))
        elif isinstance(record, JoinRefused):
            joined_at.pop((record.connection, record.room), None)
            person, known_heads = persons.get(record.connection, (None, {}))
            if record.code not in RETRYABLE and not refusal_oracle.allows_join(
                record, person, known_heads.get(record.room, 0)
            ):
                detail = f"it could not join: {record.code}"
                yield Violation(Rule.UNEXPECTED, record.room, record.client, detail)
        elif isinstance(record, Submitted):
            identity = identity_of(record)
            sent[identity] += 1
            rooms[identity] = record.room
            since[record.connection, identity] = heads.get(record.room, 0)
            if (record.person, record.key) in known:
                repeats.add((record.connection, identity))
        elif isinstance(record, Acked):
            answered.add((record.person, record.key))
            if epochs.is_final(record.connection, record.room):
                heads[record.room] = max(heads.get(record.room, 0), record.seq)
                first = acks.setdefault((record.person, record.key), record)
                if (first.room, first.seq) != (record.room, record.seq) and not _is_already_member(
                    record, oracle
                ):
                    detail = f"first {first.seq} in {first.room}, then {record.seq} in {record.room}"
                    yield Violation(Rule.REPEAT, record.room, record.text, detail)
                yield from _check_ack(record, oracle[record.room])
        elif isinstance(record, Refused):
            identity = identity_of(record)
            refused[identity] += 1
            if record.code in RETRYABLE:
                continue
            if record.code in STATE_DEPENDENT:
                state_dependent.add(identity)
            if record.code == "id_conflict":
                if epochs.is_final(record.connection, record.room):
                    yield from _check_conflict(record, oracle)
            elif record.code != NOT_JOINED or (record.connection, record.room) in joined_at:
                known_head = since.get((record.connection, identity), 0)
                if record.code in HIDDEN:
                    # Who left, or was sent away, must join again, also if they are a member again.
                    known_head = min(known_head, joined_at.get((record.connection, record.room), known_head))
                is_repeat = (record.connection, identity) in repeats and oracle.find(
                    identity, record.room
                ) is not None
                is_new = not is_repeat or record.code in HIDDEN
                if epochs.is_final(record.connection, record.room) and not (
                    is_new and refusal_oracle.allows(record, known_head)
                ):
                    detail = f"{record.content} with {record.code}, since {known_head}"
                    yield Violation(Rule.UNEXPECTED, record.room, record.text, detail)
            if record.code != "id_conflict" and (record.code != NOT_JOINED or not is_public(record.room)):
                answered.add((record.person, record.key))
    for identity, count in sent.items():
        person, key, said = identity
        if key is None:
            continue
        room = rooms[identity]
        is_excused = has_doubling and identity in state_dependent
        if refused[identity] == count and oracle.find(identity, room) is not None and not is_excused:
            yield Violation(Rule.REFUSED_YET_LOGGED, room, said.text, f"{said}, {count} times")
        if refused[identity] < count and (person, key) not in answered and person not in forgotten:
            detail = f"{said}, sent {count} times, refused {refused[identity]} times"
            yield Violation(Rule.UNANSWERED, room, said.text or str(key), detail)


def _is_already_member(ack: Acked, oracle: Oracle) -> bool:
    """Whether an ack only names a room of which the person was a member already."""
    return ack.kind in {"created", "member"} and oracle.find(identity_of(ack), ack.room) is None


def _check_ack(ack: Acked, final: FinalLog) -> Iterator[Violation]:
    event = final.restored_by_seq.get(ack.seq)
    where = final.by_key.get((ack.person, ack.key))
    if event is not None and (event.sender, event.key) == (ack.person, ack.key):
        # A deleted event has lost the content that a repeat could be compared with.
        if event.content != ack.content and not final.by_seq[ack.seq].deleted:
            detail = f"number {ack.seq} says {event.content}"
            yield Violation(Rule.CONFLICT_ACCEPTED, ack.room, ack.text, detail)
    elif where is not None:
        detail = f"number {where.seq}, acknowledged as {ack.seq} to {ack.client}"
        yield Violation(Rule.MISNUMBERED, ack.room, ack.text, detail)
    elif not (ack.kind in {"created", "member"} and final.was_member(ack.person, ack.seq)):
        detail = (
            f"{ack.content} acknowledged as {ack.seq} to {ack.client}; the log has {len(final.events)} events"
        )
        yield Violation(Rule.LOST, ack.room, ack.text, detail)


def _check_conflict(refused: Refused, oracle: Oracle) -> Iterator[Violation]:
    event = oracle.find(identity_of(refused), refused.room)
    if event is not None:
        detail = f"number {event.seq} is what {refused.client} said again"
        yield Violation(Rule.CONFLICT_INVENTED, refused.room, refused.text, detail)


def _check_resets(records: Sequence[AnyRecord], oracle: Oracle) -> Iterator[Violation]:
    """Resets: epochs change, and people are forgotten, only after a damaging fault."""
    if oracle.is_damaged:
        return
    first: dict[str, str] = {}
    for joined in records_of(records, Joined):
        epoch = first.setdefault(joined.room, joined.epoch)
        if epoch != joined.epoch:
            detail = f"{joined.client} was told of {joined.epoch} after {epoch}"
            yield Violation(Rule.VOIDED, joined.room, joined.room, detail)
    for forgotten in records_of(records, Forgotten):
        yield Violation(Rule.FORGOTTEN, "", forgotten.client, f"it was {forgotten.person}")
