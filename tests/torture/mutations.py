"""Mutations of a good history, each with the rule that it breaks; for tests of the checker."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import msgspec

from tests.torture.events import Event
from tests.torture.history import (
    Acked,
    Delivered,
    Ended,
    Fault,
    Fetched,
    FileSent,
    FilesKept,
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
    from collections.abc import Callable, Sequence

    from tests.torture.history import AnyRecord

    History = list[AnyRecord]
    Mutation = Callable[[History], History]

replace = msgspec.structs.replace

ROOM, EPOCH = "lobby", "e1"


def good_history(rng: random.Random, *, clients: int = 3, messages: int = 40) -> History:
    """A good history of messages: clients send, are cut, resume, repeat; a plain client sends and receives."""
    records: History = []
    log: list[Event] = []
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
            for event in log[after:]:
                deliver(client, event)

    def deliver(client: str, event: Event) -> None:
        if client == "plain":
            records.append(Heard(client=client, connection=connection[client], text=event.text))
        else:
            records.append(Delivered(client=client, connection=connection[client], room=ROOM, event=event))
            cursor[client] = event.seq

    def act(kind: type[Submitted] | type[Acked] | type[Refused], client: str, n: int, **more: object) -> None:
        is_plain = client == "plain"
        records.append(
            kind(
                client=client,
                connection=connection[client],
                room=ROOM,
                text=f"{client} says {n}",
                person=None if is_plain else f"p-{client}",
                key=None if is_plain else str(n),
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
        key = None if is_plain else str(n)
        if not is_plain and rng.random() < 0.1:
            act(Refused, client, n, code="unavailable")
            act(Submitted, client, n)
        if not is_plain and rng.random() < 0.1:
            place: dict[str, Any] = {"client": client, "connection": connection[client], "room": ROOM}
            records.append(JoinRefused(**place, code="unavailable"))
            act(Refused, client, n, code="not_joined")
            records.append(Joined(**place, epoch=EPOCH, head=len(log), after=cursor[client]))
            act(Submitted, client, n)
        event = Event(len(log) + 1, key, sender, client, f"{client} says {n}", f"at {n}")
        log.append(event)
        lost = client if not is_plain and rng.random() < 0.2 else None
        for name in (*names, "plain"):
            if name != lost:
                deliver(name, event)
        if lost is not None:
            records.append(Ended(client=client, connection=connection[client], why="cut"))
            records.append(Fault(kind="cut", proof="1 byte"))
            connect(client)
            act(Submitted, client, n)
        if not is_plain:
            act(Acked, client, n, seq=event.seq)
            if rng.random() < 0.2:
                act(Submitted, client, n)
                act(Acked, client, n, seq=event.seq)
    records.append(
        Paged(
            client="c0", connection=connection["c0"], room=ROOM, before=messages, events=log[5:-1], more=True
        )
    )
    records += [Held(client=name, room=ROOM, epoch=EPOCH, events=log[3:]) for name in names]
    records += [Loaded(room=ROOM, epoch=EPOCH, events=log), Log(room=ROOM, epoch=EPOCH, events=log)]
    return [*_files_of(log[::7]), *records, _kept(log[::7])]


def _files_of(events: Sequence[Event]) -> History:
    """Some messages have a file, which somebody fetched."""
    found: History = []
    for event in events:
        if event.key is not None:
            about: dict[str, Any] = {"key": event.key, "n": 0, "sha256": f"hash of {event.seq}"}
            canary = f"file of {event.sender} {event.key}.0"
            found.append(FileSent(person=event.sender, canary=canary, **about))
            found.append(Fetched(client="c0", room=ROOM, sender=event.sender, **about))
    return found


def _kept(events: Sequence[Event]) -> FilesKept:
    files = [(ROOM, event.seq, 0, f"hash of {event.seq}") for event in events if event.key is not None]
    blobs = {blob: blob for _, _, _, blob in files}
    canaries = {
        f"file of {event.sender} {event.key}.0": "a blob" for event in events if event.key is not None
    }
    unsent = "hash of an unsent one"
    return FilesKept(files=files, unsent=[unsent], blobs={**blobs, unsent: unsent}, canaries=canaries)


GOOD = good_history(random.Random(1))


def index(records: History, kind: type, number: int = 10) -> int:
    """Index of the record of this kind with this number among its kind."""
    return [place for place, record in enumerate(records) if isinstance(record, kind)][number]


def change_log(records: History, change: Callable[[list[Event]], list[Event]]) -> History:
    """The history with a changed log, which a fresh client loads as well."""
    return [
        replace(record, events=change(list(record.events))) if isinstance(record, Log | Loaded) else record
        for record in records
    ]


def numbered(events: list[Event]) -> list[Event]:
    return [replace(event, seq=seq) for seq, event in enumerate(events, 1)]


def acked_seq(records: History) -> int:
    record = records[index(records, Acked)]
    assert isinstance(record, Acked)
    return record.seq


def an_event_is_lost(records: History) -> History:
    seq = acked_seq(records)
    return change_log(records, lambda log: [event for event in log if event.seq != seq])


def the_last_event_is_lost(records: History) -> History:
    last = max(record.seq for record in records if isinstance(record, Acked))
    return change_log(records, lambda log: log[: last - 1])


def an_event_is_lost_and_later_ones_are_renumbered(records: History) -> History:
    seq = acked_seq(records)
    return change_log(records, lambda log: numbered([event for event in log if event.seq != seq]))


def two_events_are_swapped(records: History) -> History:
    def swap(log: list[Event]) -> list[Event]:
        log[9], log[10] = log[10], log[9]
        return numbered(log)

    return change_log(records, swap)


def an_event_is_doubled(records: History) -> History:
    return change_log(records, lambda log: numbered([*log, log[4]]))


def an_event_was_never_sent(records: History) -> History:
    foreign = Event(0, "x", "p-c0", "c0", "never said", "at 0")
    return change_log(records, lambda log: numbered([*log, foreign]))


def an_event_has_another_text(records: History) -> History:
    seq = acked_seq(records)
    return change_log(
        records, lambda log: [replace(event, text="forged") if event.seq == seq else event for event in log]
    )


def an_event_has_another_sender(records: History) -> History:
    seq = acked_seq(records)
    return change_log(
        records, lambda log: [replace(event, sender="p-c9") if event.seq == seq else event for event in log]
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


def a_delivery_is_missing(records: History) -> History:
    place = index(records, Delivered, 40)  # its client is told more before it joins again
    return [*records[:place], *records[place + 1 :]]


def a_delivery_is_doubled(records: History) -> History:
    place = index(records, Delivered)
    return [*records[:place], records[place], *records[place:]]


def a_delivery_has_another_text(records: History) -> History:
    record = records[index(records, Delivered)]
    assert isinstance(record, Delivered)
    return changed(records, Delivered, event=replace(record.event, text="forged"))


def a_delivery_has_another_time(records: History) -> History:
    record = records[index(records, Delivered)]
    assert isinstance(record, Delivered)
    return changed(records, Delivered, event=replace(record.event, when="later"))


def a_resumed_join_skips_an_event(records: History) -> History:
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


def a_plain_delivery_is_missing(records: History) -> History:
    place = index(records, Heard)
    return [*records[:place], *records[place + 1 :]]


def a_plain_client_receives_a_text_never_sent(records: History) -> History:
    return changed(records, Heard, text="never said")


def an_epoch_changes_without_a_reset(records: History) -> History:
    place = next(
        place
        for place, record in enumerate(records)
        if isinstance(record, Joined) and record.asked_after is not None
    )
    return [*records[:place], replace(records[place], asked_epoch="e0"), *records[place + 1 :]]


def a_reset_is_needless(records: History) -> History:
    place = next(
        place
        for place, record in enumerate(records)
        if isinstance(record, Joined) and record.asked_after is not None
    )
    return [*records[:place], replace(records[place], reset=True), *records[place + 1 :]]


def a_conflict_is_accepted(records: History) -> History:
    place = index(records, Acked)
    ack = records[place]
    assert isinstance(ack, Acked)
    submitted = Submitted(
        client=ack.client,
        connection=ack.connection,
        room=ROOM,
        text="another",
        person=ack.person,
        key=ack.key,
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
        key=ack.key,
        code="id_conflict",
    )
    return [refused if record is ack else record for record in records]


def a_command_is_never_answered(records: History) -> History:
    ack = records[index(records, Acked)]
    assert isinstance(ack, Acked)
    return [record for record in records if not isinstance(record, Acked) or record.key != ack.key]


def a_refused_message_is_logged(records: History) -> History:
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
                    key=record.key,
                    code="unavailable",
                )
            )
        elif not isinstance(record, Acked | Refused) or record.text != ack.text:
            bad.append(record)
    return bad


def a_command_is_refused_for_no_reason(records: History) -> History:
    return changed_refusal(records, "not_joined")


def a_command_is_refused_as_not_joined_after_joining(records: History) -> History:
    """The join was refused first, which justifies a refusal; but then it was not."""
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


def a_message_overtakes_a_known_one(records: History) -> History:
    """A command is first sent after a later event was acknowledged: only real time shows it."""
    texts = [record.text for record in records if isinstance(record, Submitted)]
    place = next(
        place
        for place, record in enumerate(records)
        if isinstance(record, Submitted) and texts.count(record.text) == 1
    )
    rest = [*records[:place], *records[place + 1 :]]
    later = [place for place, record in enumerate(rest) if isinstance(record, Acked)][-5]
    return [*rest[: later + 1], records[place], *rest[later + 1 :]]


def messages_of_one_sender_are_swapped(records: History) -> History:
    """Two messages of one sender in the wrong order, sent without waiting, so that real time shows nothing."""
    mine = Event(0, "a1", "p-a", "a", "first", "at 1")
    also = Event(0, "a2", "p-a", "a", "second", "at 1")
    seq = len(next(log for log in records if isinstance(log, Log)).events)
    about = {"client": "a", "connection": 999, "room": ROOM, "person": "p-a"}
    sent = [Submitted(**about, key=event.key, text=event.text) for event in (mine, also)]  # type: ignore[arg-type]
    acks = [
        Acked(**about, key=event.key, text=event.text, seq=seq + number)  # type: ignore[arg-type]
        for number, event in ((2, mine), (1, also))
    ]
    bad: History = [record for record in records if not isinstance(record, Held)]
    bad = [*bad[:-2], *sent, *acks, *bad[-2:]]
    return change_log(bad, lambda log: numbered([*log, also, mine]))


def a_client_ends_with_another_state(records: History) -> History:
    place = index(records, Held, 0)
    held = records[place]
    assert isinstance(held, Held)
    events = [*held.events[:-2], replace(held.events[-2], name="another"), held.events[-1]]
    return [*records[:place], replace(held, events=events), *records[place + 1 :]]


def a_client_ends_behind(records: History) -> History:
    place = index(records, Held, 0)
    held = records[place]
    assert isinstance(held, Held)
    return [*records[:place], replace(held, events=held.events[:-1]), *records[place + 1 :]]


def a_fresh_load_differs_from_the_database(records: History) -> History:
    return [replace(r, events=r.events[1:]) if isinstance(r, Loaded) else r for r in records]


def a_page_has_a_hole(records: History) -> History:
    return [replace(r, events=[*r.events[:3], *r.events[4:]]) if isinstance(r, Paged) else r for r in records]


def a_page_denies_that_there_is_more(records: History) -> History:
    return [replace(r, more=False) if isinstance(r, Paged) else r for r in records]


def two_clients_disagree_about_a_lost_log(records: History) -> History:
    old: History = []
    for client, text in (("c1", "one"), ("c2", "two")):
        connection = {"client": client, "connection": 900 + len(old)}
        old.append(Joined(**connection, room=ROOM, epoch="e0", head=0, after=0))  # type: ignore[arg-type]
        old.append(Delivered(**connection, room=ROOM, event=Event(1, "1", "p", "n", text, "at")))  # type: ignore[arg-type]
    return [*old, *records]


def an_epoch_begins_without_damage(records: History) -> History:
    return two_clients_disagree_about_a_lost_log(records)


def a_person_is_forgotten(records: History) -> History:
    return [*records, Forgotten(client="c1", connection=1, person="p-c1")]


def kept_of(records: History) -> FilesKept:
    (kept,) = (record for record in records if isinstance(record, FilesKept))
    return kept


def changed_files(records: History, **fields: object) -> History:
    return [replace(record, **fields) if isinstance(record, FilesKept) else record for record in records]


def a_blob_is_missing(records: History) -> History:
    first, *others = kept_of(records).blobs.items()
    assert first
    return changed_files(records, blobs=dict(others))


def the_blob_of_an_unsent_upload_is_missing(records: History) -> History:
    *others, last = kept_of(records).blobs.items()
    assert last
    return changed_files(records, blobs=dict(others))


def a_blob_has_another_content(records: History) -> History:
    blobs = kept_of(records).blobs
    return changed_files(records, blobs={**blobs, next(iter(blobs)): "another hash"})


def a_blob_is_left_over(records: History) -> History:
    return changed_files(records, blobs={**kept_of(records).blobs, "unknown": "unknown"})


def a_part_is_left_over(records: History) -> History:
    return changed_files(records, unknown_parts=["u-1"])


def a_message_has_another_file(records: History) -> History:
    kept = kept_of(records)
    (room, seq, n, blob), *others = kept.files
    blobs = {("another" if name == blob else name): name for name in kept.blobs}
    blobs["another"] = "another"
    return changed_files(records, files=[(room, seq, n, "another"), *others], blobs=blobs)


def a_message_has_no_file_any_more(records: History) -> History:
    kept = kept_of(records)
    blobs = {name: content for name, content in kept.blobs.items() if name != kept.files[0][3]}
    return changed_files(records, files=kept.files[1:], blobs=blobs)


def a_message_has_a_file_that_nobody_sent(records: History) -> History:
    kept = kept_of(records)
    return changed_files(records, files=[*kept.files, (ROOM, 2, 0, kept.files[0][3])])


def a_file_of_a_deleted_message_is_left_over(records: History) -> History:
    kept = kept_of(records)
    seq = kept.files[0][1]
    blobs = {name: content for name, content in kept.blobs.items() if name != kept.files[0][3]}
    gone = changed_files(records, files=kept.files[1:], blobs=blobs)
    return change_log(gone, lambda log: [event.as_deleted() if event.seq == seq else event for event in log])


def another_file_was_fetched(records: History) -> History:
    return [
        replace(record, sha256="another") if isinstance(record, Fetched) else record for record in records
    ]


def the_server_wrote_a_traceback(records: History) -> History:
    return [*records, Trouble(what="a traceback")]


MUTATIONS: dict[Mutation, Rule] = {
    an_event_is_lost: Rule.LOST,
    the_last_event_is_lost: Rule.LOST,
    an_event_is_lost_and_later_ones_are_renumbered: Rule.LOST,
    two_events_are_swapped: Rule.UNEQUAL,
    an_event_is_doubled: Rule.DOUBLED,
    an_event_was_never_sent: Rule.FOREIGN,
    an_event_has_another_text: Rule.CONFLICT_ACCEPTED,
    an_event_has_another_sender: Rule.FOREIGN,
    an_ack_has_another_number: Rule.MISNUMBERED,
    a_repeat_is_answered_with_another_number: Rule.REPEAT,
    a_delivery_is_missing: Rule.GAP,
    a_delivery_is_doubled: Rule.GAP,
    a_delivery_has_another_text: Rule.UNEQUAL,
    a_delivery_has_another_time: Rule.UNEQUAL,
    a_resumed_join_skips_an_event: Rule.GAP,
    a_plain_delivery_is_missing: Rule.GAP,
    a_plain_client_receives_a_text_never_sent: Rule.UNEQUAL,
    an_epoch_changes_without_a_reset: Rule.RESET_MISSING,
    a_reset_is_needless: Rule.RESET_NEEDLESS,
    a_conflict_is_accepted: Rule.CONFLICT_ACCEPTED,
    a_repeat_is_refused_as_a_conflict: Rule.CONFLICT_INVENTED,
    a_command_is_never_answered: Rule.UNANSWERED,
    a_refused_message_is_logged: Rule.REFUSED_YET_LOGGED,
    a_command_is_refused_for_no_reason: Rule.UNEXPECTED,
    a_command_is_refused_as_not_joined_after_joining: Rule.UNEXPECTED,
    a_command_is_refused_as_not_joined_in_another_room: Rule.UNEXPECTED,
    a_command_is_refused_as_not_joined_on_another_connection: Rule.UNEXPECTED,
    a_message_overtakes_a_known_one: Rule.REAL_TIME,
    messages_of_one_sender_are_swapped: Rule.SENDER_ORDER,
    a_client_ends_with_another_state: Rule.DIVERGED,
    a_client_ends_behind: Rule.DIVERGED,
    a_fresh_load_differs_from_the_database: Rule.LOAD,
    a_page_has_a_hole: Rule.GAP,
    a_page_denies_that_there_is_more: Rule.UNEQUAL,
    two_clients_disagree_about_a_lost_log: Rule.DISAGREE,
    an_epoch_begins_without_damage: Rule.VOIDED,
    a_person_is_forgotten: Rule.FORGOTTEN,
    a_blob_is_missing: Rule.BLOB,
    the_blob_of_an_unsent_upload_is_missing: Rule.BLOB,
    a_blob_has_another_content: Rule.BLOB,
    a_blob_is_left_over: Rule.BLOB,
    a_part_is_left_over: Rule.BLOB,
    a_message_has_another_file: Rule.BLOB,
    a_message_has_no_file_any_more: Rule.BLOB,
    a_message_has_a_file_that_nobody_sent: Rule.BLOB,
    a_file_of_a_deleted_message_is_left_over: Rule.BLOB,
    another_file_was_fetched: Rule.BLOB,
    the_server_wrote_a_traceback: Rule.TROUBLE,
}
