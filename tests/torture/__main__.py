"""Command line of the fault tests: run the server under faults and check the history, or check one again.

python -m tests.torture run --seed 7 --duration 60 --clients 20 --faults kill,term,proxy
python -m tests.torture check HISTORY

How the modules belong together:

- `run` drives one run, `release` those of a release, `many_connections` the one with ten thousand connections,
  `strangers` the one in which a hostile address does all `attacks`;
- load: `raw_client` (over `v1_connection` and `websocket`), `product_client` and `plain_client` share a `context`;
  `workload` chooses `commands`, `misbehaviour` what no client should do; `fresh_client` loads everything at the end;
- faults: `faults` and `proxy`, with `process`, `disk`, `faulty_server` and, as a negative control, `hasty_server`;
- what is tortured is a `system`: `single_server`, or `nodes` over one PostgreSQL, with `node_faults`,
  `database_faults`, `line_faults`, a `network` of their own over `wires` and, as negative controls, `faulty_node`;
  clients come by `entrances`;
- history: `history` and `events` record it, with what `database` reads from the files at the end;
- checks: `checker` and the `check_` modules compare it with the `oracle` (the final logs), the `model` (state and
  rules) and `refusals`; they yield `violations`, which `shrink` and `report` show;
- tests of the checker: `history_builder` makes a good history, `mutations` break it.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from pathlib import Path

import click
import trio

from tests.torture.attacks import attack as attack_all
from tests.torture.checker import check
from tests.torture.disk import Skipped
from tests.torture.faults import FAULTS
from tests.torture.history import read_history, write_history
from tests.torture.many_connections import open_many_connections
from tests.torture.node_faults import NEED_LINES, NEED_NETWORK, NEED_STANDBY, NODE_FAULTS
from tests.torture.options import Options
from tests.torture.release import run_release
from tests.torture.report import (
    DOCUMENT,
    FIGURES,
    figures_of,
    keep_figures,
    run_report,
    violation_report,
    with_tables,
)
from tests.torture.run import torture
from tests.torture.strangers import besiege

ATTACKERS_NICENESS = 10


@click.group()
def main() -> None:
    """Whether the server keeps its promises through every fault."""


@main.command()
@click.option("--seed", type=int, default=None, help="What chance begins with.  [default: anything]")
@click.option("--duration", default=20.0, help="How long faults happen, in seconds.", show_default=True)
@click.option(
    "--nodes", default=0, help="How many nodes over one PostgreSQL; 0: one server.", show_default=True
)
@click.option("--clients", default=12, help="How many raw v1 clients.", show_default=True)
@click.option("--product-clients", default=3, help="How many of trio_chat.client.", show_default=True)
@click.option("--plain-clients", default=3, help="How many plain ones.", show_default=True)
@click.option(
    "--faults",
    default=None,
    help=f"Some of proxy, {', '.join(FAULTS)}; with nodes of proxy, {', '.join(NODE_FAULTS)}; or none.  "
    "[default: kill,term,proxy; with nodes all but those of networks and standbys]",
)
@click.option("--pause", default=2.0, help="Mean seconds between two faults.", show_default=True)
@click.option("--pace", default=0.05, help="Mean seconds between two acts of a client.", show_default=True)
@click.option(
    "--file-share",
    default=0.05,
    help="What share of the Python client's acts is about files.",
    show_default=True,
)
@click.option("--synchronous", default="FULL", help="What SQLite is told.", show_default=True)
@click.option(
    "--least", default=0, help="How many faults at least, however long that takes.", show_default=True
)
@click.option(
    "--drain", default=300.0, help="Seconds that clients may take to finish in the end.", show_default=True
)
@click.option("--history", type=click.Path(path_type=Path), help="Where to keep the history of a bad run.")
@click.option(
    "--keep", default="", help=f"Keep the figures in {FIGURES.name} under this name, and in the document."
)
def run(
    seed: int | None,
    duration: float,
    nodes: int,
    clients: int,
    product_clients: int,
    plain_clients: int,
    faults: str | None,
    pause: float,
    pace: float,
    file_share: float,
    synchronous: str,
    least: int,
    drain: float,
    history: Path | None,
    keep: str,
) -> None:
    """Torture the server, and say what it did wrong; exits with 1 if that is anything."""
    if faults is None:
        faults = (
            ",".join(["proxy", *(NODE_FAULTS.keys() - NEED_NETWORK - NEED_STANDBY)])
            if nodes
            else "kill,term,proxy"
        )
    options = Options(
        seed=secrets.randbelow(10**6) if seed is None else seed,
        duration_s=duration,
        nodes=nodes,
        clients=clients,
        product_clients=product_clients,
        plain_clients=plain_clients,
        faults=frozenset(filter(None, faults.split(","))) - {"none"},
        pause_s=pause,
        pace_s=pace,
        file_share=file_share,
        synchronous=synchronous,
        least=least,
        drain_s=drain,
    )
    unknown = options.faults - (NODE_FAULTS if nodes else FAULTS).keys() - {"proxy"}
    if unknown:
        raise click.BadParameter(f"unknown faults: {', '.join(sorted(unknown))}")
    if nodes and options.faults & NEED_NETWORK and options.faults & NEED_LINES:
        raise click.BadParameter(
            f"{', '.join(sorted(NEED_NETWORK))} cannot go with {', '.join(sorted(NEED_LINES))}"
        )
    try:
        outcome = trio.run(torture, options)
    except Skipped as skipped:
        click.secho(f"SKIPPED: {skipped}", bold=True, err=True)
        return
    click.echo(run_report(outcome))
    if keep:
        keep_figures(keep, figures_of(outcome))
        DOCUMENT.write_text(with_tables(DOCUMENT.read_text()))
    if outcome.violations:
        history = history or Path(f"torture-{options.seed}.jsonl")
        write_history(history, outcome.records)
        click.echo(violation_report(outcome.records, outcome.violations))
        click.echo(f"seed {options.seed}; the whole history is in {history}")
        sys.exit(1)


@main.command(name="check")
@click.argument("history", type=click.Path(exists=True, path_type=Path))
def check_again(history: Path) -> None:
    """Judge the history of an earlier run again; exits with 1 if it is bad."""
    records = read_history(history)
    violations = check(records)
    if violations:
        click.echo(violation_report(records, violations))
        sys.exit(1)
    click.echo(f"{len(records)} records, no violation")


@main.command()
@click.option("--scale", default=1.0, help="How many times as long as usual.", show_default=True)
@click.option(
    "--keep", is_flag=True, help=f"Keep the figures in {FIGURES.name}, and write them into the document."
)
@click.option("--only", default="", help="Only the runs with this in their names.")
def release(scale: float, keep: bool, only: str) -> None:
    """All runs of a release, some forty minutes; exits with 1 if one is not as it should be."""
    is_good = run_release(scale, only, keep=keep)
    if keep:
        DOCUMENT.write_text(with_tables(DOCUMENT.read_text()))
    sys.exit(0 if is_good else 1)


@main.command()
@click.option("--connections", default=10_000, help="How many.", show_default=True)
def crowd(connections: int) -> None:
    """Many connections at once; exits with 1 if not all of them are served."""
    many = trio.run(open_many_connections, connections)
    click.echo(many)
    sys.exit(0 if many.is_good else 1)


@main.command()
@click.option("--duration", default=60.0, help="How long, in seconds.", show_default=True)
@click.option(
    "--limit", default=50.0, help="Milliseconds in which 99 of 100 pings are answered.", show_default=True
)
def strangers(duration: float, limit: float) -> None:
    """All attacks of one address at once; exits with 1 if others notice it."""
    noticed = trio.run(besiege, duration)
    click.echo(noticed)
    sys.exit(0 if not noticed.failures and noticed.is_flat and noticed.p99_ms <= limit else 1)


@main.command(hidden=True)
@click.argument("port", type=int)
@click.argument("duration", type=float)
def attack(port: int, duration: float) -> None:
    """The attacks of `strangers`, in a process of their own; prints what they sent, and were told.

    They leave the processor to the server and to those who measure it, as other people's machines would.
    """
    os.nice(ATTACKERS_NICENESS)
    attacker = trio.run(attack_all, port, duration)
    click.echo(json.dumps({"sent": attacker.sent, "refused": attacker.refused}))


@main.command()
def tables() -> None:
    """Write the figures of the kept runs into the document."""
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text()))


if __name__ == "__main__":
    main()
