"""Measures one, two and three nodes over one PostgreSQL, beside one server with a file: `python -m bench.nodes`.

All run on the same cores as PostgreSQL and the generator, unless the machine has many: so milliseconds are those of a
machine that does everything, and what counts are the ratios, and the processor's time for a message. Rounds go over all
servers in turn; medians.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from bench import build, plot
from bench.measure import MeasureError, free_port, generate, raise_file_limit, stop
from bench.peers import trio_chat
from bench.postgresql import running_cluster
from bench.report import Summary, cell, summarise
from bench.run import machine, say
from bench.workloads import (
    Figure,
    Report,
    connections_per_second,
    cpu_per_connection,
    cpu_per_message,
    latency,
    per,
    resident_per_connection,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.postgresql import Cluster

BEGIN = "<!-- nodes: written by bench.nodes -->"
END = "<!-- end of nodes -->"

START_S = 60.0

FILE = "file"
SERVERS = {FILE: "one server, a file", "1": "one node", "2": "two nodes", "3": "three nodes"}

ROOMS = 1000
MEMBERS = 3

FREE: Mapping[str, object] = {"max-open-rooms": 20_000, "rooms-per-person-per-day": 0}
"""Settings with which so many rooms are made and open at once."""


def _complete(report: Report) -> float:
    return float(100 * report["accepted"] / max(1, report["expected"]))


_CPU = (
    Figure("server_cpu_s", "CPU µs per message: nodes", cpu_per_message(), form="{:,.0f}"),
    Figure("store_cpu_s", "PostgreSQL", cpu_per_message("store_cpu_s"), form="{:,.0f}"),
)
_AT_RATE = (
    Figure("p50_ms", "heard by all, p50 ms", latency("steady", "live", "p50_ms")),
    Figure("p99_ms", "p99 ms", latency("steady", "live", "p99_ms")),
    Figure("elsewhere_p50_ms", "on another node, p50 ms", latency("steady", "elsewhere", "p50_ms")),
    Figure("elsewhere_p99_ms", "p99 ms", latency("steady", "elsewhere", "p99_ms")),
    *_CPU,
    Figure("complete", "heard in the end %", _complete, max, "{:.2f}"),
)
_FLOOD = (
    Figure("messages", "messages/s", per("sent", "seconds"), max, "{:,.0f}"),
    Figure("p50_ms", "p50 ms", latency("steady", "live", "p50_ms")),
    Figure("p99_ms", "p99 ms", latency("steady", "live", "p99_ms")),
    *_CPU,
    Figure("complete", "heard in the end %", _complete, max, "{:.2f}"),
)
_MANY = (
    Figure("resident_kib", "KiB per connection", resident_per_connection),
    Figure("accepts", "accepts/s", connections_per_second, max, "{:,.0f}"),
    Figure("cpu_us", "CPU µs per accept: nodes", cpu_per_connection(), form="{:,.0f}"),
    Figure("store_us", "PostgreSQL", cpu_per_connection("store_cpu_s"), form="{:,.0f}"),
)  # fmt: skip


@attrs.frozen
class Workload:
    """One way to load nodes."""

    name: str
    title: str
    arguments: Mapping[str, object]
    figures: tuple[Figure, ...]


_RATE = {"workload": "rate", "rate": 60, "warmup": 2, "drain": 20}
_WINDOW = {"workload": "window", "window": 500, "warmup": 2, "drain": 30}
_ROOMS = {"rooms": ROOMS, "clients": ROOMS * MEMBERS, "concurrency": 32}

WORKLOADS = (
    Workload("nodes-hot", "60 people in one room, 60 messages/s",
             {**_RATE, "clients": 60, "senders": 60, "seconds": 15}, _AT_RATE),
    Workload("nodes-rooms", f"{ROOMS:,} rooms of {MEMBERS}, spread over all nodes, 60 messages/s",
             {**_RATE, **_ROOMS, "senders": ROOMS, "seconds": 15}, _AT_RATE),
    Workload("nodes-hot-flood", "30 people in one room, 500 messages outstanding",
             {**_WINDOW, "clients": 30, "senders": 25, "seconds": 8}, _FLOOD),
    Workload("nodes-rooms-flood", f"{ROOMS:,} rooms of {MEMBERS}, 500 messages outstanding in as many rooms",
             {**_WINDOW, **_ROOMS, "senders": 500, "seconds": 8}, _FLOOD),
    Workload("nodes-10k", "10,000 idle connections",
             {"workload": "idle", "clients": 10_000, "senders": 1, "seconds": 2, "concurrency": 32}, _MANY),
)  # fmt: skip


@contextlib.contextmanager
def nodes(server: str, cluster: Cluster) -> Iterator[tuple[list[int], list[int]]]:
    """The ports and processes of so many fresh nodes over a fresh database, or of one server with a file."""
    folder = build.BUILD / "run"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "files").mkdir(parents=True)
    more = dict(FREE)
    if server != FILE:
        more |= {"store": cluster.new_database(), "files": f"shared:{folder / 'files'}"}
    running: list[subprocess.Popen[bytes]] = []
    ports = [free_port() for _ in range(1 if server == FILE else int(server))]
    logs = [folder / f"node-{number}.log" for number in range(len(ports))]
    try:
        for port, log in zip(ports, logs, strict=True):
            running.append(start_node(port, log, more))
        yield ports, [node.pid for node in running]
        for node, log in zip(running, logs, strict=True):
            if node.poll() is not None:
                raise MeasureError(f"A node died: {log.read_text()[-300:]!r}")
    finally:
        for node in running:
            stop(node)


def start_node(port: int, log: Path, more: Mapping[str, object]) -> subprocess.Popen[bytes]:
    """A node with these settings that is ready; its data is beside its log, and what it says is added to that. Raises
    `MeasureError`."""
    with log.open("ab") as output:
        command = trio_chat(port, log.with_suffix(""), more=more)
        node = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        _wait_until_ready(node, port, log)
    except MeasureError:
        stop(node)
        raise
    return node


def _wait_until_ready(node: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if node.poll() is not None:
            raise MeasureError(f"A node ended at once: {log.read_text()[-300:]!r}")
        with (
            contextlib.suppress(OSError, urllib.error.URLError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2),
        ):
            return
        time.sleep(0.05)
    raise MeasureError(f"A node was not ready within {START_S:.0f} s: {log.read_text()[-300:]!r}")


def measure(workload: Workload, server: str, cluster: Cluster, *, factor: float) -> Report:
    """One measurement with fresh nodes. Raises `MeasureError`."""
    arguments: dict[str, Any] = dict(workload.arguments)
    arguments["seconds"] = max(1.0, arguments["seconds"] * factor)
    with nodes(server, cluster) as (ports, pids):
        return generate(
            {
                "port": ",".join(map(str, ports)),
                "server-pid": ",".join(map(str, pids)),
                "store-pid": ",".join(map(str, cluster.processes())),
                "dialect": "v1",
                **arguments,
            }
        )


def table(results: Mapping[str, Mapping[str, Summary]]) -> str:
    """Markdown: a table for each workload, a row for each number of nodes."""
    parts = []
    for workload in WORKLOADS:
        found = results.get(workload.name)
        if not found:
            continue
        head = ["", *(figure.title for figure in workload.figures), "remarks"]
        lines = [
            f"### {workload.name}: {workload.title}",
            "",
            f"| {' | '.join(head)} |",
            "|---" * len(head) + "|",
        ]
        for server, title in SERVERS.items():
            if server in found:
                summary = found[server]
                cells = [cell(figure, summary) for figure in workload.figures]
                remarks = "; ".join([*summary["failed"], *summary["faults"]])
                lines.append(f"| {' | '.join([title, *cells, remarks])} |")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def drawing(results: Mapping[str, Mapping[str, Summary]]) -> str | None:
    """The plot: the processor's time for a message, of nodes and PostgreSQL together, against the number of nodes."""
    lines: dict[str, list[plot.Point]] = {}
    for workload in WORKLOADS[:4]:
        points = []
        for server, summary in results.get(workload.name, {}).items():
            figures = summary["figures"]
            if server != FILE and {"server_cpu_s", "store_cpu_s"} <= figures.keys():
                both = figures["server_cpu_s"]["median"] + figures["store_cpu_s"]["median"]
                points.append((float(server), both))
        lines[workload.name.removeprefix("nodes-")] = sorted(points)
    if not any(lines.values()):
        return None
    return plot.svg("Processor time for a message, nodes and PostgreSQL", "nodes", "µs per message", lines)


