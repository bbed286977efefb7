"""What uploads cost those who chat: how long an acknowledgement takes while files come in, beside an idle server.

    python -m bench.uploads [--uploads 3] [--megabytes 64] [--rounds 3] [--data DIR]

One person sends a message after the other; in turns nobody else is there, and three upload files as fast as the server
takes them. Both are measured in the same run, since it is their ratio that counts: the disk and the machine are what
they are. Clients are a process of their own; the aim is that the ratio of the 95th percentiles is at most 2.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

import trio

from bench.tls import serving
from trio_chat.client import open_chat

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PAUSE_S = 0.02
"""Between two messages."""

START_S = 5.0
"""Until uploads are under way."""

MIB = 2**20

PROCESSES = multiprocessing.get_context("spawn")


def upload_for_ever(url: str, name: str, megabytes: int, sent: object) -> None:
    """Upload one file after the other, as somebody of this name; count the bytes in ``sent``."""

    async def upload() -> None:
        content = os.urandom(megabytes * MIB)
        async with open_chat(url, name=name) as chat:
            while True:
                message = await chat.send("lobby", "", files=[content])
                sent.value += len(content)  # type: ignore[attr-defined]  # a shared number
                await chat.delete("lobby", message)

    trio.run(upload)


@asynccontextmanager
async def uploading(url: str, count: int, megabytes: int) -> AsyncIterator[object]:
    """So many upload while the block lasts; yields how many bytes whole files had."""
    sent = PROCESSES.Value("q", 0)
    jobs = [
        PROCESSES.Process(
            target=upload_for_ever, args=(url, f"Up {os.getpid()} {time.monotonic_ns()} {n}", megabytes, sent)
        )
        for n in range(count)
    ]
    for job in jobs:
        job.start()
    await trio.sleep(START_S)
    try:
        yield sent
    finally:
        for job in jobs:
            job.kill()
            await trio.to_thread.run_sync(job.join)


async def acks(url: str, seconds: float) -> list[float]:
    """How long each acknowledgement took, in milliseconds, sorted."""
    took: list[float] = []
    async with open_chat(url, name=f"Chatter {time.monotonic_ns()}") as chat:
        end = trio.current_time() + seconds
        while trio.current_time() < end:
            began = trio.current_time()
            await chat.send("lobby", "hello")
            took.append((trio.current_time() - began) * 1000)
            await trio.sleep(PAUSE_S)
    return sorted(took)


async def measure(url: str, options: argparse.Namespace) -> None:
    """Measure in turns, and print all of it."""
    idle: list[float] = []
    busy: list[float] = []
    began, total = trio.current_time(), 0
    for number in range(options.rounds):
        idle += await acks(url, options.seconds)
        async with uploading(url, options.uploads, options.megabytes) as sent:
            began = trio.current_time()
            busy += await acks(url, options.seconds)
            total += sent.value  # type: ignore[attr-defined]
            rate = sent.value / MIB / (trio.current_time() - began)  # type: ignore[attr-defined]
        print(f"round {number + 1}: {rate:.0f} MiB/s of whole files", flush=True)
    for name, took in (("idle", idle), (f"{options.uploads} uploads", busy)):
        cuts = quantiles(took, n=100)
        print(
            f"{name:>10}: {len(took)} acks, median {cuts[49]:.1f} ms, p95 {cuts[94]:.1f}, most {max(took):.1f}"
        )
    print(f"ratio of the p95: {quantiles(busy, n=100)[94] / quantiles(idle, n=100)[94]:.2f}")


def main() -> None:
    """Start a server, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--data", type=Path, help="where the server keeps its data; a temporary directory if left out"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.data) as data:
        arguments = ["--data", data, "--messages-per-second", "0", "--files-per-person", "100000"]
        with serving(arguments, 0) as (port, _):
            trio.run(measure, f"ws://127.0.0.1:{port}", options)


if __name__ == "__main__":
    main()
