"""One measurement: a fresh server on one core, the generator on the other, and the generator's report."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import build

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.peers import Peer
    from bench.workloads import Report

START_S = 20.0
STEADY_S = 0.5
"""So long a server's memory has not changed when it has begun."""
STOP_S = 15.0
GENERATOR_S = 400.0

_HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class MeasureError(Exception):
    """This measurement did not come about; the text says why."""


def cores() -> tuple[int, int]:
    """The server's and the generator's core. One and the same on a machine with one core only."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def raise_file_limit() -> None:
    """As many open files as the system allows, for this process and all it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_serving(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until a handshake is answered: a port may listen long before. Raises `MeasureError`."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if server.poll() is not None:
            raise MeasureError(f"The server ended at once: {log.read_text()[-300:]!r}")
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=START_S) as client,
        ):
            client.sendall(_HANDSHAKE)
            if client.recv(1):
                return
        time.sleep(0.05)
    raise MeasureError(f"The server did not serve within {START_S} seconds.")


def _wait_until_steady(pid: int) -> None:
    """Wait until a server's memory does not change: what it loads later would be counted as that of connections."""
    end, resident, steady_since = time.monotonic() + START_S, "", time.monotonic()
    while (now := time.monotonic()) < min(end, steady_since + STEADY_S):
        before, resident = resident, Path(f"/proc/{pid}/statm").read_text().split()[1]
        if resident != before:
            steady_since = now
        time.sleep(0.05)


@contextlib.contextmanager
def serving(peer: Peer, core: int) -> Iterator[tuple[int, int]]:
    """A fresh server pinned to a core: its port and its process. Stopped, by force if need be, on leaving."""
    directory = build.BUILD / "run"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    port, log = free_port(), directory / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            peer.command(port, directory),
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
    try:
        wait_until_serving(server, port, log)
        _wait_until_steady(server.pid)
        yield port, server.pid
        if server.poll() is not None:
            raise MeasureError(f"The server died: {log.read_text()[-300:]!r}")
    finally:
        stop(server)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a process: by SIGTERM, or by force if it is still there after `STOP_S`."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def generate(arguments: Mapping[str, object], core: int | None = None) -> Report:
    """Runs the generator, on one core if one is given, and returns what it printed. Raises `MeasureError`."""
    words = [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
    try:
        done = subprocess.run(
            [build.GENERATOR, *words],
            capture_output=True,
            text=True,
            timeout=GENERATOR_S,
            check=False,
            preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),
        )
    except subprocess.TimeoutExpired:
        raise MeasureError(f"The generator was not done after {GENERATOR_S:.0f} seconds.") from None
    if done.returncode != 0:
        raise MeasureError(done.stderr.strip() or f"The generator ended with {done.returncode}.")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def measure(peer: Peer, arguments: Mapping[str, object]) -> Report:
    """One measurement, from a fresh server to its end. Raises `MeasureError`."""
    server_core, generator_core = cores()
    with serving(peer, server_core) as (port, pid):
        known = {"port": port, "server-pid": pid, "dialect": peer.dialect}
        return generate({**known, **arguments}, generator_core)
