"""The model folds events and pages in any order into the same state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests.torture import commands
from tests.torture.events import Event
from tests.torture.history_builder import counted
from tests.torture.model import CHANGES, RoomModel

if TYPE_CHECKING:
    import random

LOBBY = "lobby"
PEOPLE = ("p-a", "p-b", "p-c", "p-d")


def log_of(rng: random.Random, size: int) -> list[Event]:
    """A random log that the rules allow, with the texts that deletions take."""
    room, log = RoomModel(LOBBY), list[Event]()
    while len(log) < size:
        seq, target = len(log) + 1, rng.randint(1, len(log) + 1)
        person, is_on = rng.choice(PEOPLE), rng.random() < 0.6
        command = rng.choice(
            (
                commands.send(LOBBY, f"text {seq}"),
                commands.edit(LOBBY, target, f"edit {seq}"),
                commands.react(LOBBY, target, rng.choice("👍❤"), is_on),
                commands.pin(LOBBY, target, is_on),
                commands.delete(LOBBY, target),
                commands.settings(LOBBY, topic=f"topic {seq}"),
            )
        )
        kind, about, text, detail = command.content
        event = Event(seq, str(seq), person, person, text, "at", kind, about, detail)
        if room.forbids(event) is None:
            room.apply(event)
            log.append(event)
    return log


def as_read(log: list[Event], head: int) -> list[Event]:
    """The log up to ``head``, as it is read then: without deleted texts."""
    gone = {event.target for event in log[:head] if event.kind == "delete"}
    return [
        event.as_deleted()
        if (event.kind == "message" and event.seq in gone) or (event.kind == "edit" and event.target in gone)
        else event
        for event in log[:head]
    ]


def changes_of(log: list[Event], targets: set[int], upto: int, head: int) -> list[Event]:
    """Changes of a page at ``upto``, as a server at ``head`` tells them: the newest of each key only."""
    gone = {event.target for event in log[:head] if event.kind == "delete"}
    newest: dict[tuple[object, ...], Event] = {}
    for event in log[:head]:
        is_told = event.target not in gone or event.kind == "delete"
        if event.kind in CHANGES - {"reaction"} and event.target in targets and is_told:
            newest[event.target, event.kind] = event
    return sorted((event for event in newest.values() if event.seq <= upto), key=lambda event: event.seq)


@given(st.randoms(use_true_random=False), st.integers(1, 25))
def test_events_and_pages_in_any_order_fold_into_the_same_state(rng: random.Random, size: int) -> None:
    log = log_of(rng, size)
    whole, view = RoomModel(LOBBY), RoomModel(LOBBY)
    for event in as_read(log, size):
        whole.apply(event)
    begun = cursor = rng.randint(0, size)
    while cursor < size:
        dice = rng.random()
        if dice < 0.6:  # the next event, while the log is perhaps longer
            view.apply(as_read(log, rng.randint(cursor + 1, size))[cursor])
            cursor += 1
        elif dice < 0.7:  # resume from an earlier number
            cursor = rng.randint(min(begun, cursor), cursor)
        else:
            head = rng.randint(cursor, size)
            _take_page(view, log, rng, upto=rng.randint(begun, head), head=head)
    assert view.messages == {seq: whole.messages[seq] for seq in view.messages}
    assert {seq for seq in whole.messages if seq > begun} <= view.messages.keys()
    assert view.pins == [seq for seq in whole.pins if seq in view.messages]


def _take_page(view: RoomModel, log: list[Event], rng: random.Random, *, upto: int, head: int) -> None:
    """Apply a page at ``upto``, read at ``head``, perhaps after later events were delivered."""
    first = rng.randint(1, max(1, upto))
    events = as_read(log, head)[first - 1 : min(rng.randint(first, max(first, upto)), upto)]
    targets = {event.seq for event in events}
    then = RoomModel(LOBBY)
    for event in log[:upto]:
        then.apply(event)
    view.apply_page(
        events,
        changes_of(log, targets, upto, head),
        counted(then, targets, "", names=rng.randint(0, 2)),
        upto,
    )
