"""What each connection was told: in order, without a gap, as it stands in the log, and nothing that is not theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.torture.history import Acked, Delivered, Greeted, Heard, Joined, Paged, Told
from tests.torture.model import LOBBY, is_public
from tests.torture.oracle import Epochs, may_be_told, of_kind
from tests.torture.violations import Rule, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.torture.events import Line
    from tests.torture.history import AnyRecord
    from tests.torture.oracle import Final, Truth


def check_connections(records: Sequence[AnyRecord], truth: Truth, max_gap: int) -> Iterator[Violation]:
    """What each v1 connection was told: in order, without a gap, and as it stands in the log."""
    following: dict[tuple[int, str], int] = {}
    epochs: dict[tuple[int, str], str] = {}
    void: dict[tuple[str, str, int], Line] = {}
    partial: set[int] = set()
    for record in records:
        if isinstance(record, Delivered):
            place = record.connection, record.room
            line = record.line
            final = truth[record.room]
            is_final = epochs.get(place) == final.epoch
            is_partial = record.connection in partial
            expected = following.get(place)
            if line.seq != expected and not (
                is_partial and _is_next_message(line.seq, expected, final, is_final)
            ):
                detail = f"told number {line.seq} where {expected or 'nothing'} was next"
                yield Violation(Rule.GAP, record.room, record.client, detail)
            following[place] = line.seq + 1
            if is_final:
                yield from _check_line(line, record.client, final, is_partial)
            elif not is_partial:
                told = void.setdefault((record.room, epochs.get(place, ""), line.seq), line)
                is_deleted = told.deleted or line.deleted
                if told != line and not (is_deleted and told.blanked() == line.blanked()):
                    yield Violation(Rule.DISAGREE, record.room, record.client, f"{line} and {told}")
        elif isinstance(record, Joined):
            following[record.connection, record.room] = record.after + 1
            epochs[record.connection, record.room] = record.epoch
            if record.messages_only:
                partial.add(record.connection)
            yield from _check_joined(record, max_gap)
        elif isinstance(record, Paged):
            final = truth[record.room]
            if epochs.get((record.connection, record.room)) == final.epoch:
                for line in (*record.lines, *record.changes):
                    yield from _check_line(line, record.client, final, False)
                yield from _check_changes(record, final)
            seqs = [line.seq for line in record.lines]
            if seqs != list(range(record.before - len(seqs), record.before)):
                detail = f"the page before {record.before} has the numbers {seqs}"
                yield Violation(Rule.GAP, record.room, record.client, detail)
            if record.more != (record.before - len(seqs) > 1):
                detail = f"the page before {record.before} is wrong about whether there is more"
                yield Violation(Rule.UNEQUAL, record.room, record.client, detail)


def _is_next_message(seq: int, expected: int | None, final: Final, is_final: bool) -> bool:
    """Whether everything from ``expected`` up to ``seq`` is no message; not to be known of a log that is gone."""
    if expected is None or seq < expected:
        return False
    return not is_final or all(
        number in final.by_seq and final.by_seq[number].kind != "message" for number in range(expected, seq)
    )


def _check_line(line: Line, client: str, final: Final, is_partial: bool) -> Iterator[Violation]:
    logged = final.by_seq.get(line.seq)
    if is_partial and logged is not None:
        if _essence(line) in {_essence(logged), _essence(final.whole_by_seq[line.seq])}:
            return
    elif final.fits(line):
        return
    yield Violation(Rule.UNEQUAL, final.room, client, f"told {line}, and the log has {logged}")


def _essence(line: Line) -> tuple[object, ...]:
    return line.seq, line.command, line.sender, line.name, line.text, line.when


def _check_changes(page: Paged, final: Final) -> Iterator[Violation]:
    """Of what was changed about the page's messages up to ``upto`` the newest of each key counts; it may have been
    left out if there is a newer one by now."""
    counting = {change.seq for change in page.changes}
    for line in page.lines:
        newest: dict[tuple[str, ...], Line] = {}
        known: dict[tuple[str, ...], Line] = {}
        for change in final.changes.get(line.seq, ()) if line.kind == "message" else ():
            key = _change_key(change)
            newest[key] = change
            if change.seq <= page.upto:
                known[key] = change
        is_gone = any(change.kind == "delete" for change in newest.values())
        for key, change in known.items():
            if is_gone and change.kind != "delete":
                continue
            if change.seq not in counting and newest[key] is change:
                detail = f"the page before {page.before} leaves {change.said} out, at {page.upto}"
                yield Violation(Rule.UNEQUAL, page.room, page.client, detail)
    targets = {line.seq for line in page.lines}
    for change in page.changes:
        whole = final.whole_by_seq.get(change.seq)
        if change.seq > page.upto or whole is None or whole.target not in targets:
            detail = f"the page before {page.before}, at {page.upto}, has the change {change.seq}"
            yield Violation(Rule.UNEQUAL, page.room, page.client, detail)


def _change_key(change: Line) -> tuple[str, ...]:
    return (
        ("reaction", change.sender, change.details["emoji"]) if change.kind == "reaction" else (change.kind,)
    )


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


def check_plain_connections(records: Sequence[AnyRecord], truth: Truth) -> Iterator[Violation]:
    """Plain clients see no numbers, but each text is in the log once, so each connection's must be a stretch of its
    messages, but for those that were deleted.

    In a history with several epochs one cannot tell which of them a plain client heard.
    """
    if len({joined.epoch for joined in of_kind(records, Joined) if joined.room == LOBBY}) > 1:
        return
    final = truth[LOBBY]
    last: dict[int, int] = {}
    for heard in of_kind(records, Heard):
        line = final.by_text.get(heard.text)
        if line is None:
            detail = f"told {heard.text!r}, which is not in the log"
            yield Violation(Rule.UNEQUAL, LOBBY, heard.client, detail)
            continue
        before = last.get(heard.connection)
        left_out = range(before + 1, line.seq) if before is not None else ()
        is_twice = before is not None and line.seq <= before
        if is_twice or any(
            number not in final.by_seq
            or (final.by_seq[number].kind == "message" and not final.by_seq[number].deleted)
            for number in left_out
        ):
            detail = f"told number {line.seq} after {before}"
            yield Violation(Rule.GAP, LOBBY, heard.client, detail)
        last[heard.connection] = line.seq


def check_secrets(records: Sequence[AnyRecord], truth: Truth) -> Iterator[Violation]:
    """Nobody is told anything of a room that has a number outside of their membership (who comes in sees what was
    before), nor, on a connection begun after a deletion was known, a text that was deleted."""
    epochs = Epochs(truth)
    persons: dict[int, str] = {}
    begun: dict[int, int] = {}
    known_at: dict[tuple[str, int], int] = {}  # since when an event is known to be in a log
    for place, record in enumerate(records):
        if isinstance(record, Greeted):
            persons[record.connection], begun[record.connection] = record.person, place
        elif isinstance(record, Joined):
            epochs.follow(record)
            yield from _check_place(record, record.head, persons, place, truth, epochs)
        elif isinstance(record, Told):
            yield from _check_place(record, record.upto, persons, place, truth, epochs)
        elif isinstance(record, Acked):
            if epochs.is_final(record.connection, record.room):
                known_at.setdefault((record.room, record.seq), place)
        elif isinstance(record, Delivered | Paged):
            lines = [record.line] if isinstance(record, Delivered) else [*record.lines, *record.changes]
            if not lines or not epochs.is_final(record.connection, record.room):
                continue
            last = max(line.seq for line in lines)
            yield from _check_place(record, last, persons, place, truth, epochs)
            deletions = truth[record.room].deletions
            for line in lines:
                deletion = deletions.get(line.seq)
                if deletion is None or line.deleted or record.connection not in begun:
                    continue
                if known_at.get((record.room, deletion.seq), place) < begun[record.connection]:
                    detail = f"told what number {line.seq} said, which {deletion.seq} had deleted"
                    yield Violation(Rule.DELETED_TOLD, record.room, record.client, detail)
            if isinstance(record, Delivered):
                known_at.setdefault((record.room, last), place)


def _check_place(
    record: Joined | Told | Delivered | Paged,
    seq: int,
    persons: dict[int, str],
    place: int,
    truth: Truth,
    epochs: Epochs,
) -> Iterator[Violation]:
    final = truth[record.room]
    if is_public(record.room) or final.epoch is None or not epochs.is_final(record.connection, record.room):
        return
    person = persons.get(record.connection)
    most = may_be_told(final, person, place, truth)
    if max(seq, 1) > most:
        detail = f"{person} was told of number {seq} ({type(record).__name__}), and may be of {most}"
        yield Violation(Rule.SECRET, record.room, record.client, detail)
