"""The longest step of the event loop and the longest answer of each v1 command: ``python -m tests.steps``.

The tests count calls, which are the same everywhere; here processor time is measured. So this is run by itself, on a
machine that has time, and fails over a generous limit.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

import click
import trio

from tests.support.steps import walk
from trio_chat.protocol.encoding import ANSWER_BYTES


@click.command()
@click.option("--limit", default=20.0, help="Milliseconds that a step may take.", show_default=True)
def main(limit: float) -> None:
    """Measure all commands at full state, and print them, the longest step first."""
    with tempfile.TemporaryDirectory() as directory:
        costs = trio.run(partial(walk, Path(directory) / "chat.db", counts_calls=False))
    click.echo("step ms  answer KiB  command     task of the step; errors")
    for cost in sorted(costs, key=lambda cost: -cost.step_s):
        numbers = f"{cost.step_s * 1000:7.1f}  {cost.answer_bytes / 1024:10.1f}"
        click.echo(" ".join([f"{numbers}  {cost.command:10} ", cost.task.rpartition(".")[2], *cost.codes]))
    if any(cost.step_s * 1000 > limit or cost.answer_bytes > ANSWER_BYTES for cost in costs):
        sys.exit(f"A step takes more than {limit:g} ms, or an answer more than {ANSWER_BYTES // 1024} KiB.")


if __name__ == "__main__":
    main()
