"""Release runs: each kind of fault for some time; their figures stand in docs/reliability.md."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click
import trio

from tests.torture.disk import Skipped
from tests.torture.history import write_history
from tests.torture.many_connections import open_many_connections
from tests.torture.node_faults import NEED_NETWORK, NEED_STANDBY, NODE_FAULTS
from tests.torture.options import Options
from tests.torture.report import figures_of, figures_of_many, keep_figures, run_report, violation_report
from tests.torture.run import hit_kind, torture
from tests.torture.violations import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.torture.run import Outcome

CONTROL = "power failures, commits not synced (control)"
"""Negative control: it must lose messages, which shows that the power really fails."""

RUNS: dict[str, Options] = {
    "kills, restarts, pauses, a bad network": Options(
        seed=1, duration_s=600, pause_s=0.4, faults=frozenset({"kill", "term", "pause", "proxy"})
    ),
    "nothing but kills": Options(seed=11, duration_s=120, pause_s=0.3, least=250, faults=frozenset({"kill"})),
    "power failures": Options(seed=2, duration_s=120, pause_s=1, faults=frozenset({"power", "dead"})),
    CONTROL: Options(seed=3, duration_s=20, faults=frozenset({"power"}), synchronous="NORMAL"),
    "a full disk": Options(seed=4, duration_s=60, pause_s=1, least=15, faults=frozenset({"full"})),
    "a disk that fails, or takes five seconds": Options(
        seed=5, duration_s=60, pause_s=0.5, least=20, faults=frozenset({"failing", "slow"})
    ),
    "a damaged write-ahead log": Options(
        seed=6, duration_s=60, pause_s=1, least=30, faults=frozenset({"wal", "kill"})
    ),
    "backups taken under load, and restored": Options(
        seed=12, duration_s=60, pause_s=1, least=20, faults=frozenset({"restore", "kill"})
    ),
    "the chat moves to PostgreSQL and back, kills, restarts": Options(
        seed=19,
        duration_s=90,
        pause_s=1,
        least=10,
        clients=8,
        faults=frozenset({"move", "move-killed", "kill", "term"}),
    ),
    "files through kills, restarts, a bad network": Options(
        seed=13,
        duration_s=120,
        pause_s=1.5,
        least=30,
        clients=2,
        product_clients=8,
        plain_clients=0,
        file_share=0.6,
        faults=frozenset({"kill", "term", "proxy"}),
    ),
    "no file descriptors": Options(seed=7, duration_s=40, pause_s=1, faults=frozenset({"files"})),
    "clock jumps, kills": Options(
        seed=8, duration_s=40, pause_s=1, least=20, faults=frozenset({"clock", "kill"})
    ),
    "reconnect storms": Options(
        seed=10,
        duration_s=90,
        pause_s=3,
        pace_s=20,  # each client receives everything, and all live in one process
        clients=150,
        product_clients=20,
        plain_clients=30,
        faults=frozenset({"storm"}),
    ),
    "three nodes: of processes, the database, lines and clocks": Options(
        seed=14,
        nodes=3,
        duration_s=600,
        pause_s=0.2,
        pace_s=0.1,
        clients=6,
        faults=frozenset(NODE_FAULTS.keys() - NEED_NETWORK - NEED_STANDBY) | {"proxy"},
    ),
    "three nodes: nothing but kills": Options(
        seed=15, nodes=3, duration_s=400, pause_s=0.1, pace_s=0.1, clients=6, faults=frozenset({"kill"})
    ),
    "three nodes: cut off from each other and from the database": Options(
        seed=16,
        nodes=3,
        duration_s=150,
        pause_s=0.5,
        pace_s=0.1,
        clients=6,
        faults=frozenset({"partition", "one-way", "kill"}),
    ),
    "three nodes: a network that is slow and loses packets": Options(
        seed=19,
        nodes=3,
        duration_s=120,
        pause_s=0.5,
        pace_s=0.1,
        clients=6,
        faults=NEED_NETWORK | {"rolling"},
    ),
    "three nodes: standbys that take the place of the database": Options(
        seed=17,
        nodes=3,
        duration_s=90,
        pause_s=0.5,
        pace_s=0.1,
        clients=6,
        faults=frozenset({"promote", "kill"}),
    ),
    "three nodes: standbys that missed something": Options(
        seed=18,
        nodes=3,
        duration_s=60,
        pause_s=0.5,
        pace_s=0.1,
        clients=6,
        faults=frozenset({"promote-late"}),
    ),
    "fixed load, no fault (memory)": Options(seed=9, duration_s=600, pace_s=0.1, faults=frozenset()),
}

MANY = "ten thousand connections at once"
MANY_SIZE = 10_000


def release(scale: float, only: str) -> Iterator[tuple[str, Outcome | None]]:
    """Do the runs with ``only`` in their names, each for its duration times ``scale``; yields their outcomes, None
    for a run that is skipped."""
    for name, options in RUNS.items():
        if only not in name:
            continue
        try:
            yield name, trio.run(torture, attrs.evolve(options, duration_s=options.duration_s * scale))
        except Skipped as skipped:
            click.secho(f"SKIPPED: {name}: {skipped}", bold=True, err=True)
            yield name, None


def is_expected(name: str, outcome: Outcome) -> bool:
    """Whether a run has no violation and all its faults hit; the control must have violations."""
    rules = {violation.rule for violation in outcome.violations}
    if name == CONTROL:
        return bool(rules & {Rule.LOST, Rule.VOIDED})
    wanted = {hit_kind(outcome.options, fault) for fault in outcome.options.faults - {"proxy"}}
    return not rules and wanted <= outcome.hits.keys()


def run_release(scale: float, only: str, *, keep: bool) -> bool:
    """Do the release runs, print them, and perhaps keep their figures; whether all are as expected."""
    is_good = True
    for name, outcome in release(scale, only):
        if outcome is None:
            continue
        click.echo(f"\n=== {name} ===\n{run_report(outcome)}")
        if not is_expected(name, outcome):
            is_good = False
            click.secho(f"NOT AS IT SHOULD BE: {name}", bold=True)
            click.echo(violation_report(outcome.records, outcome.violations))
            history = Path(f"torture-{outcome.options.seed}.jsonl")
            write_history(history, outcome.records)
            click.echo(f"the whole history is in {history}")
        if keep:
            keep_figures(name, figures_of(outcome))
    if only in MANY:
        many = trio.run(open_many_connections, round(MANY_SIZE * min(scale, 1)))
        click.echo(f"\n=== {MANY} ===\n{many}")
        is_good = is_good and many.is_good
        if keep:
            keep_figures(MANY, figures_of_many(many))
    return is_good
