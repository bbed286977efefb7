"""Measures trio-chat beside its peers: `python -m bench.run`, or `nox -s bench`.

Server on one core, generator on the other; a fresh server for every measurement; peers take turns within each
round (A B C, A B C, …), so that a machine that is slower for a while is so for all; medians with spread.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench import build, plot
from bench.measure import MeasureError, cores, measure, raise_file_limit
from bench.peers import PEERS, Peer, peers_of
from bench.report import Summary, summarise, table
from bench.workloads import RATES, WORKLOADS, Report, Workload

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

Results = dict[str, dict[str, Summary]]

TABLES_BEGIN = "<!-- tables: written by bench.run -->"
TABLES_END = "<!-- end of tables -->"
HELD = 85.0
"""So much, in percent, must be heard in time for a rate to count as held; less than all for what is on its way."""


def say(text: str) -> None:
    """Tell whoever runs it how far it is."""
    print(text, file=sys.stderr, flush=True)


def prepared(peers: Iterable[Peer]) -> list[Peer]:
    """Builds what the peers need, and leaves out, loudly, those for which that fails."""
    build.build_c()
    outcomes: dict[Callable[[], None], str | None] = {}
    ready = []
    for peer in peers:
        if peer.build not in outcomes:
            try:
                peer.build()
                outcomes[peer.build] = None
            except build.BuildError as error:
                outcomes[peer.build] = str(error)
        if outcomes[peer.build] is None:
            ready.append(peer)
        else:
            say(f"!!! SKIPPED {peer.name}: {outcomes[peer.build]}")
    return ready


def _shortened(arguments: dict[str, Any], factor: float) -> dict[str, Any]:
    shorter: dict[str, Any] = {
        key: max(1.0, arguments[key] * factor) for key in ("seconds", "warmup") if key in arguments
    }
    return {**arguments, **shorter}


def run_workload(workload: Workload, peers: Iterable[Peer], rounds: int, factor: float) -> dict[str, Summary]:
    """All rounds of one workload, peers interleaved. A peer that failed once is not tried again."""
    reports: dict[str, list[Report]] = {}
    failed: dict[str, list[str]] = {}
    arguments = dict(workload.arguments)
    if workload.timed:
        arguments = _shortened(arguments, factor)
    those = [peer for peer in peers if workload.only is None or peer.name in workload.only]
    for _ in range(rounds):
        for peer in those:
            if failed.setdefault(peer.name, []):
                continue
            try:
                report = measure(peer, arguments)
            except MeasureError as error:
                failed[peer.name].append(str(error))
                say(f"{workload.name:9} {peer.name:12} FAILED: {error}")
                continue
            reports.setdefault(peer.name, []).append(report)
            once = summarise(workload.figures, [report], [])
            values = ", ".join(
                f"{figure.title} {figure.form.format(once['figures'][figure.name]['median'])}"
                for figure in workload.figures
                if figure.name in once["figures"]
            )
            say(f"{workload.name:9} {peer.name:12} {values}  {'; '.join(once['faults'])}")
    return {
        peer.name: summarise(workload.figures, reports.get(peer.name, []), failed[peer.name])
        for peer in those
    }


def machine() -> dict[str, Any]:
    """What it is measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": model[0] if model else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def sweep_plot(results: Results) -> str | None:
    """The plot of the sweep, or nothing when there was none. A point stands only where the rate was held."""
    lines: dict[str, list[plot.Point]] = {peer.name: [] for peer in PEERS}
    for rate in RATES:
        for name, summary in results.get(f"sweep-{rate}", {}).items():
            figures = summary["figures"]
            if "per_cpu_second" in figures and figures["delivered"]["median"] > HELD:
                lines[name].append((rate, figures["per_cpu_second"]["median"]))
    if not any(lines.values()):
        return None
    title = "1,000 clients: what a second of CPU delivers, as far as each server holds the rate"
    return plot.svg(title, "messages per second offered", "deliveries per server-CPU-second", lines)


def write_results(results: Results, machine: dict[str, Any], directory: Path) -> None:
    """`performance.json`, `performance.svg`, and the tables: into the page `performance.md` if there is one."""
    directory.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine, "results": results}
    (directory / "performance.json").write_text(json.dumps(document, indent=1) + "\n")
    page = directory / "performance.md"
    before, begin, rest = (page.read_text() if page.exists() else TABLES_BEGIN).partition(TABLES_BEGIN)
    after = rest.partition(TABLES_END)[2] or "\n"
    page.write_text(f"{before}{begin}\n\n{table(results)}\n{TABLES_END}{after}")
    drawing = sweep_plot(results)
    if drawing:
        (directory / "performance.svg").write_text(drawing)


def earlier_results(directory: Path) -> Results:
    """What earlier runs left in the directory: kept for the workloads that are not run again."""
    try:
        earlier: Results = json.loads((directory / "performance.json").read_text())["results"]
    except FileNotFoundError:
        return {}
    return {workload.name: earlier[workload.name] for workload in WORKLOADS if workload.name in earlier}


def _chosen(text: str | None, names: Collection[str], what: str) -> list[str]:
    """Names given with commas; a name ending in `*` stands for all that begin so."""
    if text is None:
        return list(names)
    wanted = text.split(",")
    chosen = [n for n in names if any(n == w or (w.endswith("*") and n.startswith(w[:-1])) for w in wanted)]
    if not chosen:
        raise click.BadParameter(f"No {what} of that name; there are {', '.join(names)}.")
    return chosen


@click.command(help=__doc__)
@click.option("--only", help="Peers to measure, with commas between them.", metavar="NAMES")
@click.option(
    "--workloads", help="Workloads to run, with commas between them; `sweep*` for the plot.", metavar="NAMES"
)
@click.option("--rounds", default=3, show_default=True, help="How often to measure each.")
@click.option("--quick", is_flag=True, help="One round of shorter measurements, without the sweep.")
@click.option("--against", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="Another checkout of trio-chat, to be measured in turns with this one.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), default=build.BUILD / "results", show_default=True,
              help="The directory for the results; other workloads' earlier ones are kept.")  # fmt: skip
def main(
    only: str | None, workloads: str | None, rounds: int, quick: bool, against: Path | None, out: Path
) -> None:
    """Runs the benchmark."""
    names = [w.name for w in WORKLOADS if workloads or not (quick and w.name.startswith("sweep"))]
    chosen = _chosen(workloads, names, "workload")
    raise_file_limit()
    if cores()[0] == cores()[1]:
        say("!!! Only one core: server and generator share it, so the figures say little.")
    those = _chosen(only, [p.name for p in PEERS], "peer")
    others = [] if against is None else peers_of(against)
    peers = prepared([*(p for p in PEERS if p.name in those), *others])
    measured_on = machine()
    results = earlier_results(out)
    for workload in WORKLOADS:
        if workload.name in chosen:
            results[workload.name] = run_workload(
                workload, peers, 1 if quick else rounds, 0.4 if quick else 1.0
            )
            write_results(results, measured_on, out)
    print(table(results))


if __name__ == "__main__":
    main()
