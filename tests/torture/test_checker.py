"""The checker finds each mutation of a good history, and nothing in the good one."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.torture.checker import check
from tests.torture.events import Event
from tests.torture.history import (
    Acked,
    Delivered,
    Fault,
    Joined,
    read_history,
    write_history,
)
from tests.torture.mutations import GOOD, MUTATIONS, ROOM, an_event_is_lost, good_history
from tests.torture.shrink import render, shrink
from tests.torture.violations import Rule

if TYPE_CHECKING:
    from pathlib import Path

    from tests.torture.mutations import History, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_each_mutation_breaks_its_rule(mutation: Mutation) -> None:
    assert MUTATIONS[mutation] in {violation.rule for violation in check(mutation(GOOD))}


def test_a_lost_event_leaves_a_hole() -> None:
    assert Rule.HOLE in {violation.rule for violation in check(an_event_is_lost(GOOD))}


@given(st.randoms(use_true_random=False), st.integers(1, 6), st.integers(12, 60))
def test_a_good_history_has_no_violation(rng: random.Random, clients: int, messages: int) -> None:
    assert check(good_history(rng, clients=clients, messages=messages)) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_a_bad_history_shrinks_to_a_few_records_with_the_same_violation(mutation: Mutation) -> None:
    bad = mutation(GOOD)
    violation = next(violation for violation in check(bad) if violation.rule is MUTATIONS[mutation])
    short = shrink(bad, violation)
    assert violation in check(short)
    assert len(short) <= 8
    assert len(render(short).splitlines()) == len(short)


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_history(tmp_path / "run.jsonl", GOOD)
    assert read_history(tmp_path / "run.jsonl") == GOOD


def calls_to_check(messages: int) -> float:
    """How many functions are called to check a history, for each of its records."""
    history = good_history(random.Random(2), clients=20, messages=messages)
    calls = 0

    def count(frame: object, event: str, function: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        found = check(history)
    finally:
        sys.setprofile(None)
    assert found == []
    return calls / len(history)


def test_what_it_costs_to_check_a_record_does_not_grow_with_their_number() -> None:
    """Runs have hundreds of thousands of them."""
    assert calls_to_check(1_600) < 1.3 * calls_to_check(200)


def test_deliveries_of_a_lost_epoch_are_not_compared_with_the_new_log() -> None:
    connection = {"client": "c1", "connection": 900}
    old: History = [
        Joined(**connection, room=ROOM, epoch="e0", head=0, after=0),  # type: ignore[arg-type]
        Delivered(**connection, room=ROOM, event=Event(1, "1", "p", "n", "gone", "at")),  # type: ignore[arg-type]
        Acked(**connection, room=ROOM, text="gone", person="p", key="1", seq=1),  # type: ignore[arg-type]
    ]
    assert check([*old, Fault(kind="wal", proof="it said so"), *GOOD]) == []
    assert {violation.rule for violation in check([*old, *GOOD])} == {Rule.VOIDED}
