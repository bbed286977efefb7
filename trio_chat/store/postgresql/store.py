"""The `Store` over PostgreSQL connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trio_chat.errors import StoreUnavailable
from trio_chat.store.sql.store import SqlStore, reads

if TYPE_CHECKING:
    from trio_chat.model.records import AlbumPage, SearchResults
    from trio_chat.store.base import Store


class PostgresqlStore(SqlStore):
    """`SqlStore` with what PostgreSQL does in its own way."""

    async def find(self, *_args: Any, **_kwargs: Any) -> SearchResults:  # noqa: ANN401
        """See `Store`."""
        raise StoreUnavailable("The search is not there yet where several servers share a database.")

    async def album(self, *_args: Any, **_kwargs: Any) -> AlbumPage:  # noqa: ANN401
        """See `Store`."""
        raise StoreUnavailable("Albums are not there yet where several servers share a database.")

    reusable_bytes = reads(lambda _connection: 0)
    """Nobody but PostgreSQL knows what is free in its files."""


if TYPE_CHECKING:
    _fulfils: type[Store] = PostgresqlStore
