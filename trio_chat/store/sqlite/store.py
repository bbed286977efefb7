"""The `Store` over SQLite connections, wherever the database is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.store.sql.store import SqlStore, reads
from trio_chat.store.sqlite.file import reusable_bytes

if TYPE_CHECKING:
    from trio_chat.store.base import Store


class SqliteStore(SqlStore):
    """`SqlStore` with what only SQLite reuses."""

    reusable_bytes = reads(reusable_bytes)


if TYPE_CHECKING:
    _fulfils: type[Store] = SqliteStore
