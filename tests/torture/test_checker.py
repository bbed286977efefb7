"""The checker finds what it is for: each kind of damage, planted into a history that is good, and nothing else."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.torture.checker import check
from tests.torture.events import Line
from tests.torture.history import (
    Acked,
    Delivered,
    Fault,
    Joined,
    read_history,
    write_history,
)
from tests.torture.mutations import DAMAGES, GOOD, ROOM, a_row_is_lost, good_history
from tests.torture.shrink import shrink, told
from tests.torture.violations import Rule

if TYPE_CHECKING:
    from pathlib import Path

    from tests.torture.mutations import Damage, History


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_each_kind_of_damage_is_noticed(damage: Damage) -> None:
    assert DAMAGES[damage] in {violation.rule for violation in check(damage(GOOD))}


def test_a_lost_row_leaves_a_hole() -> None:
    assert Rule.HOLE in {violation.rule for violation in check(a_row_is_lost(GOOD))}


@given(st.randoms(use_true_random=False), st.integers(1, 6), st.integers(12, 60))
def test_a_good_history_is_good(rng: random.Random, clients: int, messages: int) -> None:
    assert check(good_history(rng, clients=clients, messages=messages)) == []


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_bad_history_shrinks_to_a_few_steps_that_show_the_same(damage: Damage) -> None:
    bad = damage(GOOD)
    violation = next(violation for violation in check(bad) if violation.rule is DAMAGES[damage])
    short = shrink(bad, violation)
    assert violation in check(short)
    assert len(short) <= 8
    assert len(told(short).splitlines()) == len(short)


def test_a_history_survives_the_disk(tmp_path: Path) -> None:
    write_history(tmp_path / "run.jsonl", GOOD)
    assert read_history(tmp_path / "run.jsonl") == GOOD


def test_a_history_of_eighty_thousand_records_is_judged_at_once() -> None:
    history = good_history(random.Random(2), clients=20, messages=3_600)
    assert len(history) > 80_000
    started = time.process_time()
    assert check(history) == []
    assert time.process_time() - started < 2  # 0.3 s on an idle core; the bound is for busy ones


def test_what_was_said_of_a_log_that_was_replaced_is_not_held_against_the_new_one() -> None:
    connection = {"client": "c1", "connection": 900}
    old: History = [
        Joined(**connection, room=ROOM, epoch="e0", head=0, after=0),  # type: ignore[arg-type]
        Delivered(**connection, room=ROOM, line=Line(1, "1", "p", "n", "gone", "at")),  # type: ignore[arg-type]
        Acked(**connection, room=ROOM, text="gone", person="p", command="1", seq=1),  # type: ignore[arg-type]
    ]
    assert check([*old, Fault(kind="wal", proof="it said so"), *GOOD]) == []
    assert {violation.rule for violation in check([*old, *GOOD])} == {Rule.VOIDED}
