"""The `Store` over PostgreSQL connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.store.sql import name_claims
from trio_chat.store.sql.store import SqlStore, reads, writes_always

if TYPE_CHECKING:
    from trio_chat.store.base import Store


class PostgresqlStore(SqlStore):
    """`SqlStore` with what PostgreSQL does in its own way."""

    claim_name = writes_always(name_claims.claim_name)
    keep_claims = writes_always(name_claims.keep_claims)
    reusable_bytes = reads(lambda _connection: 0)
    """Nobody but PostgreSQL knows what is free in its files."""


if TYPE_CHECKING:
    _fulfils: type[Store] = PostgresqlStore
