"""Device codes, by their hashes, and how often codes are tried. Synchronous; writes belong into the writer's
transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.store.sql.devices import lock_person

if TYPE_CHECKING:
    from trio_chat.store.sql.connection import Connection

GUESSES_KEPT_MS = 60_000
"""A bucket that has been full for so long is forgotten, which makes no difference."""


def add_device_code(
    connection: Connection, person: str, code_hash: bytes, *, at_ms: int, ends_ms: int, max_codes: int
) -> None:
    """See `Store.add_device_code`."""
    lock_person(connection, person)  # so that nobody else makes one for them meanwhile
    connection.execute("DELETE FROM device_codes WHERE ends_ms <= ?", (at_ms,))
    connection.execute(
        """
        INSERT INTO device_codes (hash, person_id, n, ends_ms)
        SELECT ?1, ?2, 1 + coalesce(max(n), 0), ?3 FROM device_codes WHERE person_id = ?2
        ON CONFLICT (hash) DO UPDATE SET person_id = excluded.person_id, n = excluded.n, ends_ms = excluded.ends_ms
        """,
        (code_hash, person, ends_ms),
    )
    connection.execute(
        """
        DELETE FROM device_codes WHERE person_id = ?1 AND n <= (
            SELECT n FROM device_codes WHERE person_id = ?1 ORDER BY n DESC LIMIT 1 OFFSET ?2
        )
        """,
        (person, max_codes),
    )


def find_device_code(connection: Connection, code_hash: bytes, *, at_ms: int) -> str | None:
    """See `Store.find_device_code`."""
    found = connection.execute(
        "SELECT person_id FROM device_codes WHERE hash = ? AND ends_ms > ?", (code_hash, at_ms)
    ).get
    return None if found is None else str(found)


def use_device_code(connection: Connection, code_hash: bytes, *, at_ms: int) -> str | None:
    """See `Store.use_device_code`."""
    found = connection.execute(
        "DELETE FROM device_codes WHERE hash = ? AND ends_ms > ? RETURNING person_id", (code_hash, at_ms)
    ).get
    return None if found is None else str(found)


def charge_guess(
    connection: Connection, source: bytes, at_ms: int, *, per_guess_ms: int, at_once: int
) -> int:
    """See `Store.charge_guess`."""
    greatest = connection.dialect.greatest
    connection.execute("DELETE FROM guesses WHERE full_ms <= ?", (at_ms - GUESSES_KEPT_MS,))
    for bucket in (source, _OF_ALL):
        # Like `TokenBucket`: what is kept is when the bucket will be full again.
        counted = connection.execute(
            f"""
            INSERT INTO guesses (source, full_ms) VALUES (?1, ?2 + ?3)
            ON CONFLICT (source) DO UPDATE SET full_ms = {greatest}(guesses.full_ms, ?2) + ?3
                WHERE guesses.full_ms + ?3 <= ?4
            RETURNING full_ms
            """,
            (bucket, at_ms, per_guess_ms, at_ms + per_guess_ms * at_once),
        )
        if counted.get is not None:
            return 0
    full_ms = connection.execute("SELECT full_ms FROM guesses WHERE source = ?", (source,)).get
    assert isinstance(full_ms, int)
    return max(full_ms + per_guess_ms - at_ms - per_guess_ms * at_once, 1)


_OF_ALL = b""
"""The bucket that is shared by the sources which have used up their own, so that these take nothing from others."""
