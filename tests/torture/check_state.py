"""Checks of convergence: clients, a fresh client, and the database end with the same state, field by field."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tests.torture.history import (
    Began,
    Delivered,
    Held,
    Joined,
    Listed,
    Loaded,
    Marked,
    MarksTold,
    Paged,
    Remains,
    Told,
)
from tests.torture.model import LOBBY, RoomModel
from tests.torture.oracle import ConnectionEpochs, records_of
from tests.torture.violations import Rule, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.torture.events import Event
    from tests.torture.history import AnyRecord
    from tests.torture.oracle import FinalLog, Oracle

MANY = 100
"""Unread messages are counted up to this number."""

WINDOW = 500
"""Newest events of a room among which unread messages are counted."""


def check_state(records: Sequence[AnyRecord], oracle: Oracle) -> Iterator[Violation]:
    """Convergence: what a client holds at the end (its timeline, and the state folded from all that it received) equals
    what a fresh client loads, and that equals the database."""
    fresh = {loaded.room: loaded for loaded in records_of(records, Loaded)}
    folded = {final.room: fold(final) for final in oracle.rooms()}
    for loaded in fresh.values():
        final = oracle[loaded.room]
        if final.epoch is None and not loaded.events:
            continue  # a room without events
        if (loaded.epoch, loaded.events) != (final.epoch, list(final.events)):
            difference = _difference(loaded.events, final.events)
            yield Violation(Rule.LOAD, loaded.room, "somebody new", difference)
        else:
            yield from _check_fresh_load(loaded, folded[loaded.room])
    views, partial = _views(records)
    for held in records_of(records, Held):
        if held.room not in fresh:
            continue
        first = held.events[0].seq if held.events else 1
        theirs = fresh[held.room].events
        mine = oracle[held.room].without_deleted(held.events)
        if held.client in partial:
            theirs = [event for event in theirs if event.kind == "message"]
            place = next((n for n, event in enumerate(theirs) if event.seq >= first), len(theirs))
            theirs, mine = _essentials(theirs[place:]), _essentials(mine)
        else:
            theirs = theirs[first - 1 :]
        if held.epoch != fresh[held.room].epoch or mine != theirs:
            yield Violation(Rule.DIVERGED, held.room, held.client, _difference(mine, theirs))
        elif held.room in folded and (held.client, held.room) in views:
            yield from _check_view(held.client, views[held.client, held.room], folded[held.room], first)


def check_room_info(records: Sequence[AnyRecord], oracle: Oracle) -> Iterator[Violation]:
    """Room info: what a client is told of a room at some number follows from the log up to there."""
    epochs = ConnectionEpochs(oracle)
    asked: defaultdict[str, list[Told]] = defaultdict(list)
    for record in records:
        if isinstance(record, Joined):
            epochs.follow(record)
        elif isinstance(record, Told) and epochs.is_final(record.connection, record.room):
            asked[record.room].append(record)
    for name, answers in asked.items():
        room, events = RoomModel(name), iter(oracle[name].restored)
        for told in sorted(answers, key=lambda answer: answer.upto):
            while room.head < told.upto and (event := next(events, None)) is not None:
                room.apply(event)
            facts = {**room.facts(), "pins": room.pins}
            theirs = {key: getattr(told, key) for key in facts} | {"members": sorted(told.members)}
            if room.head != told.upto or theirs != facts:
                detail = f"told {theirs} at {told.upto}, and it was {facts}"
                yield Violation(Rule.UNEQUAL, name, told.client, detail)


def fold(final: FinalLog) -> RoomModel:
    """The state that follows from a room's whole log."""
    room = RoomModel(final.room)
    for event in final.events:
        room.apply(event)
    return room


def _essentials(events: Sequence[Event]) -> list[Any]:
    return [(event.seq, event.key, event.sender, event.name, event.text, event.when) for event in events]


def _views(records: Sequence[AnyRecord]) -> tuple[dict[tuple[str, str], RoomModel], set[str]]:
    """The state that each client has folded from all that it received, by client and room; and the clients that record
    messages only."""
    wanted = {(held.client, held.room) for held in records_of(records, Held)}
    views: dict[tuple[str, str], RoomModel] = {}
    epochs: dict[tuple[str, str], str] = {}
    partial: set[str] = set()
    for record in records:
        if isinstance(record, Joined):
            place = record.client, record.room
            if record.messages_only:
                partial.add(record.client)
            elif place in wanted and (record.reset or epochs.get(place) != record.epoch):
                views[place], epochs[place] = RoomModel(record.room), record.epoch
        elif isinstance(record, Delivered | Paged | Told):
            view = views.get((record.client, record.room))
            if view is None:
                continue
            if isinstance(record, Delivered):
                view.apply(record.event)
            elif isinstance(record, Paged):
                view.apply_page(record.events, record.changes, record.reactions, record.upto)
            else:
                view.apply_info(record)
    return views, partial


def _check_fresh_load(loaded: Loaded, folded: RoomModel) -> Iterator[Violation]:
    view = RoomModel(loaded.room)
    view.apply_page(loaded.events, loaded.changes, loaded.reactions, loaded.upto)
    if loaded.told is not None:
        view.apply_info(loaded.told)
        if view.facts() != folded.facts():
            yield Violation(Rule.LOAD, loaded.room, "what it is", f"{view.facts()} is not {folded.facts()}")
        if loaded.told.pins != folded.pins:
            yield Violation(Rule.LOAD, loaded.room, "pins", f"{loaded.told.pins} is not {folded.pins}")
    for seq, message in folded.messages.items():
        if view.messages.get(seq) != message:
            detail = f"{view.messages.get(seq)} is not {message}"
            yield Violation(Rule.LOAD, loaded.room, f"number {seq}", detail)


