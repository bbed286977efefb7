"""People: names, profiles and pictures. Synchronous; writes belong into the writer's transaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from trio_chat.errors import NameTaken, Refused
from trio_chat.kinds.facts import personal_room
from trio_chat.model.files import picture_name
from trio_chat.model.lookalikes import name_forms
from trio_chat.model.names import KEPT_NAME_MS, KEPT_NAMES
from trio_chat.model.records import Picture, Profile
from trio_chat.store.sql import list_changes
from trio_chat.store.sql.append_rows import make_room
from trio_chat.store.sql.devices import insert_device, lock_person
from trio_chat.store.sql.files import find_file, show_picture
from trio_chat.store.sql.history import find_room_id
from trio_chat.store.sql.name_claims import is_claimed, lock_name

if TYPE_CHECKING:
    from collections.abc import Collection

    from trio_chat.model.events import Person
    from trio_chat.model.records import Device
    from trio_chat.store.sql.connection import Connection

NAMESAKES_LOOKED_AT: Final = 100
"""So many people whose names begin alike, and of the events of each so many, tell who is known in a public room."""


def add_person(
    connection: Connection,
    person: Person,
    *,
    name_key: str,
    device: Device,
    token_hash: bytes,
    known_ms: int | None = None,
    invited_by: str | None = None,
) -> None:
    """See `Store.add_person`."""
    at_ms = device.created_ms
    forms = _free_forms(connection, person.id, person.name, name_key, at_ms)
    connection.execute(
        "INSERT INTO people (id, name, name_key, created_at_ms, known_ms, invited_by) VALUES (?, ?, ?, ?, ?, ?)",
        (person.id, person.name, name_key, at_ms, known_ms, invited_by),
    )
    _take_forms(connection, person.id, forms)
    insert_device(connection, person.id, device, token_hash)


def people(connection: Connection, ids: Collection[str]) -> list[Profile]:
    """See `Store.people`."""
    found: list[Any] = connection.execute(
        f"""
        SELECT id, name, colour, picture, seen_ms, shows_seen, shows_receipts, shows_typing FROM people
        WHERE id IN {connection.dialect.texts} ORDER BY name_key
        """,
        (json.dumps(list(ids)),),
    ).fetchall()
    return [
        Profile(person_id, name, colour, picture_hash, seen_ms, *map(bool, shows))
        for person_id, name, colour, picture_hash, seen_ms, *shows in found
    ]


def people_named(connection: Connection, room: str, beginning: str, limit: int) -> list[str]:
    """See `Store.people_named`."""
    found: list[Any] = connection.execute(
        """
        WITH place AS (SELECT id, kind FROM rooms WHERE name = ?1),
        members_named AS (
            SELECT people.id, name_key FROM members JOIN people ON people.id = person_id
            WHERE room_id = (SELECT id FROM place) AND role <> 'asked' AND name_key >= ?2 AND name_key < ?3
            ORDER BY name_key LIMIT ?4
        ),
        authors_named AS (
            SELECT id, name_key FROM (
                SELECT id, name_key FROM people
                WHERE (SELECT kind FROM place) = 'public' AND name_key >= ?2 AND name_key < ?3
                ORDER BY name_key LIMIT ?5
            ) AS person
            WHERE (SELECT id FROM place) IN (
                SELECT room_id FROM (
                    SELECT room_id FROM events WHERE sender = person.id AND client_id IS NOT NULL
                    ORDER BY client_id DESC LIMIT ?5
                ) AS latest
            )
        )
        SELECT id FROM (SELECT * FROM members_named UNION SELECT * FROM authors_named) AS named
        ORDER BY name_key LIMIT ?4
        """,
        (room, beginning, beginning + "\U0010ffff", limit, NAMESAKES_LOOKED_AT),
    ).fetchall()
    return [person_id for (person_id,) in found]


def set_profile(
    connection: Connection,
    person_id: str,
    *,
    at_ms: int,
    name: str | None = None,
    name_key: str | None = None,
    colour: int | None = None,
    picture: Picture | None = None,
    upload: str = "",
    no_picture: bool = False,
    shows_seen: bool | None = None,
    shows_receipts: bool | None = None,
    shows_typing: bool | None = None,
) -> Profile:
    """See `Store.set_profile`."""
    lock_person(connection, person_id)
    if upload:
        _check_upload(connection, person_id, upload)
    if name is not None and name_key is not None:
        forms = _free_forms(connection, person_id, name, name_key, at_ms)
        _give_up_name(connection, person_id, at_ms)
        _take_forms(connection, person_id, forms)
    connection.execute(
        """
        UPDATE people SET name = coalesce(?, name), name_key = coalesce(?, name_key),
            colour = coalesce(?, colour), shows_seen = coalesce(?, shows_seen),
            shows_receipts = coalesce(?, shows_receipts), shows_typing = coalesce(?, shows_typing)
        WHERE id = ?
        """,
        (name, name_key, colour, shows_seen, shows_receipts, shows_typing, person_id),
    )
    if picture is not None or upload or no_picture:
        _set_picture(connection, person_id, picture, upload)
    list_changes.note_rooms(connection, "SELECT room_id FROM pairs WHERE person_id = ?", (person_id,))
    if shows_receipts is not None:
        list_changes.note_rooms(connection, "SELECT room_id FROM members WHERE person_id = ?", (person_id,))
        list_changes.note_people(connection, [person_id])
    (profile,) = people(connection, (person_id,))
    return profile


def hiding(connection: Connection) -> list[Profile]:
    """See `Store.hiding`."""
    found = connection.execute(
        "SELECT id FROM people WHERE shows_seen = 0 OR shows_receipts = 0 OR shows_typing = 0"
    )
    return people(connection, [person_id for (person_id,) in found])


def blocks(connection: Connection, person_id: str) -> list[tuple[str, str]]:
    """See `Store.blocks`."""
    found: list[Any] = connection.execute(
        """
        SELECT person_id, blocked_id FROM blocks WHERE person_id = ?1
        UNION ALL SELECT person_id, blocked_id FROM blocks WHERE blocked_id = ?1
        """,
        (person_id,),
    ).fetchall()
    return found


def picture(connection: Connection, picture_hash: str) -> Picture | None:
    """See `Store.picture`."""
    found = connection.execute(
        "SELECT hash, media_type, data FROM pictures WHERE hash = ?", (picture_hash,)
    ).fetchone()
    if found is not None:
        return Picture(*found)
    person_id = connection.execute("SELECT id FROM people WHERE picture = ?", (picture_hash,)).get
    large = None if person_id is None else find_file(connection, personal_room(person_id), 0, 0)
    return None if large is None else Picture(picture_hash, large.file.media_type, b"", large.blob)


def note_seen(connection: Connection, ids: Collection[str], at_ms: int) -> None:
    """See `Store.note_seen`."""
    dialect = connection.dialect
    connection.execute(
        f"""
        UPDATE people SET seen_ms = {dialect.greatest}(coalesce(seen_ms, 0), ?) WHERE id IN (
            SELECT id FROM people WHERE id IN {dialect.texts} ORDER BY id {dialect.for_update}
        )
        """,
        (at_ms, json.dumps(list(ids))),
    )


def _check_upload(connection: Connection, person_id: str, upload: str) -> None:
    """Raises `Refused` (``no_such_upload``) unless this can be the person's picture, or is."""
    found = connection.execute(
        """
        SELECT 1 FROM uploads WHERE id = ? AND person_id = ? AND room = ? AND is_picture = 1
            AND blob_id IS NOT NULL AND coalesce(seq, 0) = 0
        """,
        (upload, person_id, personal_room(person_id)),
    )
    if found.get is None:
        raise Refused("no_such_upload", "This picture is not ready. Upload it again.")


