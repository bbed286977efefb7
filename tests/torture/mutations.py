"""A history that is good, and each kind of damage to plant into it, by the rule that it breaks."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import msgspec

from tests.torture.events import Line
from tests.torture.history import (
    Acked,
    Delivered,
    Ended,
    Fault,
    Forgotten,
    Heard,
    Held,
    Joined,
    JoinRefused,
    Loaded,
    Log,
    Paged,
    Refused,
    Submitted,
    Trouble,
)
from tests.torture.violations import Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.torture.history import AnyRecord

    History = list[AnyRecord]
    Damage = Callable[[History], History]

replace = msgspec.structs.replace

ROOM, EPOCH = "lobby", "e1"


def good_history(rng: random.Random, *, clients: int = 3, messages: int = 40) -> History:
    """A run as it should be: clients send, are cut, resume, repeat; a plain client listens and talks."""
    records: History = []
    log: list[Line] = []
    n_connections = 0
    connection: dict[str, int] = {}
    cursor: dict[str, int] = {}
    names = [f"c{number}" for number in range(clients)]

    def connect(client: str) -> None:
        nonlocal n_connections
        n_connections += 1
        connection[client] = n_connections
        if client != "plain":
            after = cursor.setdefault(client, 0)
            asked: dict[str, object] = {"asked_after": after, "asked_epoch": EPOCH} if log else {}
            records.append(
                Joined(
                    client=client,
                    connection=n_connections,
                    room=ROOM,
                    epoch=EPOCH,
                    head=len(log),
                    after=after,
                    **asked,  # type: ignore[arg-type]
                )
            )
            for line in log[after:]:
                deliver(client, line)

    def deliver(client: str, line: Line) -> None:
        if client == "plain":
            records.append(Heard(client=client, connection=connection[client], text=line.text))
        else:
            records.append(Delivered(client=client, connection=connection[client], room=ROOM, line=line))
            cursor[client] = line.seq

    def act(kind: type[Submitted] | type[Acked] | type[Refused], client: str, n: int, **more: object) -> None:
        is_plain = client == "plain"
        records.append(
            kind(
                client=client,
                connection=connection[client],
                room=ROOM,
                text=f"{client} says {n}",
                person=None if is_plain else f"p-{client}",
                command=None if is_plain else str(n),
                **more,  # type: ignore[arg-type]
            )
        )

    for name in (*names, "plain"):
        connect(name)
    for n in range(messages):
        client = rng.choice((*names, "plain"))
        is_plain = client == "plain"
        act(Submitted, client, n)
        sender = "guest" if is_plain else f"p-{client}"
        command = None if is_plain else str(n)
        if not is_plain and rng.random() < 0.1:
            act(Refused, client, n, code="unavailable")
            act(Submitted, client, n)
        if not is_plain and rng.random() < 0.1:
            place: dict[str, Any] = {"client": client, "connection": connection[client], "room": ROOM}
            records.append(JoinRefused(**place, code="unavailable"))
            act(Refused, client, n, code="not_joined")
            records.append(Joined(**place, epoch=EPOCH, head=len(log), after=cursor[client]))
            act(Submitted, client, n)
        line = Line(len(log) + 1, command, sender, client, f"{client} says {n}", f"at {n}")
        log.append(line)
        lost = client if not is_plain and rng.random() < 0.2 else None
        for name in (*names, "plain"):
            if name != lost:
                deliver(name, line)
        if lost is not None:
            records.append(Ended(client=client, connection=connection[client], why="cut"))
            records.append(Fault(kind="cut", proof="1 byte"))
            connect(client)
            act(Submitted, client, n)
        if not is_plain:
            act(Acked, client, n, seq=line.seq)
            if rng.random() < 0.2:
                act(Submitted, client, n)
                act(Acked, client, n, seq=line.seq)
    records.append(
        Paged(
            client="c0", connection=connection["c0"], room=ROOM, before=messages, lines=log[5:-1], more=True
        )
    )
    records += [Held(client=name, room=ROOM, epoch=EPOCH, lines=log[3:]) for name in names]
    records += [Loaded(room=ROOM, epoch=EPOCH, lines=log), Log(room=ROOM, epoch=EPOCH, lines=log)]
    return records


GOOD = good_history(random.Random(1))


def index(records: History, kind: type, number: int = 10) -> int:
    """Where the record of this kind stands that is the so-manyth."""
    return [place for place, record in enumerate(records) if isinstance(record, kind)][number]


def change_log(records: History, change: Callable[[list[Line]], list[Line]]) -> History:
    """The history with another log, and what somebody new is told of it."""
    return [
        replace(record, lines=change(list(record.lines))) if isinstance(record, Log | Loaded) else record
        for record in records
    ]


def numbered(lines: list[Line]) -> list[Line]:
    return [replace(line, seq=seq) for seq, line in enumerate(lines, 1)]


def acked_seq(records: History) -> int:
    record = records[index(records, Acked)]
    assert isinstance(record, Acked)
    return record.seq


def a_row_is_lost(records: History) -> History:
    seq = acked_seq(records)
    return change_log(records, lambda log: [line for line in log if line.seq != seq])


def the_last_row_is_lost(records: History) -> History:
    last = max(record.seq for record in records if isinstance(record, Acked))
    return change_log(records, lambda log: log[: last - 1])


def a_row_is_lost_and_the_numbers_closed(records: History) -> History:
    seq = acked_seq(records)
    return change_log(records, lambda log: numbered([line for line in log if line.seq != seq]))


def two_rows_are_swapped(records: History) -> History:
    def swap(log: list[Line]) -> list[Line]:
        log[9], log[10] = log[10], log[9]
        return numbered(log)

    return change_log(records, swap)


def a_row_is_doubled(records: History) -> History:
    return change_log(records, lambda log: numbered([*log, log[4]]))


def a_row_is_there_that_nobody_sent(records: History) -> History:
    foreign = Line(0, "x", "p-c0", "c0", "never said", "at 0")
    return change_log(records, lambda log: numbered([*log, foreign]))


def a_row_says_something_else(records: History) -> History:
    seq = acked_seq(records)
    return change_log(
        records, lambda log: [replace(line, text="forged") if line.seq == seq else line for line in log]
    )


def a_row_is_of_somebody_else(records: History) -> History:
    seq = acked_seq(records)
    return change_log(
        records, lambda log: [replace(line, sender="p-c9") if line.seq == seq else line for line in log]
    )


def changed(records: History, kind: type, **fields: object) -> History:
    place = index(records, kind)
    return [*records[:place], replace(records[place], **fields), *records[place + 1 :]]


def an_ack_has_another_number(records: History) -> History:
    return changed(records, Acked, seq=acked_seq(records) + 1)


def a_repeat_is_answered_with_another_number(records: History) -> History:
    place = index(records, Acked)
    ack = records[place]
    assert isinstance(ack, Acked)
    return [*records[: place + 1], replace(ack, seq=ack.seq + 1), *records[place + 1 :]]


def a_delivery_is_left_out(records: History) -> History:
    place = index(records, Delivered, 40)  # its client is told more before it joins again
    return [*records[:place], *records[place + 1 :]]


def a_delivery_comes_twice(records: History) -> History:
    place = index(records, Delivered)
    return [*records[:place], records[place], *records[place:]]


def a_delivery_says_something_else(records: History) -> History:
    record = records[index(records, Delivered)]
    assert isinstance(record, Delivered)
    return changed(records, Delivered, line=replace(record.line, text="forged"))


def a_delivery_has_another_time(records: History) -> History:
    record = records[index(records, Delivered)]
    assert isinstance(record, Delivered)
    return changed(records, Delivered, line=replace(record.line, when="later"))


def a_resumption_skips_one(records: History) -> History:
    place = next(
        place
        for place, record in enumerate(records)
        if isinstance(record, Joined) and record.asked_after is not None
    )
    joined = records[place]
    assert isinstance(joined, Joined)
    kept = [*records[:place], replace(joined, after=joined.after + 1), *records[place + 2 :]]
    assert isinstance(records[place + 1], Delivered)
    return kept


def a_plain_delivery_is_left_out(records: History) -> History:
    place = index(records, Heard)
    return [*records[:place], *records[place + 1 :]]


def a_plain_client_hears_what_nobody_said(records: History) -> History:
    return changed(records, Heard, text="never said")


def an_epoch_changes_without_a_reset(records: History) -> History:
    place = next(
        place
        for place, record in enumerate(records)
        if isinstance(record, Joined) and record.asked_after is not None
    )
    return [*records[:place], replace(records[place], asked_epoch="e0"), *records[place + 1 :]]


def a_reset_is_not_needed(records: History) -> History:
    place = next(
        place
        for place, record in enumerate(records)
        if isinstance(record, Joined) and record.asked_after is not None
    )
    return [*records[:place], replace(records[place], reset=True), *records[place + 1 :]]


def another_text_is_accepted_under_a_used_id(records: History) -> History:
    place = index(records, Acked)
    ack = records[place]
    assert isinstance(ack, Acked)
    submitted = Submitted(
        client=ack.client,
        connection=ack.connection,
        room=ROOM,
        text="another",
        person=ack.person,
        command=ack.command,
    )
    return [*records[: place + 1], submitted, replace(ack, text="another"), *records[place + 1 :]]


def a_repeat_is_refused_as_a_conflict(records: History) -> History:
    ack = records[index(records, Acked)]
    assert isinstance(ack, Acked)
    refused = Refused(
        client=ack.client,
        connection=ack.connection,
        room=ROOM,
        text=ack.text,
        person=ack.person,
        command=ack.command,
        code="id_conflict",
    )
    return [refused if record is ack else record for record in records]


def a_command_is_never_answered(records: History) -> History:
    ack = records[index(records, Acked)]
    assert isinstance(ack, Acked)
    return [record for record in records if not isinstance(record, Acked) or record.command != ack.command]


def a_refused_message_is_in_the_log(records: History) -> History:
    ack = records[index(records, Acked)]
    assert isinstance(ack, Acked)
    bad: History = []
    for record in records:
        if isinstance(record, Submitted) and record.text == ack.text:
            bad.append(record)
            bad.append(
                Refused(
                    client=record.client,
                    connection=record.connection,
                    room=ROOM,
                    text=record.text,
                    person=record.person,
                    command=record.command,
                    code="unavailable",
                )
            )
        elif not isinstance(record, Acked | Refused) or record.text != ack.text:
            bad.append(record)
    return bad


def a_command_is_refused_for_no_reason(records: History) -> History:
    return changed_refusal(records, "not_joined")


def a_command_is_refused_as_not_joined_after_joining(records: History) -> History:
    """The room could not be joined at first, which excuses a refusal; and then it was."""
    place = next(
        place
        for place, record in enumerate(records)
        if isinstance(record, Refused) and record.code == "not_joined"
    )
    refused, joined = records[place : place + 2]
    assert isinstance(joined, Joined)
    return [*records[:place], joined, refused, *records[place + 2 :]]


def a_command_is_refused_as_not_joined_in_another_room(records: History) -> History:
    return [replace(r, room="elsewhere") if isinstance(r, JoinRefused) else r for r in records]


def a_command_is_refused_as_not_joined_on_another_connection(records: History) -> History:
    return [replace(r, connection=999) if isinstance(r, JoinRefused) else r for r in records]


def changed_refusal(records: History, code: str) -> History:
    place = index(records, Refused, 0)
    return [*records[:place], replace(records[place], code=code), *records[place + 1 :]]


def a_message_overtakes_one_that_was_known(records: History) -> History:
    """The later of two was sent before the earlier was, and acknowledged before that: only the clock shows it."""
    texts = [record.text for record in records if isinstance(record, Submitted)]
    place = next(
        place
        for place, record in enumerate(records)
        if isinstance(record, Submitted) and texts.count(record.text) == 1
    )
    rest = [*records[:place], *records[place + 1 :]]
    later = [place for place, record in enumerate(rest) if isinstance(record, Acked)][-5]
    return [*rest[: later + 1], records[place], *rest[later + 1 :]]


def a_sender_is_not_kept_in_order(records: History) -> History:
    """Two of one sender's messages in the wrong order, sent without waiting, so that real time says nothing."""
    mine = Line(0, "a1", "p-a", "a", "first", "at 1")
    also = Line(0, "a2", "p-a", "a", "second", "at 1")
    seq = len(next(log for log in records if isinstance(log, Log)).lines)
    about = {"client": "a", "connection": 999, "room": ROOM, "person": "p-a"}
    sent = [Submitted(**about, command=line.command, text=line.text) for line in (mine, also)]  # type: ignore[arg-type]
    acks = [
        Acked(**about, command=line.command, text=line.text, seq=seq + number)  # type: ignore[arg-type]
        for number, line in ((2, mine), (1, also))
    ]
    bad: History = [record for record in records if not isinstance(record, Held)]
    bad = [*bad[:-2], *sent, *acks, *bad[-2:]]
    return change_log(bad, lambda log: numbered([*log, also, mine]))


