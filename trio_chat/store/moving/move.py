"""The whole move, from the first row to the moment from which the other end serves.

While people chat everything is copied, then in rounds what has changed meanwhile, each of which takes less time than
the one before. Then all rows are compared, and in the last round the source is sealed: whoever writes there waits, for
fractions of a second. Both ends are proved to hold the same, and in the transaction that seals the source it says that
the chat has moved, and refuses all that waited. A crash at any point leaves one end that serves, or, between the last
two notes (`trio_chat.store.sql.moves`), none until the same is run again, or a server that runs goes on there.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import contextmanager, nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, Final

import attrs

from trio_chat.errors import StartError
from trio_chat.store.moved import Moved
from trio_chat.store.moving.comparing import compare_counts, compare_logs, compare_rows
from trio_chat.store.moving.copying import Copier
from trio_chat.store.sql.epochs import EPOCHS
from trio_chat.store.sql.meta import note, remove_note, set_note
from trio_chat.store.sql.moves import MOVING, PREPARED, WAITING, find_moved, set_moved
from trio_chat.store.sql.tables import BESIDE_EVENTS, EVENTS, MOVING_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trio_chat.store.moving.end import End

FEW: Final = 500
"""Rows that the last round may have to copy, as far as the round before tells."""

MAX_ROUNDS: Final = 20
"""More do not help: it is written faster than it can be copied."""


@attrs.frozen
class Summary:
    """What was moved."""

    rooms: int
    events: int
    sealed_s: float
    """So long the source was sealed."""


def move(
    source: End,
    target: End,
    *,
    report: Callable[[int, int], object] = lambda done, total: None,
    at: Callable[[str], object] = lambda stage: None,
) -> Summary | None:
    """Move the chat; None if it had moved there before, and at most the target had to be opened.

    ``report`` is told how many events are copied, of how many; ``at`` is called at the beginning of each stage, by its
    name. Raises `StartError`, and what the ends' connections do: then the chat is where it was, but for what
    `has_moved` says.
    """
    moved, waits_for = find_moved(source.connection), note(target.connection, WAITING)
    if moved is not None:
        if moved.shown != target.name:
            raise StartError(f"The chat in {source.name} was moved to {moved.shown} before.")
        if waits_for == moved.move:
            at("open")
            target.open()
        return None
    copier = Copier(source, target, report)
    if waits_for == PREPARED:
        at("tables")
        _begin(source, target, copier)
    elif waits_for is None or waits_for != note(source.connection, MOVING):
        raise StartError(
            f"{target.name} holds another move that was not completed. Name an empty database, or remove this one."
        )
    at("events")
    _catch_up(source, target, copier)
    at("compare")
    _compare(source, target, copier)
    at("rounds")
    _catch_up(source, target, copier)
    at("seal")
    summary = _seal(source, target, copier, at)
    at("open")
    target.open()
    return summary


def give_up(source: End) -> None:
    """Forget a move that was begun: the chat stays where it is, and nothing more is written down for the move."""
    with source.sealed():
        source.untrack()
        remove_note(source.connection, MOVING)


def has_moved(source: End) -> bool:
    """Whether the chat is not here any more. Raises what the connection does if that cannot be said."""
    return find_moved(source.connection) is not None


def is_begun(source: End) -> bool:
    """Whether a move from here was begun, and not completed or given up."""
    return note(source.connection, MOVING) is not None


def forget_address(source: End) -> None:
    """Keep no password of the database to which the chat has moved: servers know it by now."""
    moved = find_moved(source.connection)
    if moved is not None and moved.to != moved.shown:
        with source.writing():
            set_moved(source.connection, attrs.evolve(moved, to=moved.shown))


def _begin(source: End, target: End, copier: Copier) -> None:
    move_id = secrets.token_urlsafe(9)
    with source.sealed():
        source.track(BESIDE_EVENTS, EVENTS)
        set_note(source.connection, MOVING, move_id)
    with source.connection.snapshot(), target.writing():
        _copy_keys(source, target)
        copier.copy_tables()
        set_note(target.connection, WAITING, move_id)


def _copy_keys(source: End, target: End) -> None:
    for key in MOVING_KEYS:
        value = note(source.connection, key)
        if value is not None:
            set_note(target.connection, key, value)
    # What servers remember of databases in which the chat was before is void.
    set_note(target.connection, EPOCHS, str(int(note(source.connection, EPOCHS) or 0) + 1))


def _catch_up(source: End, target: End, copier: Copier) -> None:
    """Copy what is not there yet, until it is little."""
    for _ in range(MAX_ROUNDS):
        with source.connection.snapshot(), target.writing():
            changes = copier.copy_changes()
        copier.forget_changes(changes)
        if len(changes) + copier.copy_events(target.writing) <= FEW:
            return


def _compare(source: End, target: End, copier: Copier) -> None:
    """Compare all rows, of one moment."""
    with source.connection.snapshot():
        with target.writing():
            changes = copier.copy_changes()
        compare_rows(source, target, copier)
    copier.forget_changes(changes)


def _seal(source: End, target: End, copier: Copier, at: Callable[[str], object]) -> Summary:
    """The last round, after which the source serves nobody any more."""
    with _no_longer_than(source.may_be_sealed_s, source, target), source.sealed():
        began = perf_counter()
        with target.writing():
            _copy_keys(source, target)
            copier.copy_changes()
            copier.copy_events(nullcontext)
            target.complete()
            compare_counts(source, target)
            rooms, events = compare_logs(source, target)
        at("sealed")
        move_id = note(source.connection, MOVING)
        assert move_id is not None
        source.untrack()
        remove_note(source.connection, MOVING)
        set_moved(source.connection, Moved(move_id, target.address, target.name))
        source.fence((*BESIDE_EVENTS, EVENTS))
    at("moved")
    return Summary(rooms, events, perf_counter() - began)


@contextmanager
def _no_longer_than(seconds: float | None, *ends: End) -> Iterator[None]:
    """Cut all lines if the block takes longer, so that it fails. Raises `StartError` then."""
    if seconds is None:
        yield
        return
    is_late = threading.Event()

    def cut() -> None:
        is_late.set()
        for end in ends:
            end.cut()

    timer = threading.Timer(seconds, cut)
    timer.start()
    try:
        yield
    except Exception as error:
        if is_late.is_set():
            raise StartError(
                f"The last step took longer than {seconds:g} seconds, for which people would have had to wait."
            ) from error
        raise
    finally:
        timer.cancel()
