"""Measures what each thing costs as the server grows: `python -m bench.growth --out docs`.

For each curve one number grows: connections, people, members of a room, rooms, rooms in a list, messages. The costs are
the server's processor time, which other programs on the machine make longer far less than the time it takes; medians of
some samples. Whatever costs more at the end than at the beginning says why, or is told as growing.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from bench import build, plot
from bench.growth_curves import CURVES
from bench.measure import MeasureError, raise_file_limit
from bench.run import machine, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.growth_curves import Cost, Curve

BEGIN = "<!-- growth: written by bench.growth -->"
END = "<!-- end of growth -->"

LEVEL = 1.6
"""What grew by less than this from the smallest to the largest size did not grow: caches, and noise."""


@attrs.frozen
class Result:
    """What was measured of one curve."""

    sizes: Sequence[int]
    costs: Sequence[Mapping[str, float]]
    others: float
    """How many cores other programs used meanwhile."""
    failed: str = ""


def run_curve(curve: Curve, sizes: Sequence[int]) -> Result:
    """Measure one curve, as far as it goes."""
    costs: list[dict[str, float]] = []
    failed = ""
    started, others = time.monotonic(), _Others()
    try:
        for size, of_size in zip(sizes, curve.measure(sizes), strict=True):
            costs.append(of_size)
            told = ", ".join(f"{cost.title} {_form(of_size[cost.name])} {cost.unit}" for cost in curve.costs)
            say(f"{curve.name:12} {size:9,}  {told}")
    except (MeasureError, OSError, ExceptionGroup) as error:
        failed = str(error)
        say(f"{curve.name:12} FAILED: {failed}")
    say(f"{curve.name:12} took {time.monotonic() - started:.0f} s")
    return Result(list(sizes[: len(costs)]), costs, others.cores(), failed)


class _Others:
    """What other programs use of the machine: all but this process and those that it started and that have ended."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._before = self._used_s()

    def _used_s(self) -> float:
        user, nice, system, _, _, irq, softirq, steal = map(
            int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        )
        own = os.times()
        ticks = user + nice + system + irq + softirq + steal
        return ticks / os.sysconf("SC_CLK_TCK") - sum(own[:4])

    def cores(self) -> float:
        """How many cores, on average since this was made."""
        return (self._used_s() - self._before) / (time.monotonic() - self._started)


def _form(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def table(results: Mapping[str, Result]) -> str:
    """Markdown: for each curve a table, a row for each cost, and its plot."""
    parts = []
    for curve in CURVES:
        result = results.get(curve.name)
        if result is None or not result.costs:
            continue
        head = [curve.title, *(f"{size:,}" for size in result.sizes), "grew", ""]
        lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        lines += [_row(cost, result) for cost in curve.costs]
        remarks = [f"It did not go further: {result.failed}\n"] if result.failed else []
        if result.others > 0.1:
            remarks.append(f"Disturbed: other programs used {result.others:.2f} cores.\n")
        parts.append(
            "\n".join([*lines, "", *remarks, f"![Costs by {curve.title}](growth-{curve.name}.svg)", ""])
        )
    return "\n".join(parts)


def _row(cost: Cost, result: Result) -> str:
    values = [of_size[cost.name] for of_size in result.costs]
    cells = [_form(value) for value in values]
    if cost.each:
        scale = {"ms": 1000, "µs": 1}[cost.unit]
        cells = [
            f"{cell} <small>({_form(value * scale / size)} µs each)</small>"
            for cell, value, size in zip(cells, values, result.sizes, strict=True)
        ]
    growth = values[-1] / values[0] if values[0] else 1.0
    grew = f"×{growth:.2g}" if growth < 100 else f"×{growth:.0f}"
    remark = "" if growth < LEVEL else cost.why or "**grows**"
    return f"| {' | '.join([f'{cost.title}, {cost.unit}', *cells, grew, remark])} |"


def drawing(curve: Curve, result: Result) -> str:
    """The plot of a curve: each cost against its own at the smallest size."""
    lines = {
        cost.title: [
            (float(size), max(of_size[cost.name] / (result.costs[0][cost.name] or 1), 0.01))
            for size, of_size in zip(result.sizes, result.costs, strict=True)
        ]
        for cost in curve.costs
    }
    return plot.svg(f"By {curve.title}", "size", "times its cost at the smallest size", lines)


def write_results(results: Mapping[str, Result], directory: Path) -> None:
    """`growth.json`, a plot for each curve, and the tables: into the page `performance.md`, if there is one."""
    directory.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine(), "results": {name: attrs.asdict(one) for name, one in results.items()}}
    (directory / "growth.json").write_text(json.dumps(document, indent=1) + "\n")
    for curve in CURVES:
        if curve.name in results and results[curve.name].costs:
            image = drawing(curve, results[curve.name])
            (directory / f"growth-{curve.name}.svg").write_text(image)
    page = directory / "performance.md"
    before, _, rest = (page.read_text() if page.exists() else f"{BEGIN}{END}").partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n\n{table(results)}\n{END}{rest.partition(END)[2] or chr(10)}")


def earlier_results(directory: Path) -> dict[str, Result]:
    """What earlier runs left in the directory: kept for the curves that are not measured again."""
    try:
        found = json.loads((directory / "growth.json").read_text())["results"]
    except FileNotFoundError:
        return {}
    return {name: Result(**one) for name, one in found.items()}


@click.command(help=__doc__)
@click.option("--curves", help="Curves to measure, with commas between them.", metavar="NAMES")
@click.option("--quick", is_flag=True, help="Smaller sizes: some minutes.")
@click.option("--out", type=click.Path(path_type=Path), default=build.BUILD / "results", show_default=True,
              help="The directory for the results; other curves' earlier ones are kept.")  # fmt: skip
def main(curves: str | None, quick: bool, out: Path) -> None:
    """Runs the benchmark."""
    raise_file_limit()
    results = earlier_results(out)
    for curve in CURVES:
        if curves is None or curve.name in curves.split(","):
            results[curve.name] = run_curve(curve, curve.quick_sizes if quick else curve.sizes)
            write_results(results, out)
    print(table(results))


if __name__ == "__main__":
    main()
