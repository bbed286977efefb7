"""The whole server as nested blocks: leaving them, from the inside out, is how it stops.

store                       closes last
  rooms                     inboxes run empty, broadcasters end
    connections             runs serve_websocket on port 8080; each is closed, until the drain deadline
      accepting             no new connections
"""

from __future__ import annotations

import logging
import signal
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

import trio

from trio_chat import __version__
from trio_chat.errors import StartError
from trio_chat.hub import open_hub, open_place
from trio_chat.model.reserved_names import load_tables
from trio_chat.moderation.owner_links import first_owner_token, owner_link
from trio_chat.moderation.releases import Releases
from trio_chat.net.limits import ConnectionLimits
from trio_chat.ops.disk_space import DiskWatch, read_disk
from trio_chat.ops.file_limits import raise_file_limit
from trio_chat.ops.open_stores import open_aside, open_heir
from trio_chat.ops.output import drop_output, has_terminal
from trio_chat.ops.statistics_line import log_statistics
from trio_chat.ops.stores import reserved
from trio_chat.ops.tuning import collect_garbage, tune_interpreter
from trio_chat.server.addresses import address_here, network_url, page_address
from trio_chat.server.certificates import Certificates
from trio_chat.server.listeners import accept_connections, open_listeners, refuse_connections
from trio_chat.server.server import Server
from trio_chat.store.space import MIB
from trio_chat.web.http import page_version

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from trio_chat.config.config import Config
    from trio_chat.ops.disk_space import Disk
    from trio_chat.ops.open_stores import OpenedStore
    from trio_chat.store.base import Store
    from trio_chat.store.moved import Moved

LOGGER = logging.getLogger(__name__)

OnReady: TypeAlias = "Callable[[int, str | None], object]"
"""Called with the port, and the token of an owner link if the server has no owner."""


MOVED_DRAIN_S: Final = 2.0
"""So long, when the chat has moved, clients have to take what waits for them: nobody new is let in meanwhile."""


LAST_WRITES_S: Final = 3.0
"""So long, when clients have been sent away, the database has to take what was accepted from them."""


async def run(config: Config) -> None:
    """Serve until SIGTERM or Ctrl-C, then drain and stop; a second signal stops at once.

    Raises `StartError` when the server cannot start.
    """
    tune_interpreter()
    certificates = (
        None if config.tls_certificate is None else Certificates(config.tls_certificate, config.tls_key)
    )
    is_watched = has_terminal() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN  # not under nohup
    # Open for the whole run: leaving it with a signal unread would deliver that again, with the default handler.
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async with trio.open_nursery() as nursery:
            stop = trio.Event()
            follow = partial(_follow_signals, signals, certificates, is_watched=is_watched)
            nursery.start_soon(follow, stop, nursery.cancel_scope)
            await serve(config, stop=stop, certificates=certificates, on_ready=partial(_announce, config))
            nursery.cancel_scope.cancel()


async def _follow_signals(
    signals: AsyncIterator[int],
    certificates: Certificates | None,
    stop: trio.Event,
    everything: trio.CancelScope,
    *,
    is_watched: bool,
) -> None:
    """``is_watched``: the server was started from a terminal, and ends with it."""
    async for signum in signals:
        if signum == signal.SIGHUP and not (is_watched and not has_terminal()):
            if certificates is None:
                LOGGER.info("SIGHUP: there is nothing to read again, as there is no certificate")
            else:
                certificates.reload()
        elif stop.is_set():
            LOGGER.warning("%s again: stopping at once", signal.Signals(signum).name)
            everything.cancel()
        else:
            LOGGER.info("%s: stopping", signal.Signals(signum).name)
            stop.set()