def _set_picture(connection: Connection, person_id: str, picture: Picture | None, upload: str) -> None:
    """Give the person this picture, or this upload, or none. A picture that nobody has any more is deleted."""
    before = connection.execute("SELECT picture FROM people WHERE id = ?", (person_id,)).get
    after = picture_name(upload) if upload else None if picture is None else picture.hash
    if upload and after == before:
        return
    # Nobody else may take meanwhile what is to be deleted here, or delete what is taken here.
    connection.lock("picture", [each for each in (before, after) if each is not None])
    own = personal_room(person_id)
    room_id = find_room_id(connection, own)
    if upload and room_id is None:
        room_id = make_room(connection, own)
    had_upload = (
        connection.execute("SELECT 1 FROM files WHERE room_id = ? AND seq = 0", (room_id,)).get is not None
    )
    if room_id is not None and (upload or had_upload):
        show_picture(connection, room_id, 0, upload, instead_of=0 if had_upload else None)
    if picture is not None:
        connection.execute(
            "INSERT INTO pictures (hash, media_type, data) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (picture.hash, picture.media_type, picture.data),
        )
    connection.execute("UPDATE people SET picture = ? WHERE id = ?", (after, person_id))
    connection.execute(
        "DELETE FROM pictures WHERE hash = ? AND NOT EXISTS (SELECT 1 FROM people WHERE picture = hash)",
        (before,),
    )


def _free_forms(
    connection: Connection, person_id: str, name: str, name_key: str, at_ms: int
) -> frozenset[str]:
    """The forms of a name. Raises `NameTaken` if somebody else's name looks like it, or one that is kept for them."""
    forms = name_forms(name, name_key)
    lock_name(connection, forms, name_key)
    connection.execute("DELETE FROM name_forms WHERE until_ms <= ?", (at_ms,))
    # The key as well, as the forms of names that were taken before are those of an older Unicode.
    taken = connection.execute(
        f"""
        SELECT 1 FROM name_forms WHERE form IN {connection.dialect.texts} AND person_id <> ?2
        UNION ALL SELECT 1 FROM people WHERE name_key = ?3 AND id <> ?2
        """,
        (json.dumps(list(forms)), person_id, name_key),
    )
    if taken.get is not None or is_claimed(connection, forms, at_ms):
        raise NameTaken(f"The name {name!r} is taken.")
    return forms


def _take_forms(connection: Connection, person_id: str, forms: Collection[str]) -> None:
    connection.executemany(
        """
        INSERT INTO name_forms (form, person_id, until_ms) VALUES (?, ?, NULL)
        ON CONFLICT (form, person_id) DO UPDATE SET until_ms = NULL
        """,
        [(form, person_id) for form in forms],
    )


def _give_up_name(connection: Connection, person_id: str, at_ms: int) -> None:
    """From now on the name is only kept for the person, and of all those they gave up the latest are."""
    connection.execute(
        "UPDATE name_forms SET until_ms = ? WHERE person_id = ? AND until_ms IS NULL",
        (at_ms + KEPT_NAME_MS, person_id),
    )
    connection.execute(
        """
        DELETE FROM name_forms WHERE person_id = ?1 AND until_ms NOT IN (
            SELECT DISTINCT until_ms FROM name_forms WHERE person_id = ?1 ORDER BY until_ms DESC LIMIT ?2
        )
        """,
        (person_id, KEPT_NAMES),
    )