def write_results(results: Mapping[str, Mapping[str, Summary]], directory: Path) -> None:
    """`nodes.json`, `nodes.svg`, and the tables: into the page `performance.md`, if there is one."""
    directory.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine(), "results": results}
    (directory / "nodes.json").write_text(json.dumps(document, indent=1) + "\n")
    page = directory / "performance.md"
    before, _, rest = (page.read_text() if page.exists() else f"{BEGIN}{END}").partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n\n{table(results)}\n{END}{rest.partition(END)[2] or chr(10)}")
    if (image := drawing(results)) is not None:
        (directory / "nodes.svg").write_text(image)


def earlier_results(directory: Path) -> dict[str, dict[str, Summary]]:
    """What earlier runs left in the directory: kept for the workloads that are not run again."""
    try:
        found: dict[str, dict[str, Summary]] = json.loads((directory / "nodes.json").read_text())["results"]
    except FileNotFoundError:
        return {}
    return found


@click.command(help=__doc__)
@click.option("--workloads", help="Workloads to run, with commas between them.", metavar="NAMES")
@click.option(
    "--servers", default=",".join(SERVERS), show_default=True, help="Which: a file, or how many nodes."
)
@click.option("--rounds", default=3, show_default=True, help="How often to measure each.")
@click.option("--quick", is_flag=True, help="One round of shorter measurements.")
@click.option("--out", type=click.Path(path_type=Path), default=build.BUILD / "results", show_default=True,
              help="The directory for the results; other workloads' earlier ones are kept.")  # fmt: skip
def main(workloads: str | None, servers: str, rounds: int, quick: bool, out: Path) -> None:
    """Runs the benchmark."""
    raise_file_limit()
    build.build_c()
    wanted = [one for one in WORKLOADS if workloads is None or one.name in workloads.split(",")]
    results = earlier_results(out)
    with running_cluster() as cluster:
        for workload in wanted:
            reports: dict[str, list[Report]] = {server: [] for server in servers.split(",")}
            failed: dict[str, list[str]] = {server: [] for server in reports}
            for _ in range(1 if quick else rounds):
                for server in reports:
                    try:
                        report = measure(workload, server, cluster, factor=0.3 if quick else 1.0)
                    except MeasureError as error:
                        failed[server].append(str(error))
                        say(f"{workload.name:18} {server:5} FAILED: {error}")
                        continue
                    reports[server].append(report)
                    once = summarise(workload.figures, [report], [])
                    values = ", ".join(f"{figure.title} {cell(figure, once)}" for figure in workload.figures)
                    say(f"{workload.name:18} {server:5} {values}  {'; '.join(once['faults'])}")
            results[workload.name] = {
                server: summarise(workload.figures, reports[server], failed[server]) for server in reports
            }
            write_results(results, out)
    print(table(results))


if __name__ == "__main__":
    main()
