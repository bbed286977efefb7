"""Erasing texts. Synchronous, inside the writer's transaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.store.sql.connection import Connection


def erase_texts(connection: Connection, room_id: int, targets: Sequence[int]) -> None:
    """Erase the bodies of these messages and of their edits, and the salts that prove them."""
    ints = connection.dialect.ints
    wanted = json.dumps(targets)
    found = connection.execute(
        f"""
        SELECT seq, coalesce(octet_length(body), 0) FROM events WHERE room_id = ? AND seq IN (
            SELECT * FROM {ints} AS wanted UNION SELECT seq FROM edits WHERE room_id = ? AND target IN {ints}
        )
        """,
        (room_id, wanted, room_id, wanted),
    ).fetchall()
    connection.execute(
        "UPDATE rooms SET bytes = bytes - ? WHERE id = ?", (sum(size for _, size in found), room_id)
    )
    erased = [seq for seq, _ in found]
    connection.execute(
        f"UPDATE events SET body = NULL, salt = NULL WHERE room_id = ? AND seq IN {ints}",
        (room_id, json.dumps(erased)),
    )
    connection.wipe_around("events", "room_id, seq", [(room_id, seq) for seq in erased])
