"""Where the process writes to: its terminal, and a stdout that takes nothing any more."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator


class OutputError(Exception):
    """stdout cannot be written; the text is the reason."""


@contextmanager
def writing() -> Iterator[None]:
    """Make an `OutputError` of what is raised when stdout cannot be written. A pipe that nobody reads any more stays a
    `BrokenPipeError`, of which click makes a quiet end."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(error.strerror) from error


def say(line: str) -> None:
    """Write a line to stdout. Raises `OutputError`."""
    with writing():
        click.echo(line)


def write_bytes(data: bytes) -> None:
    """Write bytes to stdout, at once. Raises `OutputError`."""
    with writing():
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def has_terminal() -> bool:
    """Whether the process belongs to a terminal that is still there."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def drop_output() -> None:
    """Let stdout lead nowhere, after it could not be written: else what is left in its buffer would fail again when the
    process ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
