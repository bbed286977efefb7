"""Moving a chat from one store to another, from the command line, beside the servers that serve it."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import attrs

from trio_chat.config.config import build_config
from trio_chat.config.setting import BadSetting
from trio_chat.errors import StartError
from trio_chat.ops.stores import IN_DATA, store_of
from trio_chat.store.moving.move import forget_address, give_up, has_moved, is_begun, move

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_chat.config.config import Config
    from trio_chat.store.moving.move import Summary

GONE_ON_S: Final = 5.0
"""So long after a move servers may take to see where the chat is: they look each second."""


def move_chat(
    config: Config,
    to: str,
    *,
    report: Callable[[int, int], object],
    at: Callable[[str], object] = lambda stage: None,
) -> str:
    """Move the chat from the store of this configuration to another one; a sentence about what was done.

    ``report`` is told how many events are copied, of how many; for ``at`` see `move`. Raises `StartError`, which says
    where the chat is then.
    """
    target_config = _config_of_target(config, to)
    try:
        name, done = _move(config, target_config, report, at)
    except StartError as error:
        raise StartError(f"{error} {_advice(config)}".strip()) from error
    how = "without --store" if target_config.store is None else f"with --store {name}"
    found = "" if done is None else f": {done.rooms} rooms and {done.events} events, compared"
    waited = "" if done is None else f" Writing waited for {done.sealed_s:.2f} seconds."
    return (
        f"The chat is in {name} now{found}.{waited} A server that is running goes on there by itself; "
        f"start it {how} from now on."
    )


def _move(
    config: Config,
    target_config: Config,
    report: Callable[[int, int], object],
    at: Callable[[str], object],
) -> tuple[str, Summary | None]:
    """Move the chat; the name of the place where it is, and what was moved."""
    with (
        store_of(config).move_source() as source,
        store_of(target_config).move_target(is_begun=has_moved(source)) as target,
    ):
        if target_config.store is None and source.n_servers() > 1:
            raise StartError(
                f"{source.n_servers()} servers use {source.name}, and a file is for one: stop all but the one on this "
                "machine, and try again."
            )
        done = move(source, target, report=report, at=at)
        if target.address != target.name:
            if source.n_servers():
                time.sleep(GONE_ON_S)
            forget_address(source)
        return target.name, done


def give_up_move(config: Config) -> str:
    """Forget a move that was begun from the store of this configuration; a sentence about what was done.

    Raises `StartError` if the chat has moved.
    """
    with store_of(config).move_source() as source:
        if has_moved(source):
            raise StartError(f"The chat has moved from {source.name}: there is nothing to give up.")
        give_up(source)
        return f"The chat stays in {source.name}. What was copied of it is of no use any more: remove that."


def _config_of_target(config: Config, to: str) -> Config:
    """The configuration of a server that serves the target. Raises `StartError`."""
    if to == IN_DATA:
        if config.store is None:
            raise StartError(
                "The chat is in that file already. Name the database that it is in with --store."
            )
        return attrs.evolve(config, store=None)
    try:
        store = build_config(flags={"store": to}).store
    except BadSetting as error:
        raise StartError(str(error).replace("--store", "--to", 1)) from None
    if store == config.store:
        raise StartError("That is where the chat is.")
    return attrs.evolve(config, store=store)


def _advice(config: Config) -> str:
    """Where the chat is after a move that failed, and what to do; nothing if that cannot be said."""
    with suppress(StartError), store_of(config).move_source() as source:
        if has_moved(source):
            return "The chat has moved: run the same command again, to complete it."
        if is_begun(source):
            return (
                f"The chat is still in {source.name}, and nothing is lost. Run the same command again to go on, or "
                "trio-chat move --give-up."
            )
        return f"The chat is still in {source.name}, and nothing was changed there."
    return ""
