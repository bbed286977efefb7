"""From many measurements to one answer: medians with their spread, ratios, and the table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from bench.peers import OURS, PEERS
from bench.workloads import WORKLOADS, Figure, Report, disturbance, faults

Summary = Mapping[str, Any]
"""Of one peer in one workload: `figures` (name to median, min, max), `faults`, `failed`, `rounds`."""


def summarise(figures: Sequence[Figure], reports: Sequence[Report], failed: Sequence[str]) -> Summary:
    """The medians of all rounds. A figure that any round could not give is left out."""
    summary: dict[str, Any] = {"rounds": len(reports), "failed": list(failed), "figures": {}, "faults": []}
    for figure in figures:
        values = [figure.take(report) for report in reports]
        known = [value for value in values if value is not None]
        if known and len(known) == len(values):
            summary["figures"][figure.name] = {
                "median": statistics.median(known), "min": min(known), "max": max(known),
            }  # fmt: skip
    if reports:
        summary["faults"] = max((faults(report) for report in reports), key=len)
        others = max(disturbance(report) for report in reports)
        if others > 0.1:
            summary["faults"].append(f"disturbed: other programs used {others:.2f} cores")
    return summary


def cell(figure: Figure, summary: Summary, reference: Summary | None = None, *, is_ours: bool = False) -> str:
    """Markdown: the median, behind it the smallest and the largest, and in bold how many times better the reference
    is, if there is one."""
    found = summary["figures"].get(figure.name)
    if found is None:
        return "–"
    text = figure.form.format(found["median"])
    if summary["rounds"] > 1:
        text += f" <small>({figure.form.format(found['min'])}–{figure.form.format(found['max'])})</small>"
    ours = reference["figures"].get(figure.name) if reference else None
    if ours is None or is_ours or not found["median"] or not ours["median"]:
        return text
    ratio = ours["median"] / found["median"]
    if figure.best is min:
        ratio = 1 / ratio
    return f"{text} **×{ratio:.2g}**" if ratio < 100 else f"{text} **×{ratio:.0f}**"


def table(results: Mapping[str, Mapping[str, Summary]]) -> str:
    """Markdown: a table for each workload, a row for each peer. Bold: how much better trio-chat is."""
    titles = {peer.name: peer.title for peer in PEERS}
    parts = []
    for workload in WORKLOADS:
        found = results.get(workload.name)
        if not found or workload.name.startswith("sweep"):
            continue
        head = ["server", *(figure.title for figure in workload.figures), "remarks"]
        lines = [
            f"### {workload.name}: {workload.title}",
            "",
            "| " + " | ".join(head) + " |",
            "|---" * len(head) + "|",
        ]
        for name, summary in found.items():
            reference = found.get(OURS)
            cells = [cell(f, summary, reference, is_ours=name.startswith(OURS)) for f in workload.figures]
            remarks = "; ".join([*summary["failed"], *summary["faults"]])
            lines.append("| " + " | ".join([titles.get(name, name), *cells, remarks]) + " |")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)
