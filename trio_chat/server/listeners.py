"""Listening on the port, and accepting connections."""

from __future__ import annotations

import errno
import socket
from functools import partial
from typing import TYPE_CHECKING

import trio

from trio_chat.errors import StartError

if TYPE_CHECKING:
    from trio_chat.server.server import Server


EVERY_ADDRESS = frozenset({"::", "[::]", "*"})
"""Ways to say all interfaces, those of IPv4 included: a socket of ``::`` alone would be for IPv6 only (trio's are)."""


async def open_listeners(host: str | None, port: int) -> list[trio.SocketListener]:
    """Listen on the port of one address, or of all interfaces. Raises `StartError` when that cannot be."""
    if host in EVERY_ADDRESS:
        host = None
    elif host is not None:
        host = host.removeprefix("[").removesuffix("]")
    try:
        if host is None and port == 0:
            # Each family would get a free port of its own; people are told one.
            first = await trio.open_tcp_listeners(0, host="0.0.0.0")
            try:
                second = await trio.open_tcp_listeners(first[0].socket.getsockname()[1], host="::")
            except OSError:
                second = []  # no IPv6 here, or that port is taken there: IPv4 will do
            return [*first, *second]
        return await trio.open_tcp_listeners(port, host=host)
    except OSError as error:
        where = f"port {port}" if host is None else f"port {port} of {host}"
        raise StartError(f"Cannot listen on {where}: {error.strerror or error}. {_advice(error)}") from error


def _advice(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "Give an address of this machine with --host, or leave it out for all."
    if error.errno in (errno.EACCES, errno.EPERM):
        return "Ports below 1024 need a right (CAP_NET_BIND_SERVICE): give it, or choose another port with --port."
    return "Choose another with --port (0 takes any free one), or stop what uses it."


async def accept_connections(
    server: Server,
    listeners: list[trio.SocketListener],
    *,
    connections: trio.Nursery,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Accept connections until cancelled. Closes the listeners.

    Each connection is a task in the nursery ``connections``, and lives on when this is cancelled. The server is ready,
    and this has started, when clients can connect.
    """
    async with trio.open_nursery() as nursery:
        await nursery.start(
            partial(trio.serve_listeners, server.serve_connection, listeners, handler_nursery=connections)
        )
        server.is_ready = True
        task_status.started()
