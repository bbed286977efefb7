"""Servers in processes of their own, forked from one that has done already what each does first (`tests.support.warm`).

A server that is started as people start it takes a second of a processor for imports, for packing the page, for tables.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from trio_chat.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

ROOT = Path(__file__).parents[2]

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.support.warm"])


def environment(**variables: str) -> dict[str, str]:
    """Environment without settings of the chat, but for these, and with warnings as errors."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("TRIO_CHAT_")}
    return mine | {"PYTHONWARNINGS": "error", "PYTHONPATH": str(ROOT)} | variables


def fork(
    arguments: Sequence[str],
    out: Connection,
    errors: Connection | Path,
    *,
    module: str = "trio_chat",
    variables: Mapping[str, str] | None = None,
) -> BaseProcess:
    """A process that runs ``python -m`` the module with these arguments. It writes into ``out``, which is closed here,
    and into ``errors``, likewise or at the end of a file."""
    named = (module, list(arguments), out, errors, environment(**(variables or {})))
    process = FORKS.Process(target=_run, args=named)
    process.start()
    out.close()
    if not isinstance(errors, Path):
        errors.close()
    return process


def _run(
    module: str, arguments: list[str], out: Connection, errors: Connection | Path, variables: dict[str, str]
) -> None:
    if isinstance(errors, Path):
        with errors.open("a") as file:
            os.dup2(file.fileno(), 2)
    else:
        os.dup2(errors.fileno(), 2)
        errors.close()
    os.dup2(out.fileno(), 1)
    out.close()
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(variables)
    warnings.simplefilter("error")
    if module == "trio_chat":  # imported already
        main(arguments)
    else:
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__")
