"""Reports of runs: on the terminal, and as tables in docs/reliability.md."""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from tests.torture.checker import check
from tests.torture.history import Ended
from tests.torture.shrink import abbreviated, render, shrink

if TYPE_CHECKING:
    from tests.torture.history import AnyRecord
    from tests.torture.many_connections import ManyConnections
    from tests.torture.run import Outcome
    from tests.torture.violations import Violation

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT = DOCS / "reliability.md"
FIGURES = DOCS / "reliability.json"
"""Figures of release runs by name; written by runs, never by hand."""

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

MEMORY_SAMPLES = 40
"""Memory samples that are kept of a run."""

SHOWN = 5
"""Violations that are reported in full, each of another rule."""


def run_report(outcome: Outcome) -> str:
    """The report of a run: counts, faults, ends of connections, memory."""
    lines = [
        f"seed {outcome.options.seed}, {outcome.took_s:.0f} s, {outcome.starts} starts of the server",
        "",
    ]
    lines += [f"{count:>9} {what}" for what, count in outcome.figures().items()]
    lines += ["", f"{'hit':>9} {'missed':>6}  fault"]
    for kind in sorted({*outcome.hits, *outcome.missed}):
        proofs = Counter(outcome.hits.get(kind, []))
        proof = ", ".join(list(proofs)[:3])
        lines.append(f"{sum(proofs.values()):>9} {outcome.missed.get(kind, 0):>6}  {kind} ({proof})")
    endings = Counter(record.why for record in outcome.records if isinstance(record, Ended))
    lines += ["", "connections ended: " + ", ".join(f"{why} {n}" for why, n in endings.most_common())]
    if outcome.rss:
        samples = outcome.rss[:: max(1, len(outcome.rss) // 10)]
        lines.append("memory, MiB: " + " ".join(f"{size / 2**20:.0f}" for size in samples))
    lines += ["", f"{len(outcome.violations)} violations"]
    return "\n".join(lines)


def violation_report(records: list[AnyRecord], violations: list[Violation]) -> str:
    """The violations by rule, and for the first of each rule a shrunk history that shows it."""
    by_rule = Counter(violation.rule for violation in violations)
    lines = [f"{count:>9} {rule.name}: {rule.value}" for rule, count in by_rule.most_common()]
    for rule in list(by_rule)[:SHOWN]:
        violation = next(violation for violation in violations if violation.rule is rule)
        lines += ["", abbreviated(str(violation))]
        if violation in check(records):  # the one about memory is shown by no record
            lines.append(render(shrink(records, violation)))
    return "\n".join(lines)


def keep_figures(name: str, brought: dict[str, Any]) -> None:
    """Write the figures of a run into the file, in place of an earlier run of this name."""
    runs = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    runs[name] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}",
        **brought,
    }
    FIGURES.write_text(json.dumps(runs, indent=1, sort_keys=True) + "\n")


def figures_of(outcome: Outcome) -> dict[str, Any]:
    """The figures that are kept of a run."""
    return {
        "seed": outcome.options.seed,
        "synchronous": outcome.options.synchronous,
        "seconds": round(outcome.took_s),
        "clients": outcome.options.clients + outcome.options.product_clients + outcome.options.plain_clients,
        "starts": outcome.starts,
        **outcome.figures(),
        "hits": {kind: len(proofs) for kind, proofs in sorted(outcome.hits.items())},
        "proofs": {kind: proofs[-1] for kind, proofs in sorted(outcome.hits.items())},
        "missed": outcome.missed,
        "violations": dict(Counter(violation.rule.name for violation in outcome.violations)),
        "memory": [size // 2**20 for size in outcome.rss[:: max(1, len(outcome.rss) // MEMORY_SAMPLES)]],
    }


def figures_of_many(many: ManyConnections) -> dict[str, Any]:
    """The figures that are kept of a run with many connections."""
    p50, p99 = (quantiles(many.ack_times_s, n=100)[rank] * 1000 for rank in (49, 98))
    return {
        "connections": many.wanted,
        "let in": many.accepted,
        "let in within, s": round(many.accepted_within_s, 1),
        "heard": many.received,
        "heard within, s": round(many.received_within_s, 1),
        "acknowledged meanwhile": len(many.ack_times_s),
        "after, ms (p50)": round(p50),
        "after, ms (p99)": round(p99),
        "memory": [size // 2**20 for size in many.rss],
        "files": many.files,
    }


def with_tables(document: str) -> str:
    """The document with the tables of the kept figures between its markers."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{_tables(json.loads(FIGURES.read_text()))}\n{END}{after}"


def _tables(kept: dict[str, dict[str, Any]]) -> str:
    runs = {name: figures for name, figures in kept.items() if "submitted" in figures}
    columns = ("seconds", "clients", "starts", "submitted", "acknowledged", "in the log", "delivered")
    lines = [
        "| run | " + " | ".join(columns) + " | violations |",
        "|---|" + "---:|" * len(columns) + "---|",
    ]
    for name, figures in runs.items():
        violations = ", ".join(f"{rule} {count}" for rule, count in figures["violations"].items()) or "0"
        cells = " | ".join(f"{figures[column]:,}" for column in columns)
        lines.append(f"| {name} | {cells} | {violations} |")
    hits: Counter[str] = Counter()
    proofs: dict[str, str] = {}
    for figures in runs.values():
        hits.update(figures["hits"])
        proofs |= figures["proofs"]
    lines += ["", "| fault | times it hit, in all these runs | for example |", "|---|---:|---|"]
    lines += [f"| {kind} | {count:,} | {proofs[kind]} |" for kind, count in sorted(hits.items())]
    for figures in kept.values():
        if "connections" in figures:
            before, during, after = figures["memory"]
            lines += [
                "",
                f"{figures['connections']:,} connections at once: {figures['let in']:,} were let in within "
                f"{figures['let in within, s']} s. Somebody who was there before went on talking: "
                f"{figures['acknowledged meanwhile']} messages, acknowledged after {figures['after, ms (p50)']} ms "
                f"(p50) and {figures['after, ms (p99)']} ms (p99). One message then reached {figures['heard']:,} of "
                f"them, each once, within {figures['heard within, s']} s. Memory before, with them, and after: "
                f"{before}, {during}, {after} MiB; open files {figures['files'][0]}, {figures['files'][1]:,}, "
                f"{figures['files'][2]}.",
            ]
    lines += [""]
    for name, figures in runs.items():
        if not figures["hits"]:
            samples = " ".join(map(str, figures["memory"]))
            lines.append(f'Memory in the run "{name}", MiB: {samples}.')
    abouts = sorted({(figures["date"], figures["machine"]) for figures in kept.values()})
    lines += ["", *(f"{date}, {machine}." for date, machine in abouts)]
    lines += ["Each run can be repeated with the seed in reliability.json."]
    return "\n".join(lines) + "\n"
