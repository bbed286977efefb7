"""Stores for the contract suites: each test of them is one of the store in memory, and one of SQLite's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.support.memory_store import MemoryDisk, open_memory_store
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from typing import TypeAlias

    from trio_chat.store.base import Store

    OpenStore: TypeAlias = Callable[[], AbstractAsyncContextManager[Store]]


@pytest.fixture(params=["memory", "sqlite"])
def open_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OpenStore:
    """Opens a store; each time on the same data."""
    if request.param == "memory":
        return partial(open_memory_store, MemoryDisk())
    path = tmp_path_factory.mktemp("data") / "chat.db"
    return partial(open_sqlite_store, path, synchronous="OFF")


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store() as store:
        yield store
