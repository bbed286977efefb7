"""Where the process writes to: its terminal, and a stdout that takes nothing any more."""

from __future__ import annotations

import os
import sys


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
