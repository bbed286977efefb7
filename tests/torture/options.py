"""Options of a run."""

from __future__ import annotations

import attrs

from tests.support.process import NAME
from tests.torture.process import SERVER


@attrs.frozen
class Options:
    """Options of a run."""

    seed: int
    duration_s: float = 20.0
    nodes: int = 0
    """Number of nodes over one PostgreSQL; 0: one server with its log in a file."""
    clients: int = 12
    """Number of `RawClient`s."""
    product_clients: int = 3
    plain_clients: int = 3
    faults: frozenset[str] = frozenset({"kill", "term", "proxy"})
    pause_s: float = 2.0
    """Mean seconds between two faults."""
    pace_s: float = 0.05
    """Mean seconds between two actions of a client."""
    file_share: float = 0.05
    """The share of actions of product clients that are about files."""
    least: int = 0
    """Faults to inject at least, however long that takes."""
    drain_s: float = 300
    """Seconds that draining may take after the last fault; long, since the machine may be busy."""
    synchronous: str = "FULL"
    program: tuple[str, ...] = SERVER
    """What is run, as arguments of Python."""
    settings: tuple[str, ...] = (
        *("--messages-per-second", "0", "--max-connections-per-address", "0"),
        *("--new-people-per-hour", "0", "--new-people-per-address-per-hour", "0", "--disk-floor", "0"),
        *NAME,
    )
    """More options for the server."""
