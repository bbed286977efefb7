"""Damage: the files of a log are taken, changed by hand, and put back, as disks and people do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw

from trio_chat.model.events import Draft, Event
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from trio_chat.store.base import Store

BIG = 10**9

Files = dict[str, bytes]
"""Contents of the files of a directory, by name."""


def drafts(*bodies: str) -> list[Draft]:
    """Drafts of messages with these texts, each under an idempotency key of its own."""
    return [Draft("message", "p-1", "Ada", f"c-{body}", body) for body in bodies]


async def whole(store: Store, room: str = "lobby") -> list[Event]:
    """All events of a room."""
    return await store.read_after(room, 0, limit=BIG, max_bytes=BIG)


async def logged(opening: AbstractAsyncContextManager[Store]) -> list[Event]:
    """All events of the lobby, of a store that is opened for that."""
    async with opening as store:
        return await whole(store)


async def bodies(store: Store, room: str = "lobby") -> list[str | None]:
    """All texts of a room."""
    return [event.body for event in await whole(store, room)]


def by_hand(path: Path, statement: str) -> list[tuple[object, ...]]:
    """Run a statement on a database behind the store's back, and return its rows."""
    connection = apsw.Connection(str(path))
    try:
        return list(connection.execute(statement))
    finally:
        connection.close()


def take(directory: Path) -> Files:
    """The files of a directory, as a crash at this moment would leave them."""
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def put(directory: Path, files: Files) -> None:
    """Make these the only files of a directory."""
    directory.mkdir(exist_ok=True)
    for file in directory.iterdir():
        file.unlink()
    for name, content in files.items():
        (directory / name).write_bytes(content)


async def small_log(path: Path) -> None:
    """Make a log of five events in the lobby and two in the kitchen."""
    async with open_sqlite_store(path) as store:
        await store.append("lobby", drafts("a", "b", "c", "d", "e"), at_ms=1)
        await store.append("kitchen", drafts("k", "l"), at_ms=1)


def flipped(content: bytes, bit: int) -> bytes:
    """The content with one bit changed."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)
