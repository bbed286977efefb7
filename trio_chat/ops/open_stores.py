"""The open store of a server, and the one that it goes on with when the chat has moved to another database."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import trio

from trio_chat.config.setting import StoreAddress
from trio_chat.errors import StartError
from trio_chat.ops.stores import DATABASE, open_store, store_of
from trio_chat.store.sql.meta import note
from trio_chat.store.sql.moves import WAITING

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_chat.config.config import Config
    from trio_chat.store.base import Store
    from trio_chat.store.moved import Moved

LOGGER = logging.getLogger(__name__)

HEIR_S: Final = 20.0
"""So long it is tried to open the store that a chat was moved to: the command that moves it may still be at it."""

RETRIED_EACH_S: Final = 0.1


@attrs.frozen
class OpenedStore:
    """A store that is open until `close`."""

    store: Store
    config: Config
    """The configuration with this store."""
    close: Callable[[], object]
    """Sync: it closes soon after, before its nursery is left."""


async def open_aside(stores: trio.Nursery, config: Config) -> OpenedStore:
    """Open the store of a configuration in a task of its own, so that it may be closed before or after another one.

    Raises `StartError`.
    """
    opened: OpenedStore = await stores.start(_hold, config)
    return opened


async def _hold(
    config: Config, *, task_status: trio.TaskStatus[OpenedStore] = trio.TASK_STATUS_IGNORED
) -> None:
    closing = trio.Event()
    async with open_store(config) as store:
        task_status.started(OpenedStore(store, config, closing.set))
        await closing.wait()


async def open_heir(stores: trio.Nursery, config: Config, moved: Moved) -> OpenedStore:
    """Open the store that the chat was moved to. Raises `StartError` if that cannot be from here, or not in time."""
    LOGGER.info("the chat has moved to %s: going on there", moved.shown)
    heirs_config = _config_of_heir(config, moved)
    until = trio.current_time() + HEIR_S
    while True:
        try:
            # The command may have been killed before it had opened what it moved to.
            await trio.to_thread.run_sync(_complete, heirs_config, moved)
            opened = await open_aside(stores, heirs_config)
        except StartError as error:
            if trio.current_time() > until:
                raise StartError(
                    f"The chat has moved to {moved.shown}, and cannot be gone on with there. {error}"
                ) from error
            await trio.sleep(RETRIED_EACH_S)
        else:
            how = "without --store" if heirs_config.store is None else f"with --store {moved.shown}"
            LOGGER.warning("the chat is in %s now: start this server %s from now on", moved.shown, how)
            return opened


def _config_of_heir(config: Config, moved: Moved) -> Config:
    if "://" in moved.to:
        return attrs.evolve(config, store=StoreAddress(moved.to))
    if Path(moved.to) != (config.data / DATABASE).resolve():
        raise StartError(f"The chat has moved to {moved.shown}. Start a server with that file.")
    return attrs.evolve(config, store=None)


def _complete(config: Config, moved: Moved) -> None:
    """Open the target of a move whose source says that it has moved, if nobody else does. Synchronous."""
    with suppress(StartError), store_of(config).move_target(is_begun=True) as target:
        if note(target.connection, WAITING) == moved.move:
            target.open()
