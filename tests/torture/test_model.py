"""The model's fold: in whatever order events and pages come, the picture is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests.torture import commands
from tests.torture.events import Line
from tests.torture.model import CHANGES, Room

if TYPE_CHECKING:
    import random

LOBBY = "lobby"
PEOPLE = ("p-a", "p-b")


def log_of(rng: random.Random, size: int) -> list[Line]:
    """A log as the rules allow it, before anything in it was deleted for whoever reads it."""
    room, log = Room(LOBBY), list[Line]()
    while len(log) < size:
        seq, target = len(log) + 1, rng.randint(1, len(log) + 1)
        person, is_on = rng.choice(PEOPLE), rng.random() < 0.6
        deed = rng.choice(
            (
                commands.send(LOBBY, f"text {seq}"),
                commands.edit(LOBBY, target, f"edit {seq}"),
                commands.react(LOBBY, target, rng.choice("👍❤"), is_on),
                commands.pin(LOBBY, target, is_on),
                commands.delete(LOBBY, target),
                commands.settings(LOBBY, topic=f"topic {seq}"),
            )
        )
        kind, about, text, detail = deed.said
        line = Line(seq, str(seq), person, person, text, "at", kind, about, detail)
        if room.forbids(line) is None:
            room.take(line)
            log.append(line)
    return log


def as_read(log: list[Line], head: int) -> list[Line]:
    """The beginning of a log as it is read when ``head`` is its last event."""
    gone = {line.target for line in log[:head] if line.kind == "delete"}
    return [
        line.blanked()
        if (line.kind == "message" and line.seq in gone) or (line.kind == "edit" and line.target in gone)
        else line
        for line in log[:head]
    ]


def changes_of(log: list[Line], targets: set[int], upto: int, head: int) -> list[Line]:
    """What a server that knows the newest change of each key up to ``head`` tells of those up to ``upto``."""
    gone = {line.target for line in log[:head] if line.kind == "delete"}
    newest: dict[tuple[object, ...], Line] = {}
    for line in log[:head]:
        if line.kind in CHANGES and line.target in targets:
            who = (line.sender, line.details["emoji"]) if line.kind == "reaction" else ()
            if line.target not in gone or line.kind == "delete":
                newest[line.target, line.kind, who] = line
    return sorted((line for line in newest.values() if line.seq <= upto), key=lambda line: line.seq)


@given(st.randoms(use_true_random=False), st.integers(1, 25))
def test_events_and_pages_in_any_order_make_the_same_picture(rng: random.Random, size: int) -> None:
    log = log_of(rng, size)
    whole, view = Room(LOBBY), Room(LOBBY)
    for line in as_read(log, size):
        whole.take(line)
    begun = cursor = rng.randint(0, size)
    while cursor < size:
        dice = rng.random()
        if dice < 0.6:  # the next event, told while the log is perhaps longer
            view.take(as_read(log, rng.randint(cursor + 1, size))[cursor])
            cursor += 1
        elif dice < 0.7:  # once more from an earlier number
            cursor = rng.randint(min(begun, cursor), cursor)
        else:
            head = rng.randint(cursor, size)
            _take_page(view, log, rng, upto=rng.randint(begun, head), head=head)
    assert view.messages == {seq: whole.messages[seq] for seq in view.messages}
    assert {seq for seq in whole.messages if seq > begun} <= view.messages.keys()
    assert view.pins == [seq for seq in whole.pins if seq in view.messages]


def _take_page(view: Room, log: list[Line], rng: random.Random, *, upto: int, head: int) -> None:
    """A page of what was up to a number, read at ``head`` by somebody who was told of ``upto``; perhaps only after
    later events were told."""
    first = rng.randint(1, max(1, upto))
    lines = as_read(log, head)[first - 1 : min(rng.randint(first, max(first, upto)), upto)]
    view.take_page(lines, changes_of(log, {line.seq for line in lines}, upto, head), upto)