def a_client_ends_with_another_state(records: History) -> History:
    place = index(records, Held, 0)
    held = records[place]
    assert isinstance(held, Held)
    lines = [*held.lines[:-2], replace(held.lines[-2], name="another"), held.lines[-1]]
    return [*records[:place], replace(held, lines=lines), *records[place + 1 :]]


def a_client_ends_behind(records: History) -> History:
    place = index(records, Held, 0)
    held = records[place]
    assert isinstance(held, Held)
    return [*records[:place], replace(held, lines=held.lines[:-1]), *records[place + 1 :]]


def a_fresh_load_is_not_what_the_database_has(records: History) -> History:
    return [replace(r, lines=r.lines[1:]) if isinstance(r, Loaded) else r for r in records]


def a_page_has_a_hole(records: History) -> History:
    return [replace(r, lines=[*r.lines[:3], *r.lines[4:]]) if isinstance(r, Paged) else r for r in records]


def a_page_says_there_is_no_more(records: History) -> History:
    return [replace(r, more=False) if isinstance(r, Paged) else r for r in records]


def two_clients_were_told_different_things_of_a_lost_log(records: History) -> History:
    old: History = []
    for client, text in (("c1", "one"), ("c2", "two")):
        connection = {"client": client, "connection": 900 + len(old)}
        old.append(Joined(**connection, room=ROOM, epoch="e0", head=0, after=0))  # type: ignore[arg-type]
        old.append(Delivered(**connection, room=ROOM, line=Line(1, "1", "p", "n", text, "at")))  # type: ignore[arg-type]
    return [*old, *records]


