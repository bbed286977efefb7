"""Short fault runs of nodes over one PostgreSQL, and the negative controls that show what the checker would see."""

from __future__ import annotations

import attrs
import pytest

from tests.torture.options import Options
from tests.torture.short_runs import assert_good, tortured
from tests.torture.violations import Rule

FEW = Options(
    seed=20,
    nodes=3,
    duration_s=1,
    least=3,
    pause_s=0.5,
    clients=5,
    product_clients=2,
    plain_clients=2,
    faults=frozenset(),
    drain_s=100,
)

CONTROL = attrs.evolve(FEW, nodes=2, duration_s=5, least=0, product_clients=0, drain_s=15)
"""Of a node with a fault of its own: what stays behind is not waited for."""


@pytest.mark.thorough
@pytest.mark.parametrize(
    "names", ["kill rolling", "postgres commit", "listener fence pause", "cut stall deaf block"]
)
async def test_all_promises_hold_over_three_nodes(names: str) -> None:
    outcome = await tortured(attrs.evolve(FEW, faults=frozenset(names.split())))
    assert_good(outcome)
    assert outcome.hits


@pytest.mark.thorough
@pytest.mark.parametrize("names", ["partition one-way", "delay loss rolling"])
async def test_all_promises_hold_over_a_network_of_machines(names: str) -> None:
    outcome = await tortured(attrs.evolve(FEW, faults=frozenset(names.split())))
    assert_good(outcome)
    assert outcome.hits


def faulty(how: str) -> tuple[str, ...]:
    """The program with this law broken."""
    return ("-m", "tests.torture.faulty_node", how)


@pytest.mark.thorough
async def test_nodes_that_lose_hints_and_never_look_stay_behind() -> None:
    outcome = await tortured(attrs.evolve(CONTROL, program=faulty("lost-hints")))
    assert {Rule.DIVERGED, Rule.LOAD} & {violation.rule for violation in outcome.violations}


@pytest.mark.thorough
async def test_nodes_that_tell_their_own_outcomes_at_once_leave_gaps() -> None:
    outcome = await tortured(attrs.evolve(CONTROL, program=faulty("own-outcomes")))
    assert Rule.GAP in {violation.rule for violation in outcome.violations}


@pytest.mark.thorough
async def test_nodes_without_a_marker_write_twice_what_was_in_doubt() -> None:
    options = attrs.evolve(
        CONTROL, program=faulty("no-marker"), faults=frozenset({"commit"}), least=6, plain_clients=6
    )
    outcome = await tortured(options)
    assert Rule.DOUBLED in {violation.rule for violation in outcome.violations}