def _check_view(client: str, view: RoomModel, folded: RoomModel, first: int) -> Iterator[Violation]:
    for seq, message in folded.messages.items():
        held = view.messages.get(seq)
        if held != message and (held is not None or seq >= first):
            yield Violation(
                Rule.DIVERGED, view.name, f"{client}, folded", f"number {seq}: {held} is not {message}"
            )
            return
    if view.knows_facts and view.facts() != folded.facts():
        yield Violation(
            Rule.DIVERGED, view.name, f"{client}, facts", f"{view.facts()} is not {folded.facts()}"
        )


def _difference(one: Sequence[Any], other: Sequence[Any]) -> str:
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            return f"{mine} is not {theirs}"
    return f"{len(one)} events, of {len(other)}; or of another epoch"


def check_lists(records: Sequence[AnyRecord], oracle: Oracle) -> Iterator[Violation]:
    """Room lists: what people are told at the end of their rooms, and of their own room, follows from the logs."""
    folded = {final.room: fold(final) for final in oracle.rooms()}
    for listed in records_of(records, Listed):
        person = listed.person
        expected = {room for room, fact in folded.items() if person in fact.members or room == LOBBY}
        told = {item.room for item in listed.rooms}
        if told - {LOBBY} != expected - {LOBBY}:
            detail = f"told of {sorted(told - expected)}, not of {sorted(expected - told)}"
            yield Violation(Rule.LISTED, "", person, detail)
        for item in listed.rooms:
            room = folded.get(item.room)
            if room is None:
                continue
            messages = [seq for seq in room.messages if seq > room.head - WINDOW]
            unread = sum(
                message.author != person and not message.deleted
                for seq, message in room.messages.items()
                if seq > max(item.read, room.head - WINDOW)
            )
            is_right = (
                (item.kind, item.title, item.topic, item.head)
                == (room.kind, room.title, room.topic, room.head)
                and (item.room == LOBBY or item.members == len(room.members))
                and item.last == max(messages, default=0)
                and (item.room == LOBBY or item.unread == min(unread, MANY))
            )
            if not is_right:
                detail = f"{item} of {room.facts()}, head {room.head}, {unread} unread, last {messages[-1:]}"
                yield Violation(Rule.LISTED, item.room, person, detail)
        mine = folded.get(f"~{person}")
        kept = sorted(mine.personal.values(), key=lambda event: event.seq) if mine else []
        if listed.mine != kept:
            yield Violation(Rule.LISTED, f"~{person}", person, _difference(listed.mine, kept))


def check_marks(records: Sequence[AnyRecord], oracle: Oracle) -> Iterator[Violation]:
    """Read markers: they never go back, and never go further than a client has moved them."""
    is_damaged = oracle.is_damaged
    said: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    told: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    floors: dict[int, dict[tuple[str, str], tuple[int, int]]] = {}
    for record in records:
        if isinstance(record, Began):
            floors[record.connection] = dict(told)
        elif isinstance(record, Marked):
            mark = max(record.delivered, record.read), record.read
            said[record.room, record.person] = _further(said[record.room, record.person], mark)
        elif isinstance(record, MarksTold):
            now = {person: (delivered, read) for person, delivered, read in record.marks}
            for person, mark in now.items():
                if not _reaches(said[record.room, person], mark):
                    detail = f"{record.client} was told {mark}, and {said[record.room, person]} was said"
                    yield Violation(Rule.MARK_INVENTED, record.room, person, detail)
                told[record.room, person] = _further(told[record.room, person], mark)
            if not record.whole or is_damaged or len(now) >= 200:
                continue
            for (room, person), floor in floors.get(record.connection, {}).items():
                if room == record.room and not _reaches(now.get(person, (0, 0)), floor):
                    detail = f"{record.client} was told {now.get(person)} after {floor} was told"
                    yield Violation(Rule.MARK_BACK, room, person, detail)
    for log in () if is_damaged else oracle.logs:
        saved = {person: (delivered, read) for person, delivered, read in log.marks}
        for (room, person), mark in told.items():
            if room == log.room and not _reaches(saved.get(person, (0, 0)), mark):
                detail = f"{saved.get(person)} is saved, and {mark} was told"
                yield Violation(Rule.MARK_BACK, room, person, detail)
        for person, mark in saved.items():
            if not _reaches(said[log.room, person], mark) or max(mark) > len(log.events):
                detail = (
                    f"{mark} is saved, {said[log.room, person]} was said, the log ends at {len(log.events)}"
                )
                yield Violation(Rule.MARK_INVENTED, log.room, person, detail)


def _further(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return max(one[0], other[0]), max(one[1], other[1])


def _reaches(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] >= other[0] and one[1] >= other[1]


def deleted_texts(oracle: Oracle) -> dict[str, str]:
    """Deleted texts, with their rooms."""
    return {
        final.restored_by_seq[seq].text: final.room
        for final in oracle.rooms()
        for seq in final.deletions
        if seq in final.restored_by_seq and final.restored_by_seq[seq].text
    }


def check_remains(records: Sequence[AnyRecord], oracle: Oracle) -> Iterator[Violation]:
    """Deletion: no deleted text is in any file at the end."""
    gone = deleted_texts(oracle)
    for remains in records_of(records, Remains):
        if remains.text in gone:
            yield Violation(Rule.REMAINS, gone[remains.text], remains.text, f"in {remains.file}")
