"""Short fault runs: a few with each commit, all of them, a minute together, and long ones by ``nox -s torture``.

A run lasts for a number of faults: on a busy machine it takes longer, and tests the same.
"""

from __future__ import annotations

import attrs
import pytest

from tests.torture.history import FileSent, FilesKept, Joined
from tests.torture.options import Options
from tests.torture.report import DOCUMENT, violation_report, with_tables
from tests.torture.run import tracebacks_in
from tests.torture.short_runs import assert_good, tortured
from tests.torture.violations import Rule

FILES = Options(
    seed=10,
    duration_s=1,
    least=4,
    pause_s=1.5,
    clients=1,
    product_clients=6,
    plain_clients=0,
    file_share=0.6,
    faults=frozenset({"kill", "proxy"}),
)
"""Programs that send, forward, fetch and delete files."""


async def test_all_promises_hold_through_kills_restarts_and_network_faults() -> None:
    outcome = await tortured(Options(seed=1, duration_s=6, least=4, pause_s=1.2))
    assert_good(outcome)
    assert outcome.hits.keys() >= {"kill", "term"}
    assert sum(kind.startswith("proxy") for kind in outcome.hits) >= 4


async def test_files_hold_through_kills_restarts_and_network_faults() -> None:
    """Each kill has its chance to come between two steps of an upload; what is left of it is gone after a start."""
    outcome = await tortured(FILES)
    assert not outcome.violations, violation_report(outcome.records, outcome.violations)
    (kept,) = (record for record in outcome.records if isinstance(record, FilesKept))
    assert kept.files
    assert outcome.count(FileSent) > len(kept.files) / 2
    assert len(outcome.hits["kill"]) >= 3


@pytest.mark.thorough
async def test_a_server_that_writes_rows_before_blobs_loses_files() -> None:
    """The negative control: it shows that the kills come where they hurt."""
    program = ("-m", "tests.torture.hasty_server")
    options = attrs.evolve(FILES, program=program, faults=frozenset({"kill"}), least=2)
    outcome = await tortured(options)
    assert Rule.BLOB in {violation.rule for violation in outcome.violations}


@pytest.mark.thorough
async def test_a_chat_moves_there_and_back_under_load_and_nobody_starts_afresh() -> None:
    """The command that moves it is killed three times on each way."""
    options = Options(seed=11, duration_s=1, least=1, pause_s=1, faults=frozenset({"move-killed"}))
    outcome = await tortured(options)
    assert_good(outcome)
    assert len(outcome.hits["move-killed"]) == 1
    joined = [record for record in outcome.records if isinstance(record, Joined)]
    assert not [record for record in joined if record.reset and record.asked_epoch == record.epoch]


async def test_a_power_failure_loses_nothing_acknowledged() -> None:
    options = Options(seed=2, duration_s=1, least=2, pause_s=1, faults=frozenset({"power"}))
    outcome = await tortured(options)
    assert_good(outcome)
    assert len(outcome.hits["power"]) == 2


@pytest.mark.thorough
async def test_on_a_dead_disk_commands_are_refused_and_nothing_is_called_damaged() -> None:
    outcome = await tortured(Options(seed=8, duration_s=1, least=2, pause_s=1, faults=frozenset({"dead"})))
    assert_good(outcome)
    assert len(outcome.hits["dead"]) == 2


@pytest.mark.thorough
async def test_a_power_failure_without_synced_commits_loses_messages() -> None:
    """The negative control: it shows that the disk really loses data."""
    options = Options(
        seed=3, duration_s=1, least=1, pause_s=2, faults=frozenset({"power"}), synchronous="NORMAL"
    )
    outcome = await tortured(options)
    # A client that has seen more may make the server begin a new epoch.
    assert {Rule.LOST, Rule.VOIDED} & {violation.rule for violation in outcome.violations}


@pytest.mark.thorough
async def test_a_full_disk_refuses_commands_until_there_is_space() -> None:
    outcome = await tortured(Options(seed=4, duration_s=1, least=1, pause_s=0.5, faults=frozenset({"full"})))
    assert_good(outcome)
    assert "refused as unavailable" in outcome.hits["full"][0]


async def test_a_failing_and_a_slow_disk_pass() -> None:
    options = Options(seed=5, duration_s=1, least=2, pause_s=0.5, faults=frozenset({"failing", "slow"}))
    outcome = await tortured(options)
    assert_good(outcome)
    assert outcome.hits.keys() == {"failing", "slow"}


@pytest.mark.thorough
async def test_a_damaged_write_ahead_log_is_reported() -> None:
    options = Options(seed=7, duration_s=1, least=4, pause_s=1, faults=frozenset({"wal"}))
    outcome = await tortured(options)
    assert_good(outcome)
    assert outcome.hits["wal"]


@pytest.mark.thorough
async def test_a_backup_taken_under_load_is_restored_whole_with_a_new_epoch() -> None:
    outcome = await tortured(Options(seed=9, duration_s=1, least=2, pause_s=1, faults=frozenset({"restore"})))
    assert_good(outcome)
    assert len(outcome.hits["restore"]) == 2


@pytest.mark.thorough
async def test_a_server_goes_on_after_no_file_descriptors_and_after_a_pause() -> None:
    options = Options(seed=6, duration_s=1, least=2, pause_s=0.5, faults=frozenset({"files", "pause"}))
    outcome = await tortured(options)
    assert_good(outcome)
    assert outcome.hits.keys() == {"files", "pause"}


def test_the_figures_in_the_document_are_those_of_the_runs() -> None:
    document = DOCUMENT.read_text()
    assert with_tables(document) == document


def test_tracebacks_are_found_in_the_log_but_for_those_of_trio() -> None:
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
    assert tracebacks_in(output) == [
        "2026 error trio_chat.server.server fault while serving\n    Traceback (most recent call last):"
    ]
