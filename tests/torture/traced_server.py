"""The product, which says where it stands when it is asked: ``python -m tests.torture.traced_server [options]``.

On SIGQUIT it writes to its log what each thread is doing, and what each task waits for: so that of a server that does
not stop it is known why.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
from typing import TYPE_CHECKING

import trio

from trio_chat import __main__ as command_line

if TYPE_CHECKING:
    from collections.abc import Iterator

TASKS_BEGIN, TASKS_END = "where the tasks stand:", "(no more tasks)"

ASK = signal.SIGQUIT

TRAPS = trio.lowlevel.wait_task_rescheduled.__code__.co_filename
"""Where all waits end."""


def main() -> None:
    """Run the product's command line."""
    signal.signal(ASK, lambda _number, _frame: print("\n".join(stands()), file=sys.stderr, flush=True))
    # Before that: it needs neither the interpreter nor the main thread, which may wait for something.
    faulthandler.register(ASK, all_threads=True, chain=True)
    command_line.main()


def stands() -> Iterator[str]:
    """Lines that say where each task of the running event loop stands, from the outermost call to what it waits for."""
    yield TASKS_BEGIN
    try:
        root = trio.lowlevel.current_root_task()
    except RuntimeError:
        root = None
    waiting = [] if root is None else [root]
    while waiting:
        task = waiting.pop()
        waiting += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
        yield f"  task {task.name}"
        for frame, line in task.iter_await_frames():
            if frame.f_code.co_filename == TRAPS:
                break
            yield f"    {frame.f_code.co_filename}:{line} {frame.f_code.co_name}"
    yield TASKS_END


if __name__ == "__main__":
    main()
