"""The system's limit of open files, and how many connections fit below it."""

from __future__ import annotations

import sys

try:
    import resource
except ImportError:  # Windows has no such limit on sockets
    resource = None  # type: ignore[assignment]

RESERVED = 64
"""Descriptors that are no connections: listeners, the database's files, threads, the page's files."""

ENOUGH = 2**20
"""The limit that is asked for where there is no hard limit: the default maximum of Linux (fs.nr_open)."""


def raise_file_limit() -> int:
    """Raise this process's limit of open files as far as allowed; returns how many connections fit below it."""
    if resource is None:
        return sys.maxsize
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):
            wanted = soft  # macOS refuses more than OPEN_MAX whatever its hard limit says
        soft = wanted
    return max(1, (ENOUGH if soft == resource.RLIM_INFINITY else soft) - RESERVED)
