"""What a run brought, for people: on the terminal, and as tables in docs/reliability.md."""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.torture.checker import check
from tests.torture.history import Ended
from tests.torture.shrink import shortened, shrink, told

if TYPE_CHECKING:
    from tests.torture.checker import Violation
    from tests.torture.history import AnyRecord
    from tests.torture.run import Outcome

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT = DOCS / "reliability.md"
FIGURES = DOCS / "reliability.json"
"""The figures of runs by name; written by runs only, never by hand."""

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

SHOWN = 5
"""How many violations are told in full, each of another rule."""


def report(outcome: Outcome) -> str:
    """What was done and what came of it, as a table."""
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


def complaint(records: list[AnyRecord], violations: list[Violation]) -> str:
    """The violations by rule, and for the first of each rule a short history that shows it."""
    by_rule = Counter(violation.rule for violation in violations)
    lines = [f"{count:>9} {rule.name}: {rule.value}" for rule, count in by_rule.most_common()]
    for rule in list(by_rule)[:SHOWN]:
        violation = next(violation for violation in violations if violation.rule is rule)
        lines += ["", shortened(str(violation))]
        if violation in check(records):  # it may be one that no record shows
            lines.append(told(shrink(records, violation)))
    return "\n".join(lines)


def keep_figures(name: str, outcome: Outcome) -> None:
    """Write what a run brought into the file of figures, in place of an earlier run of this name."""
    runs = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    runs[name] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "seed": outcome.options.seed,
        "synchronous": outcome.options.synchronous,
        "seconds": round(outcome.took_s),
        "clients": outcome.options.clients + outcome.options.product_clients + outcome.options.plain_clients,
        "starts": outcome.starts,
        **outcome.figures(),
        "hits": {kind: len(proofs) for kind, proofs in sorted(outcome.hits.items())},
        "missed": outcome.missed,
        "violations": dict(Counter(violation.rule.name for violation in outcome.violations)),
        "memory": [min(outcome.rss) // 2**20, max(outcome.rss) // 2**20] if outcome.rss else [],
    }
    FIGURES.write_text(json.dumps(runs, indent=1, sort_keys=True) + "\n")


def with_tables(document: str) -> str:
    """The document with the tables of today's figures between its marks."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{_tables(json.loads(FIGURES.read_text()))}\n{END}{after}"


def _tables(runs: dict[str, dict[str, Any]]) -> str:
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
    for figures in runs.values():
        hits.update(figures["hits"])
    lines += ["", "| fault | times it hit, in all these runs |", "|---|---:|"]
    lines += [f"| {kind} | {count:,} |" for kind, count in sorted(hits.items())]
    about = next(iter(runs.values()))
    lines += [
        "",
        f"{about['date']}, {about['machine']}. Each run can be repeated with the seed in reliability.json.",
    ]
    return "\n".join(lines) + "\n"
