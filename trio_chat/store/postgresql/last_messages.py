"""When people wrote last, where that matters: asked of the log, as other nodes write to it as well. Synchronous."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from trio_chat.store.sql.standing_facts import ANYWHERE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_chat.store.postgresql.connection import PostgresqlConnection

WINDOW: Final = 1_000
"""In a slow room somebody's last message is looked for among so many of its newest events."""


class LastMessages(Mapping[tuple[int | None, str], int]):
    """When a person (id) wrote last in a room (id), or `ANYWHERE`; 0: not that one knows."""

    def __init__(self, connection: PostgresqlConnection) -> None:
        self._connection = connection

    def __getitem__(self, key: tuple[int | None, str]) -> int:
        room_id, person = key
        if room_id == ANYWHERE:  # asked for newcomers: they have not written much yet
            found = self._connection.execute(
                """
                SELECT max(at_ms) FROM events
                WHERE sender = ? AND client_id IS NOT NULL AND kind IN ('message', 'post')
                """,
                (person,),
            )
        else:
            found = self._connection.execute(
                """
                SELECT max(at_ms) FROM (
                    SELECT sender, kind, at_ms FROM events WHERE room_id = ? ORDER BY seq DESC LIMIT ?
                ) AS newest WHERE sender = ? AND kind IN ('message', 'post')
                """,
                (room_id, WINDOW, person),
            )
        return found.get or 0

    def __contains__(self, key: object) -> bool:
        """There is an answer about everybody. (By default it is looked for, and then asked once more.)"""
        return True

    def __iter__(self) -> Iterator[tuple[int | None, str]]:
        raise TypeError("They are asked for one by one.")

    def __len__(self) -> int:
        raise TypeError("They are asked for one by one.")
