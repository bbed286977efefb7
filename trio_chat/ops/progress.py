"""How far a long command is, on stderr: a bar in a terminal, else a line now and then, for the logs of cron."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from trio_chat.ops.output import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LINE_EACH_S: Final = 10.0
"""Short commands say nothing."""

_ERASE_LINE: Final = "\r\x1b[K"


class Progress:
    """Told how far it is, and shows that. Made by `showing`."""

    def report(self, done: int, total: int) -> None:
        """So much is done, of so much in all."""
        raise NotImplementedError

    def say(self, line: str) -> None:
        """Write a line of the result to stdout."""
        say(line)


class _Lines(Progress):
    def __init__(self, what: str, unit: str, clock: Callable[[], float]) -> None:
        self._what = what
        self._unit = unit
        self._clock = clock
        self._told_at = clock()

    def report(self, done: int, total: int) -> None:
        if self._clock() - self._told_at >= LINE_EACH_S:
            self._told_at = self._clock()
            click.echo(f"{self._what}: {done:,} of {total:,} {self._unit}", err=True)


class _Bar(Progress):
    def __init__(self, bar: click._termui_impl.ProgressBar[int]) -> None:
        self._bar = bar

    def report(self, done: int, total: int) -> None:
        self._bar.length = total
        self._bar.update(done - self._bar.pos)

    def say(self, line: str) -> None:
        click.echo(_ERASE_LINE, err=True, nl=False)
        super().say(line)


@contextmanager
def showing(what: str, unit: str, *, clock: Callable[[], float] = time.monotonic) -> Iterator[Progress]:
    """Show how far ``what`` is, in such units, while the block lasts."""
    if sys.stderr.isatty():
        with click.progressbar(length=1, label=what, file=sys.stderr) as bar:
            yield _Bar(bar)
    else:
        yield _Lines(what, unit, clock)