async def serve(
    config: Config,
    *,
    stop: trio.Event,
    certificates: Certificates | None = None,
    on_ready: OnReady = lambda port, owner_token: None,
) -> None:
    """Serve from the data directory of ``config`` until ``stop`` is set and everything is drained; over TLS, if there
    are certificates.

    ``on_ready`` is called once, when connections are accepted. Raises `StartError`.
    """
    async with AsyncExitStack() as stack:
        # Before the database is opened: of two servers started by mistake, the second changes nothing.
        listeners = await open_listeners(config.host, config.port)
        for listener in listeners:
            await stack.enter_async_context(listener)
        if config.store is not None and config.port:  # there are other nodes: let nobody wait for this one
            refuse_connections(listeners)
        stack.enter_context(reserved(config.data))
        stores = await stack.enter_async_context(trio.open_nursery())
        opened: OpenedStore | None = await open_aside(stores, config)
        while opened is not None:
            heir = await serve_store(
                opened.store,
                opened.config,
                listeners,
                stop=stop,
                certificates=certificates,
                read_disk=partial(read_disk, config.data),
                on_ready=on_ready,
                open_heir=partial(open_heir, stores, opened.config),
                on_moved=partial(_keep_listening, listeners, stack),
            )
            opened.close()
            opened, on_ready = heir, lambda port, owner_token: None


async def _keep_listening(listeners: list[trio.SocketListener], stack: AsyncExitStack) -> None:
    """Put duplicates into the place of listeners that are about to be closed: whoever comes while the server goes from
    one store to another waits to be accepted."""
    listeners[:] = [trio.SocketListener(listener.socket.dup()) for listener in listeners]
    for listener in listeners:
        await stack.enter_async_context(listener)


async def serve_store(
    store: Store,
    config: Config,
    listeners: list[trio.SocketListener],
    *,
    stop: trio.Event,
    certificates: Certificates | None = None,
    read_disk: Callable[[], Awaitable[Disk]] | None = None,
    on_ready: OnReady = lambda port, owner_token: None,
    now_ms: Callable[[], int] | None = None,
    open_heir: Callable[[Moved], Awaitable[OpenedStore]] | None = None,
    on_moved: Callable[[], Awaitable[object]] | None = None,
) -> OpenedStore | None:
    """Serve ``store`` on ``listeners`` until ``stop`` is set and everything is drained. Closes the listeners, not the
    store. ``read_disk`` reads the disk of the store; None if it is on none. ``now_ms`` is the wall clock of everything
    here: the store's, which all nodes have in common, if nothing else is said.

    If the chat is moved to another database, ``on_moved`` is called before the listeners are closed, and ``open_heir``
    opens the store there; it gets all that was accepted, and is returned, to be served next. Raises `StartError` if it
    cannot be opened.
    """
    now_ms = now_ms or store.now_ms
    heir: OpenedStore | None = None
    limits = ConnectionLimits(
        max_total=_max_connections(config), max_per_address=config.max_connections_per_address
    )
    if config.public_url is not None and config.plain is None:
        LOGGER.info("plain access is off, as there is a public URL; --plain switches it on")
    owner_token = await first_owner_token(store, now_ms=now_ms())
    port = listeners[0].socket.getsockname()[1]
    here = partial(network_url, config, port)
    async with open_hub(
        store,
        config,
        now_ms=now_ms,
        network_url=here,
        page_version=page_version(),
        blobs=await open_place(store, config),
    ) as hub:
        LOGGER.info("%s", hub.door.describe())
        async with trio.open_nursery() as connections:
            server = Server(hub, limits=limits, connections=connections, certificates=certificates)
            async with trio.open_nursery() as accepting:
                if read_disk is not None and config.disk_floor:
                    watch = DiskWatch(store, read_disk, floor_bytes=config.disk_floor * MIB)
                    await watch.look()
                    accepting.start_soon(watch.run)
                accepting.start_soon(Releases(store, hub.rooms, hub.presence).run)
                accepting.start_soon(trio.to_thread.run_sync, load_tables)
                accepting.start_soon(server.keep_alive)
                accepting.start_soon(log_statistics, server, hub.rooms, store)
                accepting.start_soon(collect_garbage, server.connection_counts)
                await accepting.start(partial(accept_connections, server, listeners, connections=connections))
                on_ready(port, owner_token)
                moved = await _wait_for_end(store, stop)
                server.is_ready = False
                if moved is None:
                    await trio.sleep(config.stop_delay_s)
                elif on_moved is not None:
                    await on_moved()
                accepting.cancel_scope.cancel()
            drain_s = config.drain_timeout_s
            try:
                if moved is not None and open_heir is not None:
                    drain_s = min(drain_s, MOVED_DRAIN_S)
                    heir = await _before_stopping(stop, config.drain_timeout_s, partial(open_heir, moved))
            finally:
                store.hand_over(None if heir is None else heir.store)
            server.close_http()
            connections.cancel_scope.deadline = drained_at = trio.current_time() + drain_s
            store.stop_waiting_at(drained_at + LAST_WRITES_S)
            await hub.rooms.drain()  # everything accepted so far is in the log and in the outboxes
            server.close_all()
    return heir


