"""Owner links: whoever opens one becomes an owner of the server, once. Only the operator sees them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from trio_chat.model.times import DAY_MS
from trio_chat.model.tokens import hash_of

if TYPE_CHECKING:
    from trio_chat.store.base import Store

TOKEN_BYTES = 16
"""128 bits, in 22 characters."""

LIFE_MS = DAY_MS


async def first_owner_token(store: Store, *, now_ms: int) -> str | None:
    """The token of a new owner link, if the server has no owner yet; else None. Raises `StoreError`."""
    if await store.has_owner():
        return None
    token = new_token()
    await store.add_owner_link(hash_of(token), ends_ms=now_ms + LIFE_MS, at_ms=now_ms)
    return token


def new_token() -> str:
    """The token of a new owner link."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def owner_link(address: str, token: str) -> str:
    """The link, into the page at this address (without a slash at its end)."""
    return f"{address}/#own={token}"
