"""Chores: what one node does for all, as long as it has a lease. Synchronous; to be called in the writer's transaction.

The table is unlogged, as the leases are: after a crash of the server each chore goes to whoever asks first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.store.postgresql.leases import LEASE_S

if TYPE_CHECKING:
    from trio_chat.store.sql.connection import Connection


def take_chore(connection: Connection, node: str, chore: str) -> bool:
    """See `Store.take_chore`: whether it is this node's, as it was, or as nobody who lives has it."""
    taken = connection.execute(
        """
        INSERT INTO chores (name, node) VALUES (?, ?)
        ON CONFLICT (name) DO UPDATE SET node = excluded.node
            WHERE chores.node = excluded.node OR NOT EXISTS (
                SELECT 1 FROM leases
                WHERE leases.node = chores.node AND beat_at > now() - make_interval(secs => ?::int)
            )
        RETURNING 1
        """,
        (chore, node, LEASE_S),
    )
    return taken.get is not None
