"""Names of guests, who have them as long as they are here. Synchronous; writes belong into the writer's transaction.

A server alone knows its guests. Where several use one database, each claims the names of its own in the table
``name_claims``, for a short time and again as long as they are there: so a server that is gone leaves none behind.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trio_chat.model.lookalikes import folded_form, name_forms

if TYPE_CHECKING:
    from collections.abc import Collection

    from trio_chat.store.sql.connection import Connection


def is_name_known(connection: Connection, name_key: str) -> bool:
    """See `Store.is_name_known`."""
    found = connection.execute(
        "SELECT 1 FROM name_forms WHERE form = ? AND until_ms IS NULL", (folded_form(name_key),)
    )
    return found.get is not None


def lock_name(connection: Connection, forms: Collection[str], name_key: str) -> None:
    """Keep everybody else from taking a name that looks so until the transaction ends."""
    connection.lock("name", {*forms, name_key})


def is_claimed(connection: Connection, forms: Collection[str], at_ms: int) -> bool:
    """Whether a guest of any server has a name of one of these forms."""
    if not connection.dialect.has_nodes:
        return False
    found = connection.execute(
        f"SELECT 1 FROM name_claims WHERE form IN {connection.dialect.texts} AND ends_ms > ?",
        (json.dumps(list(forms)), at_ms),
    )
    return found.get is not None


def claim_alone(
    connection: Connection,
    node: str,
    name: str,
    name_key: str,
    *,
    at_ms: int,
    ends_ms: int,
) -> bool:
    """`Store.claim_name` where there is one server: it knows to which guests it has given a name."""
    return not is_name_known(connection, name_key)


def keep_alone(connection: Connection, node: str, forms: Collection[str], *, ends_ms: int) -> None:
    """`Store.keep_claims` where there is one server."""


def claim_name(
    connection: Connection, node: str, name: str, name_key: str, *, at_ms: int, ends_ms: int
) -> bool:
    """See `Store.claim_name`."""
    forms = name_forms(name, name_key)
    lock_name(connection, forms, name_key)
    if is_name_known(connection, name_key) or is_claimed(connection, forms, at_ms):
        return False
    connection.executemany(
        """
        INSERT INTO name_claims (form, node, ends_ms) VALUES (?, ?, ?)
        ON CONFLICT (form) DO UPDATE SET node = excluded.node, ends_ms = excluded.ends_ms
        """,
        [(form, node, ends_ms) for form in sorted(forms)],
    )
    return True


def keep_claims(connection: Connection, node: str, forms: Collection[str], *, ends_ms: int) -> None:
    """See `Store.keep_claims`."""
    connection.execute(
        f"DELETE FROM name_claims WHERE node = ?1 AND form NOT IN {connection.dialect.texts}",
        (node, json.dumps(list(forms))),
    )
    connection.execute("UPDATE name_claims SET ends_ms = ? WHERE node = ?", (ends_ms, node))
