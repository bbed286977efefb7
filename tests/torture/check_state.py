"""Whether everybody ends with the same state, field by field: clients, somebody new, and the database."""

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
from tests.torture.model import LOBBY, Room
from tests.torture.oracle import Epochs, of_kind
from tests.torture.violations import Rule, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.torture.events import Line
    from tests.torture.history import AnyRecord
    from tests.torture.oracle import Final, Truth

MANY = 100
"""Where the counting of unread messages ends."""

WINDOW = 500
"""How far back unread messages are counted."""


def check_state(records: Sequence[AnyRecord], truth: Truth) -> Iterator[Violation]:
    """What a client holds at the end (events as they were told, and all of them folded) is what somebody new is told,
    and that is what the database has."""
    fresh = {loaded.room: loaded for loaded in of_kind(records, Loaded)}
    folded = {final.room: fold(final) for final in truth.rooms()}
    for loaded in fresh.values():
        final = truth[loaded.room]
        if final.epoch is None and not loaded.lines:
            continue  # nobody ever wrote to it
        if (loaded.epoch, loaded.lines) != (final.epoch, list(final.lines)):
            difference = _difference(loaded.lines, final.lines)
            yield Violation(Rule.LOAD, loaded.room, "somebody new", difference)
        else:
            yield from _check_fresh(loaded, folded[loaded.room])
    views, partial = _views(records)
    for held in of_kind(records, Held):
        if held.room not in fresh:
            continue
        first = held.lines[0].seq if held.lines else 1
        theirs = fresh[held.room].lines
        mine = truth[held.room].as_at_the_end(held.lines)
        if held.client in partial:
            theirs = [line for line in theirs if line.kind == "message"]
            place = next((n for n, line in enumerate(theirs) if line.seq >= first), len(theirs))
            theirs, mine = _essential(theirs[place:]), _essential(mine)
        else:
            theirs = theirs[first - 1 :]
        if held.epoch != fresh[held.room].epoch or mine != theirs:
            yield Violation(Rule.DIVERGED, held.room, held.client, _difference(mine, theirs))
        elif held.room in folded and (held.client, held.room) in views:
            yield from _check_view(held.client, views[held.client, held.room], folded[held.room], first)


def check_told(records: Sequence[AnyRecord], truth: Truth) -> Iterator[Violation]:
    """What a client is told a room to be at some number is what follows from the log up to there."""
    epochs = Epochs(truth)
    asked: defaultdict[str, list[Told]] = defaultdict(list)
    for record in records:
        if isinstance(record, Joined):
            epochs.follow(record)
        elif isinstance(record, Told) and epochs.is_final(record.connection, record.room):
            asked[record.room].append(record)
    for name, answers in asked.items():
        room, lines = Room(name), iter(truth[name].whole)
        for told in sorted(answers, key=lambda answer: answer.upto):
            while room.head < told.upto and (line := next(lines, None)) is not None:
                room.take(line)
            facts = {**room.facts(), "pins": room.pins}
            theirs = {key: getattr(told, key) for key in facts} | {"members": sorted(told.members)}
            if room.head != told.upto or theirs != facts:
                detail = f"told {theirs} at {told.upto}, and it was {facts}"
                yield Violation(Rule.UNEQUAL, name, told.client, detail)


def fold(final: Final) -> Room:
    """What follows from a room's whole log."""
    room = Room(final.room)
    for line in final.lines:
        room.take(line)
    return room


def _essential(lines: Sequence[Line]) -> list[Any]:
    return [(line.seq, line.command, line.sender, line.name, line.text, line.when) for line in lines]


def _views(records: Sequence[AnyRecord]) -> tuple[dict[tuple[str, str], Room], set[str]]:
    """What each client that says at the end what it holds has made of all that it was told, room by room; and the
    clients that were told of messages only."""
    wanted = {(held.client, held.room) for held in of_kind(records, Held)}
    views: dict[tuple[str, str], Room] = {}
    epochs: dict[tuple[str, str], str] = {}
    partial: set[str] = set()
    for record in records:
        if isinstance(record, Joined):
            place = record.client, record.room
            if record.messages_only:
                partial.add(record.client)
            elif place in wanted and (record.reset or epochs.get(place) != record.epoch):
                views[place], epochs[place] = Room(record.room), record.epoch
        elif isinstance(record, Delivered | Paged | Told):
            view = views.get((record.client, record.room))
            if view is None:
                continue
            if isinstance(record, Delivered):
                view.take(record.line)
            elif isinstance(record, Paged):
                view.take_page(record.lines, record.changes, record.upto)
            else:
                view.take_told(record)
    return views, partial


