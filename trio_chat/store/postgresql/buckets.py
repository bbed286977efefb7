"""Buckets: what several servers count together. Synchronous; to be called in the writer's transaction.

As a `TokenBucket` each is the moment at which it will be full again. Nothing else is kept of what was counted, and not
even that once it is full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from trio_chat.store.sql.connection import Connection

FORGOTTEN_AT_ONCE: Final = 10


def charge(connection: Connection, bucket: bytes, at_ms: int, *, n: float, period_ms: int) -> int:
    """See `Store.charge`."""
    connection.execute(
        f"""
        DELETE FROM buckets WHERE key IN (
            SELECT key FROM buckets WHERE full_ms <= ? LIMIT {FORGOTTEN_AT_ONCE} FOR UPDATE SKIP LOCKED
        )
        """,
        (at_ms,),
    )
    each_ms = int(period_ms / n)
    if each_ms <= period_ms:
        greatest = connection.dialect.greatest
        counted = connection.execute(
            f"""
            INSERT INTO buckets (key, full_ms) VALUES (?1, ?2 + ?3)
            ON CONFLICT (key) DO UPDATE SET full_ms = {greatest}(buckets.full_ms, ?2) + ?3
                WHERE buckets.full_ms + ?3 <= ?4
            RETURNING 1
            """,
            (bucket, at_ms, each_ms, at_ms + period_ms),
        )
        if counted.get is not None:
            return 0
    full_ms = connection.execute("SELECT full_ms FROM buckets WHERE key = ?", (bucket,)).get
    return max((at_ms if full_ms is None else int(full_ms)) + each_ms - at_ms - period_ms, 1)
