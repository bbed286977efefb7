"""Short runs of the torture, a minute together, as part of the tests; long ones are for ``nox -s torture``.

How long a run takes is counted in faults: on a busy machine it takes longer, and finds the same.
"""

from __future__ import annotations

import pytest

from tests.torture.disk import Skipped
from tests.torture.report import DOCUMENT, complaint, report, with_tables
from tests.torture.run import Options, Outcome, bugs_in, torture
from tests.torture.violations import Rule


async def tortured(options: Options) -> Outcome:
    """The outcome of a run; skips loudly what cannot be done here."""
    try:
        return await torture(options)
    except Skipped as skipped:
        pytest.skip(f"NOT TESTED: {skipped}")


def assert_good(outcome: Outcome) -> None:
    """Promises kept, and something to keep them through."""
    assert not outcome.violations, f"{report(outcome)}\n{complaint(outcome.records, outcome.violations)}"
    assert outcome.rows > 100, report(outcome)


async def test_every_promise_is_kept_through_kills_restarts_and_a_bad_network() -> None:
    outcome = await tortured(Options(seed=1, duration_s=6, least=4, pause_s=1.2))
    assert_good(outcome)
    assert outcome.hits.keys() >= {"kill", "term"}
    assert sum(kind.startswith("proxy") for kind in outcome.hits) >= 4


async def test_nothing_acknowledged_is_lost_when_the_power_fails() -> None:
    options = Options(seed=2, duration_s=1, least=2, pause_s=1, faults=frozenset({"power"}))
    outcome = await tortured(options)
    assert_good(outcome)
    assert len(outcome.hits["power"]) == 2


async def test_a_server_on_a_disk_that_is_gone_refuses_and_calls_nothing_damaged() -> None:
    outcome = await tortured(Options(seed=8, duration_s=1, least=2, pause_s=1, faults=frozenset({"dead"})))
    assert_good(outcome)
    assert len(outcome.hits["dead"]) == 2


async def test_a_power_failure_that_hits_is_noticed_where_commits_are_not_synced() -> None:
    """The negative control: without it one could not tell that the disk really loses anything."""
    options = Options(
        seed=3, duration_s=1, least=1, pause_s=2, faults=frozenset({"power"}), synchronous="NORMAL"
    )
    outcome = await tortured(options)
    # It may be the client that tells the server what it has lost, which then begins a new epoch.
    assert {Rule.LOST, Rule.VOIDED} & {violation.rule for violation in outcome.violations}


async def test_a_full_disk_refuses_and_heals() -> None:
    outcome = await tortured(Options(seed=4, duration_s=1, least=1, pause_s=0.5, faults=frozenset({"full"})))
    assert_good(outcome)
    assert "refused as unavailable" in outcome.hits["full"][0]


async def test_a_disk_that_fails_or_stalls_refuses_and_heals() -> None:
    options = Options(seed=5, duration_s=1, least=2, pause_s=0.5, faults=frozenset({"failing", "slow"}))
    outcome = await tortured(options)
    assert_good(outcome)
    assert outcome.hits.keys() == {"failing", "slow"}


async def test_a_damaged_write_ahead_log_is_owned_up_to() -> None:
    options = Options(seed=7, duration_s=1, least=4, pause_s=1, faults=frozenset({"wal"}))
    outcome = await tortured(options)
    assert_good(outcome)
    assert outcome.hits["wal"]


async def test_a_backup_taken_under_load_and_restored_is_a_whole_beginning_and_a_new_epoch() -> None:
    outcome = await tortured(Options(seed=9, duration_s=1, least=2, pause_s=1, faults=frozenset({"restore"})))
    assert_good(outcome)
    assert len(outcome.hits["restore"]) == 2


async def test_a_server_without_files_and_one_that_stood_still_go_on() -> None:
    options = Options(seed=6, duration_s=1, least=2, pause_s=0.5, faults=frozenset({"files", "pause"}))
    outcome = await tortured(options)
    assert_good(outcome)
    assert outcome.hits.keys() == {"files", "pause"}


def test_the_figures_in_the_document_are_those_of_the_runs() -> None:
    document = DOCUMENT.read_text()
    assert with_tables(document) == document


def test_a_traceback_of_the_server_is_found_but_for_those_that_trio_writes() -> None:
    output = "\n".join(
        (
            "2026 error trio.serve_listeners accept returned EMFILE; retrying",
            "    Traceback (most recent call last):",
            "    OSError: [Errno 24] Too many open files",
            "2026 error trio_chat.server.server fault while serving",
            "    Traceback (most recent call last):",
            "2026 info all is well",
        )
    )
    assert bugs_in(output) == [
        "2026 error trio_chat.server.server fault while serving\n    Traceback (most recent call last):"
    ]