def _check_fresh(loaded: Loaded, folded: Room) -> Iterator[Violation]:
    view = Room(loaded.room)
    view.take_page(loaded.lines, loaded.changes, loaded.upto)
    if loaded.told is not None:
        view.take_told(loaded.told)
        if view.facts() != folded.facts():
            yield Violation(Rule.LOAD, loaded.room, "what it is", f"{view.facts()} is not {folded.facts()}")
        if loaded.told.pins != folded.pins:
            yield Violation(Rule.LOAD, loaded.room, "pins", f"{loaded.told.pins} is not {folded.pins}")
    for seq, message in folded.messages.items():
        if view.messages.get(seq) != message:
            detail = f"{view.messages.get(seq)} is not {message}"
            yield Violation(Rule.LOAD, loaded.room, f"number {seq}", detail)


def _check_view(client: str, view: Room, folded: Room, first: int) -> Iterator[Violation]:
    for seq, message in folded.messages.items():
        held = view.messages.get(seq)
        if held != message and (held is not None or seq >= first):
            yield Violation(
                Rule.DIVERGED, view.name, f"{client}, folded", f"number {seq}: {held} is not {message}"
            )
            return
    if view.knows_what_it_is and view.facts() != folded.facts():
        yield Violation(
            Rule.DIVERGED, view.name, f"{client}, facts", f"{view.facts()} is not {folded.facts()}"
        )


def _difference(one: Sequence[Any], other: Sequence[Any]) -> str:
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            return f"{mine} is not {theirs}"
    return f"{len(one)} events, of {len(other)}; or of another epoch"


def check_lists(records: Sequence[AnyRecord], truth: Truth) -> Iterator[Violation]:
    """What people are told at the end of their rooms, and of what they keep for themselves, follows from the logs."""
    folded = {final.room: fold(final) for final in truth.rooms()}
    for listed in of_kind(records, Listed):
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
        kept = sorted(mine.mine.values(), key=lambda line: line.seq) if mine else []
        if listed.mine != kept:
            yield Violation(Rule.LISTED, f"~{person}", person, _difference(listed.mine, kept))


def check_marks(records: Sequence[AnyRecord], truth: Truth) -> Iterator[Violation]:
    """Marks never go back, and are never further than anybody said."""
    is_damaged = truth.is_damaged
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
    for log in () if is_damaged else truth.logs:
        saved = {person: (delivered, read) for person, delivered, read in log.marks}
        for (room, person), mark in told.items():
            if room == log.room and not _reaches(saved.get(person, (0, 0)), mark):
                detail = f"{saved.get(person)} is saved, and {mark} was told"
                yield Violation(Rule.MARK_BACK, room, person, detail)
        for person, mark in saved.items():
            if not _reaches(said[log.room, person], mark) or max(mark) > len(log.lines):
                detail = (
                    f"{mark} is saved, {said[log.room, person]} was said, the log ends at {len(log.lines)}"
                )
                yield Violation(Rule.MARK_INVENTED, log.room, person, detail)


def _further(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return max(one[0], other[0]), max(one[1], other[1])


def _reaches(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] >= other[0] and one[1] >= other[1]


def deleted_texts(truth: Truth) -> dict[str, str]:
    """What was deleted, with the rooms where it was said."""
    return {
        final.whole_by_seq[seq].text: final.room
        for final in truth.rooms()
        for seq in final.deletions
        if seq in final.whole_by_seq and final.whole_by_seq[seq].text
    }


def check_remains(records: Sequence[AnyRecord], truth: Truth) -> Iterator[Violation]:
    """What was deleted is in no file any more."""
    gone = deleted_texts(truth)
    for remains in of_kind(records, Remains):
        if remains.text in gone:
            yield Violation(Rule.REMAINS, gone[remains.text], remains.text, f"in {remains.file}")
