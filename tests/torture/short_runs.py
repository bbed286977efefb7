"""Short runs, as tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.torture.disk import Skipped
from tests.torture.report import run_report, violation_report
from tests.torture.run import torture

if TYPE_CHECKING:
    from tests.torture.options import Options
    from tests.torture.run import Outcome


async def tortured(options: Options) -> Outcome:
    """The outcome of a run; skips what this machine cannot do."""
    try:
        return await torture(options)
    except Skipped as skipped:
        pytest.skip(f"NOT TESTED: {skipped}")


def assert_good(outcome: Outcome) -> None:
    """Assert that no rule was broken, under some load."""
    assert not outcome.violations, (
        f"{run_report(outcome)}\n{violation_report(outcome.records, outcome.violations)}"
    )
    assert outcome.n_events > 100, run_report(outcome)
