"""The names of this machine, as far as it knows them by itself: nobody is asked, so nothing waits for a name server."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

RESOLVER = Path("/etc/resolv.conf")
"""Names the domains of the network that the machine is in (resolv.conf(5))."""


def machine_names(resolver: Path = RESOLVER) -> tuple[str, ...]:
    """The machine's name, and the same in each domain of its network: ``chat``, ``chat.fritz.box``."""
    name = socket.gethostname()
    label = name.partition(".")[0]
    return (name, *(f"{label}.{domain}" for domain in _domains(resolver)))


def _domains(resolver: Path) -> list[str]:
    domains: list[str] = []
    with suppress(OSError, UnicodeError):
        for line in resolver.read_text().splitlines():
            keyword, *words = line.split()[:20] or [""]
            if keyword in ("search", "domain"):
                domains = words  # the last line counts
    return domains
