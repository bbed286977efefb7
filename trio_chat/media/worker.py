"""Media worker: the child process in which decoders meet what strangers sent. `prepare` runs one for each file.

It takes from itself what it will not need of memory, time and disk before it loads a decoder, and yields to everybody
else. It uses no network.
"""

from __future__ import annotations

import fcntl
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from trio_chat.media.job import Job

MEMORY_BYTES: Final = 768 * 1024 * 1024
"""Of addresses, beside those of the file itself: what 50 megapixels take, twice, and what decodes them."""

CPU_S: Final = 10
WRITTEN_BYTES: Final = 64 * 1024 * 1024
"""The largest file that it writes, beside the size of what was sent."""

FILES: Final = 64
"""Open at once: libraries are files as well."""

NICENESS: Final = 10


def main() -> None:
    """Do the job in the first line of standard input, and answer on standard output."""
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    end_with_parent()
    limit_resources(os.path.getsize(job.part))
    from trio_chat.media.pipeline import answer_to  # only now: it loads the decoders

    sys.stdout.buffer.write(msgspec.json.encode(answer_to(job)))


def end_with_parent() -> None:
    """Be ended when the other end of standard input is closed: by the parent's end, whatever that was.

    Who is left over would write into the directory that the next server empties for the same file.
    """
    with suppress(OSError):  # not every system does that for pipes
        fcntl.fcntl(sys.stdin, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(sys.stdin, fcntl.F_GETFL)
        fcntl.fcntl(sys.stdin, fcntl.F_SETFL, flags | os.O_ASYNC)  # then it is SIGIO, which kills


def limit_resources(file_bytes: int) -> None:
    """Leave this process no more than a file of this size needs. A limit that a system does not know is left out."""
    limits = (
        (resource.RLIMIT_AS, MEMORY_BYTES + file_bytes),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, WRITTEN_BYTES + file_bytes),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_CORE, 0),
    )
    for kind, most in limits:
        with suppress(OSError, ValueError):
            resource.setrlimit(kind, (most, most + 1))  # at the first it is told, at the second killed
    os.nice(NICENESS)
    with suppress(OSError):  # when memory runs out, the kernel is to take it here first
        Path("/proc/self/oom_score_adj").write_text("1000")
