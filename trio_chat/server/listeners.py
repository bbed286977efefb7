"""Listening on the port, and accepting connections."""

from __future__ import annotations

import errno
import logging
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import trio

from trio_chat.errors import StartError
from trio_chat.net.socket_stream import SocketStream, inherit_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_chat.server.server import Server

LOGGER = logging.getLogger(__name__)

ACCEPTED_AT_ONCE: Final = 4
"""How many connections are accepted before others have their turn: Trio runs whatever can run, and those who are here
would wait for everybody who comes back after a restart."""

OUT_OF: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
"""What the system may be out of when a connection is accepted. It waits, and so do we."""

RETRY_S: Final = 0.1

BACKLOG: Final = 65_535
"""So many may wait to be accepted, if the system lets them: trio's default."""

OURS: Final = OUT_OF | {errno.EBADF, errno.EINVAL, errno.ENOTSOCK, errno.EFAULT}
"""Errors of accepting that say nothing of the one connection (accept(2))."""

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
        raise _cannot_listen(error, host, port) from error


def refuse_connections(listeners: list[trio.SocketListener]) -> None:
    """Refuse whoever connects until `accept_connections`: a balancer goes to another node then, at once. (Where the
    system knows no such state, they wait.) The port must be a chosen one, which is kept, unless somebody takes it."""
    for listener in listeners:
        with suppress(OSError):
            listener.socket.shutdown(socket.SHUT_RD)


def _cannot_listen(error: OSError, host: str | None, port: int) -> StartError:
    where = f"port {port}" if host is None else f"port {port} of {host}"
    return StartError(f"Cannot listen on {where}: {error.strerror or error}. {_advice(error)}")


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
    and this has started, when clients can connect. Raises `StartError`.
    """
    async with trio.open_nursery() as nursery:
        for listener in listeners:
            _listen(listener.socket)
            inherit_options(listener.socket)
            nursery.start_soon(_accept_all, server, listener, connections)
        server.is_ready = True
        task_status.started()


def _listen(sock: trio.socket.SocketType) -> None:
    """Again, if connections were refused."""
    try:
        sock.listen(BACKLOG)
    except OSError as error:  # meanwhile somebody else has taken the port
        host, port, *_ = sock.getsockname()
        raise _cannot_listen(error, host, port) from error


async def _accept_all(server: Server, listener: trio.SocketListener, connections: trio.Nursery) -> None:
    """Not by `trio.serve_listeners`, which accepts one in each turn of the scheduler, and asks the system once more for
    who it is (measured: half of what a bare connection costs)."""
    async with listener:
        # A second handle on the same descriptor, since Trio's own has no call that never waits.
        trios = listener.socket
        handle = socket.socket(trios.family, trios.type, trios.proto, fileno=trios.fileno())
        try:
            while True:
                try:
                    for stream in _accept_some(handle):
                        connections.start_soon(server.serve_connection, stream)
                    await trio.lowlevel.wait_readable(trios)
                except OSError as error:
                    if error.errno not in OUT_OF:
                        raise
                    LOGGER.error("nobody can connect for now: %s; trying again in %s s", error, RETRY_S)
                    await trio.sleep(RETRY_S)
        finally:
            handle.detach()


def _accept_some(listening: socket.socket) -> Iterator[SocketStream]:
    """Connections that wait to be accepted, at most `ACCEPTED_AT_ONCE`. Raises `OSError` if none can be accepted."""
    for _ in range(ACCEPTED_AT_ONCE):
        try:
            sock, address = listening.accept()
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno in OURS:
                raise
            continue  # that of a connection that is gone already: Linux reports it here
        yield SocketStream(sock, address[:2])
