"""The `Store` over SQLite connections, wherever the database is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.store.sql.store import SqlStore, reads, searches
from trio_chat.store.sqlite import album, search
from trio_chat.store.sqlite.file import reusable_bytes

if TYPE_CHECKING:
    from trio_chat.store.base import Store


class SqliteStore(SqlStore):
    """`SqlStore` with what SQLite searches and reuses in its own way."""

    find = searches(search.find)
    album = searches(album.album)  # last, for it hides the module

    reusable_bytes = reads(reusable_bytes)


if TYPE_CHECKING:
    _fulfils: type[Store] = SqliteStore
