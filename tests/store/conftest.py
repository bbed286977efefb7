"""Stores for the contract suites: each test of them is one of the store in memory, of SQLite's, and of PostgreSQL's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.support.memory_store import MemoryDisk, open_memory_store
from tests.support.postgresql import cluster
from trio_chat.store.postgresql.open import open_postgresql_store
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from typing import TypeAlias

    from trio_chat.store.base import Store

    OpenStore: TypeAlias = Callable[[], AbstractAsyncContextManager[Store]]


@pytest.fixture(scope="session")
def postgresql_template() -> str:
    """The database that others are copied from. It has to be made outside of Trio."""
    return cluster().template


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def open_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OpenStore:
    """Opens a store; each time on the same data."""
    match request.param:
        case "memory":
            return partial(open_memory_store, MemoryDisk())
        case "sqlite":
            return partial(open_sqlite_store, tmp_path_factory.mktemp("data") / "chat.db", synchronous="OFF")
        case _:
            return partial(open_postgresql_store, request.getfixturevalue("database"))


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[Store]:
    """An empty store."""
    async with open_store() as store:
        yield store