def an_epoch_begins_although_nothing_was_damaged(records: History) -> History:
    return two_clients_were_told_different_things_of_a_lost_log(records)


def a_person_is_forgotten(records: History) -> History:
    return [*records, Forgotten(client="c1", connection=1, person="p-c1")]


def the_server_broke(records: History) -> History:
    return [*records, Trouble(what="a traceback")]


DAMAGES: dict[Damage, Rule] = {
    a_row_is_lost: Rule.LOST,
    the_last_row_is_lost: Rule.LOST,
    a_row_is_lost_and_the_numbers_closed: Rule.LOST,
    two_rows_are_swapped: Rule.UNEQUAL,
    a_row_is_doubled: Rule.DOUBLED,
    a_row_is_there_that_nobody_sent: Rule.FOREIGN,
    a_row_says_something_else: Rule.CONFLICT_ACCEPTED,
    a_row_is_of_somebody_else: Rule.FOREIGN,
    an_ack_has_another_number: Rule.MISNUMBERED,
    a_repeat_is_answered_with_another_number: Rule.REPEAT,
    a_delivery_is_left_out: Rule.GAP,
    a_delivery_comes_twice: Rule.GAP,
    a_delivery_says_something_else: Rule.UNEQUAL,
    a_delivery_has_another_time: Rule.UNEQUAL,
    a_resumption_skips_one: Rule.GAP,
    a_plain_delivery_is_left_out: Rule.GAP,
    a_plain_client_hears_what_nobody_said: Rule.UNEQUAL,
    an_epoch_changes_without_a_reset: Rule.RESET_MISSING,
    a_reset_is_not_needed: Rule.RESET_NEEDLESS,
    another_text_is_accepted_under_a_used_id: Rule.CONFLICT_ACCEPTED,
    a_repeat_is_refused_as_a_conflict: Rule.CONFLICT_INVENTED,
    a_command_is_never_answered: Rule.UNANSWERED,
    a_refused_message_is_in_the_log: Rule.REFUSED_YET_LOGGED,
    a_command_is_refused_for_no_reason: Rule.UNEXPECTED,
    a_command_is_refused_as_not_joined_after_joining: Rule.UNEXPECTED,
    a_command_is_refused_as_not_joined_in_another_room: Rule.UNEXPECTED,
    a_command_is_refused_as_not_joined_on_another_connection: Rule.UNEXPECTED,
    a_message_overtakes_one_that_was_known: Rule.REAL_TIME,
    a_sender_is_not_kept_in_order: Rule.SENDER_ORDER,
    a_client_ends_with_another_state: Rule.DIVERGED,
    a_client_ends_behind: Rule.DIVERGED,
    a_fresh_load_is_not_what_the_database_has: Rule.LOAD,
    a_page_has_a_hole: Rule.GAP,
    a_page_says_there_is_no_more: Rule.UNEQUAL,
    two_clients_were_told_different_things_of_a_lost_log: Rule.DISAGREE,
    an_epoch_begins_although_nothing_was_damaged: Rule.VOIDED,
    a_person_is_forgotten: Rule.FORGOTTEN,
    the_server_broke: Rule.TROUBLE,
}
