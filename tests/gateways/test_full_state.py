"""At full state no command makes others wait, and no answer is long: all commands, with their largest legal arguments.

A test asserts no times. It counts the calls of functions between two checkpoints, which depends on the data alone; what
a single call does in C is bounded by the answer's bytes. `tests.steps` measures times.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio

from tests.support.full_state import LARGEST
from tests.support.steps import Cost, walk
from trio_chat.gateways.v1.handlers import HANDLERS
from trio_chat.protocol.encoding import ANSWER_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_CALLS = 60_000
"""Some ten milliseconds."""


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Cost]:
    """What each command cost at full state."""
    path = tmp_path_factory.mktemp("full") / "chat.db"
    return trio.run(partial(walk, path, counts_calls=True))


def test_each_command_has_its_largest_arguments() -> None:
    assert set(LARGEST) == set(HANDLERS), "a new command needs an entry in tests/support/full_state.py"


def test_all_of_them_are_legal(costs: Sequence[Cost]) -> None:
    assert {cost.command: cost.codes for cost in costs if cost.codes} == {}


def test_no_answer_is_longer_than_its_bound(costs: Sequence[Cost]) -> None:
    assert {cost.command: cost.answer_bytes for cost in costs if cost.answer_bytes > ANSWER_BYTES} == {}
    largest = {cost.command: cost.answer_bytes for cost in costs if cost.answer_bytes > ANSWER_BYTES // 2}
    assert {"hello", "history", "versions", "directory", "receipts"} <= largest.keys(), "the state is full"


def test_no_step_of_the_event_loop_does_much(costs: Sequence[Cost]) -> None:
    assert {cost.command: cost.calls for cost in costs if cost.calls > MAX_CALLS} == {}
