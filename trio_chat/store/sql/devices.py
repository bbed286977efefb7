"""Devices: their tokens, and people's recovery codes. Synchronous; writes belong into the writer's transaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trio_chat.model.events import Person
from trio_chat.model.records import Device, Login, ServerIdentity

if TYPE_CHECKING:
    from collections.abc import Collection

    from trio_chat.store.sql.connection import Connection


def server_identity(connection: Connection) -> ServerIdentity:
    """See `Store.server_identity`."""
    found = dict(connection.execute("SELECT key, value FROM meta WHERE key IN ('server', 'token_key')"))
    return ServerIdentity(str(found["server"]), bytes.fromhex(str(found["token_key"])))


def lock_person(connection: Connection, person_id: str) -> None:
    """Nobody else changes what the person is and has until the transaction ends. Raises `KeyError` if there is none."""
    person = f"SELECT 1 FROM people WHERE id = ? {connection.dialect.for_update}"
    if connection.execute(person, (person_id,)).get is None:
        raise KeyError(person_id)


def add_device(
    connection: Connection, person_id: str, device: Device, *, token_hash: bytes, max_devices: int
) -> list[str]:
    """See `Store.add_device`."""
    lock_person(connection, person_id)  # so that nobody else adds one meanwhile
    insert_device(connection, person_id, device, token_hash)
    others = connection.execute(
        "SELECT id FROM devices WHERE person_id = ? AND id <> ? ORDER BY used_ms DESC, created_ms DESC",
        (person_id, device.id),
    ).fetchall()
    return _remove(connection, [str(device_id) for (device_id,) in others[max_devices - 1 :]])


def insert_device(connection: Connection, person_id: str, device: Device, token_hash: bytes) -> None:
    """Save a device with its first token."""
    connection.execute(
        "INSERT INTO devices (id, person_id, name, created_ms, used_ms) VALUES (?, ?, ?, ?, ?)",
        (device.id, person_id, device.name, device.created_ms, device.used_ms),
    )
    connection.execute(
        "INSERT INTO tokens (hash, device_id, issued_ms) VALUES (?, ?, ?)",
        (token_hash, device.id, device.created_ms),
    )


def find_login(connection: Connection, token_hash: bytes) -> Login | None:
    """See `Store.find_login`."""
    return login_by(connection, "hash", token_hash)


def login_by(connection: Connection, column: str, token_hash: bytes) -> Login | None:
    """What the token stands for that has this in a column of the table ``tokens``; None if none has."""
    found: Any = connection.execute(
        f"""
        SELECT issued_ms,
            EXISTS (SELECT 1 FROM tokens AS other
                WHERE other.device_id = devices.id AND other.issued_ms < tokens.issued_ms),
            EXISTS (SELECT 1 FROM recovery_codes WHERE recovery_codes.person_id = people.id),
            coalesce(known_ms, created_at_ms),
            devices.id, devices.name, devices.created_ms, devices.used_ms,
            people.id, people.name, colour, picture
        FROM tokens JOIN devices ON devices.id = device_id JOIN people ON people.id = devices.person_id
        WHERE {column} = ?
        """,
        (token_hash,),
    ).fetchone()
    if found is None:
        return None
    issued_ms, replaces_another, has_recovery, known_ms, *rest = found
    return Login(
        Person(*rest[4:]),
        Device(*rest[:4]),
        issued_ms,
        bool(replaces_another),
        has_recovery=bool(has_recovery),
        known_ms=known_ms,
    )


def use_device(
    connection: Connection,
    token_hash: bytes,
    at_ms: int,
    *,
    name: str | None = None,
    next_hash: bytes | None = None,
    is_settled: bool = False,
) -> bool:
    """See `Store.use_device`."""
    found: Any = connection.execute(
        "SELECT device_id, issued_ms FROM tokens WHERE hash = ?", (token_hash,)
    ).fetchone()
    if found is None:
        return False
    device_id, issued_ms = found
    device = connection.execute(
        f"UPDATE devices SET used_ms = {connection.dialect.greatest}(used_ms, ?), name = coalesce(?, name) "
        "WHERE id = ? RETURNING id",
        (at_ms, name, device_id),
    )
    if device.get is None:  # another node logs it out just now
        return False
    if is_settled:
        connection.execute("DELETE FROM tokens WHERE device_id = ? AND issued_ms < ?", (device_id, issued_ms))
    if next_hash is not None:
        connection.execute(
            "INSERT INTO tokens (hash, device_id, issued_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (next_hash, device_id, at_ms),
        )
    return True


def note_devices_used(connection: Connection, ids: Collection[str], at_ms: int) -> None:
    """See `Store.note_devices_used`."""
    dialect = connection.dialect
    connection.execute(
        f"""
        UPDATE devices SET used_ms = {dialect.greatest}(used_ms, ?) WHERE id IN (
            SELECT id FROM devices WHERE id IN {dialect.texts} ORDER BY id {dialect.for_update}
        )
        """,
        (at_ms, json.dumps(list(ids))),
    )


def gone_devices(connection: Connection, ids: Collection[str]) -> list[str]:
    """See `Store.gone_devices`."""
    found = connection.execute(
        f"""
        SELECT asked.id FROM {connection.dialect.rows_of("id text")} AS asked
        WHERE NOT EXISTS (SELECT 1 FROM devices WHERE devices.id = asked.id)
        """,
        (json.dumps([[device] for device in ids]),),
    )
    return [str(device) for (device,) in found]


def devices(connection: Connection, person_id: str) -> list[Device]:
    """See `Store.devices`."""
    found: list[Any] = connection.execute(
        "SELECT id, name, created_ms, used_ms FROM devices WHERE person_id = ? ORDER BY used_ms DESC, id",
        (person_id,),
    ).fetchall()
    return [Device(*row) for row in found]


def remove_devices(
    connection: Connection, person_id: str, *, only: str | None = None, but: str | None = None
) -> list[str]:
    """See `Store.remove_devices`."""
    found = connection.execute(
        "SELECT id FROM devices WHERE person_id = ? AND id = coalesce(?, id) AND id IS DISTINCT FROM ?",
        (person_id, only, but),
    ).fetchall()
    connection.execute("DELETE FROM device_codes WHERE person_id = ?", (person_id,))
    return _remove(connection, [str(device_id) for (device_id,) in found])


def set_recovery_code(connection: Connection, person_id: str, code_hash: bytes, at_ms: int) -> None:
    """See `Store.set_recovery_code`."""
    connection.execute(
        """
        INSERT INTO recovery_codes (person_id, hash, at_ms) VALUES (?, ?, ?)
        ON CONFLICT (person_id) DO UPDATE SET hash = excluded.hash, at_ms = excluded.at_ms
        """,
        (person_id, code_hash, at_ms),
    )


def recovery_code_made(connection: Connection, person_id: str) -> int | None:
    """See `Store.recovery_code_made`."""
    at_ms = connection.execute("SELECT at_ms FROM recovery_codes WHERE person_id = ?", (person_id,)).get
    assert at_ms is None or isinstance(at_ms, int)
    return at_ms


def find_recovery_code(connection: Connection, code_hash: bytes) -> str | None:
    """See `Store.find_recovery_code`."""
    found = connection.execute("SELECT person_id FROM recovery_codes WHERE hash = ?", (code_hash,)).get
    return None if found is None else str(found)


def _remove(connection: Connection, ids: list[str]) -> list[str]:
    if not ids:
        return []
    texts, for_update = connection.dialect.texts, connection.dialect.for_update
    # Locked, so that nobody adds a token to one of them meanwhile.
    connection.execute(
        f"SELECT id FROM devices WHERE id IN {texts} ORDER BY id {for_update}", (json.dumps(ids),)
    ).fetchall()
    for table, column in (("tokens", "device_id"), ("devices", "id")):
        connection.execute(f"DELETE FROM {table} WHERE {column} IN {texts}", (json.dumps(ids),))
    return ids
