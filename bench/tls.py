"""What telling everybody costs over TLS, beside plain: deliveries for each second of the server's processor time.

    python -m bench.tls [--clients 200] [--seconds 6]

The load generator knows no TLS, so the clients are here: one process of blocking reads, on a core of its own. It is
slower than the server, which does not matter to what is measured. Needs ``trustme`` (dependency group ``test``).
"""

from __future__ import annotations

import argparse
import os
import selectors
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from collections.abc import Iterator

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)

TEXT = b"x" * 100

FRAME = bytes((0x81, 0x80 | len(TEXT), 0, 0, 0, 0)) + TEXT
"""A text message of a client, masked with zeros."""

DELIVERED_BYTES = 2 + len(TEXT)


@contextmanager
def serving(arguments: list[str], core: int) -> Iterator[tuple[int, int]]:
    """A server process on one core; yields its port and its process id."""
    with tempfile.TemporaryDirectory() as data:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "trio_chat", "--host", "127.0.0.1", "--port", "0", "--data", data),
                *("--messages-per-second", "0", "--log-level", "error"),
                *arguments,
            ],
            stdout=subprocess.PIPE,
        )
        try:
            os.sched_setaffinity(server.pid, {core})
            assert server.stdout is not None
            line = server.stdout.readline().decode()
            yield int(line.rpartition(":")[2]), server.pid
        finally:
            server.kill()
            server.wait()


def connect(port: int, context: ssl.SSLContext | None) -> socket.socket:
    """A plain client, its handshakes done."""
    client = socket.create_connection(("127.0.0.1", port))
    if context is not None:
        client = context.wrap_socket(client, server_hostname="localhost")
    client.sendall(HANDSHAKE)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    client.setblocking(False)
    return client


def cpu_s(pid: int) -> float:
    """Processor time of a process so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(
    arguments: list[str], context: ssl.SSLContext | None, *, clients: int, rate: float, seconds: float
) -> float:
    """Deliveries per CPU-second of the server."""
    with serving(arguments, 0) as (port, pid), selectors.DefaultSelector() as selector:
        members = [connect(port, context) for _ in range(clients)]
        for member in members:
            selector.register(member, selectors.EVENT_READ)
        heard = sent = 0
        began, before = time.monotonic(), cpu_s(pid)
        while (now := time.monotonic() - began) < seconds:
            while sent < now * rate:
                members[sent % clients].send(FRAME)
                sent += 1
            for key, _ in selector.select(1 / rate):
                heard += read(key.fileobj)  # type: ignore[arg-type]  # sockets are registered, no descriptors
        used = cpu_s(pid) - before
        for member in members:
            member.close()
        return heard / DELIVERED_BYTES / used


def read(member: socket.socket) -> int:
    """How many bytes are there."""
    heard = 0
    try:
        while data := member.recv(65536):
            heard += len(data)
    except (BlockingIOError, ssl.SSLWantReadError):
        return heard
    return heard


def main() -> None:
    """Measure in turns, and print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {1})
    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as folder:
        pem = Path(folder) / "server.pem"
        pem.write_bytes(authority.issue_cert("localhost").private_key_and_cert_chain_pem.bytes())
        context = ssl.create_default_context()
        authority.configure_trust(context)
        for rate in (20, 200, 1000):
            plain, tls = [], []
            for _ in range(options.rounds):
                load = {"clients": options.clients, "rate": rate, "seconds": options.seconds}
                plain.append(measure([], None, **load))
                tls.append(measure(["--tls-certificate", str(pem)], context, **load))
            a, b = sorted(plain)[len(plain) // 2], sorted(tls)[len(tls) // 2]
            print(
                f"{rate:5} messages/s: plain {a:,.0f}, TLS {b:,.0f} per CPU-second: {b / a:.2f}", flush=True
            )


if __name__ == "__main__":
    main()