async def _before_stopping(
    stop: trio.Event, after_s: float, open_heir: Callable[[], Awaitable[OpenedStore]]
) -> OpenedStore | None:
    """The opened store; None if the server is to stop, and so long after that it is not open: it may never be."""

    async def watch(nursery: trio.Nursery) -> None:
        await stop.wait()
        await trio.sleep(after_s)
        nursery.cancel_scope.cancel()

    heir: OpenedStore | None = None
    failed: StartError | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch, nursery)
        try:
            heir = await open_heir()
        except StartError as error:
            failed = error  # in no group
        nursery.cancel_scope.cancel()
    if failed is not None:
        raise failed
    return heir


async def _wait_for_end(store: Store, stop: trio.Event) -> Moved | None:
    """Wait until the server is to stop (None), or the chat has moved from this store."""
    moved: Moved | None = None

    async def watch(nursery: trio.Nursery) -> None:
        nonlocal moved
        moved = await store.wait_moved()
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch, nursery)
        await stop.wait()
        nursery.cancel_scope.cancel()
    return moved


def _max_connections(config: Config) -> int:
    """The limit of connections: the configured one, but never more than there are file descriptors."""
    possible = raise_file_limit()
    if config.max_connections > possible or not config.max_connections:
        LOGGER.info("at most %d connections: the system allows no more open files", possible)
    return min(config.max_connections or possible, possible)


def _announce(config: Config, port: int, owner_token: str | None) -> None:
    """Tell the operator the addresses, and how to become the owner of a server that has none."""
    lines = [_ready_line(config, port)]
    if owner_token is not None:
        link, others = owner_links(config, port, owner_token)
        lines += [f"Become its owner, once: {link}", *([f"From another machine: {others}"] if others else [])]
    try:
        print("\n".join(lines), flush=True)  # at once: whoever waits for the first may read no further
    except OSError as error:
        # The owner link is a secret, and stays out of the log; `owner-link` prints another.
        LOGGER.warning("stdout cannot be written (%s): %s", error.strerror, lines[0])
        drop_output()


def owner_links(config: Config, port: int, token: str) -> tuple[str, str | None]:
    """The owner link at the public address or on this machine; and the one in its network, if that is another."""
    network = network_url(config, port)
    others = None if network is None else owner_link(network.rstrip("/"), token)
    link = owner_link(page_address(config, port), token)
    return link, None if others == link else others


def _ready_line(config: Config, port: int) -> str:
    """The line that tells the operator the addresses, on this machine and for others."""
    here = address_here(config, port)
    if config.public_url is not None:
        return f"trio-chat {__version__} is ready at {config.public_url} (on this machine: {here})"
    network = network_url(config, port)
    others = f" (from other machines: {network.rstrip('/')})" if network and network != f"{here}/" else ""
    return f"trio-chat {__version__} is ready at {here}{others}"
