"""What other nodes changed lately: looked for, as messages between nodes may be lost. Synchronous.

It is known by the clock of the database, as it was when a transaction began: who looks does so a little further back
than their last look. What SQLite has no column for stands here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from trio_chat.model.records import ReadMarker
from trio_chat.store.sql.people import people

if TYPE_CHECKING:
    from collections.abc import Collection

    from trio_chat.model.records import Profile
    from trio_chat.store.sql.connection import Connection

LOOKS: Final = """
ALTER TABLE people ADD COLUMN changed_at timestamptz;
CREATE INDEX changed_people ON people (changed_at) WHERE changed_at IS NOT NULL;
CREATE FUNCTION person_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW.changed_at = now();
    RETURN NEW;
END $$;
CREATE TRIGGER person_changed BEFORE UPDATE ON people FOR EACH ROW WHEN (
    (OLD.name, OLD.colour, OLD.picture, OLD.shows_seen, OLD.shows_receipts, OLD.shows_typing)
    IS DISTINCT FROM (NEW.name, NEW.colour, NEW.picture, NEW.shows_seen, NEW.shows_receipts, NEW.shows_typing)
) EXECUTE FUNCTION person_changed();

ALTER TABLE marks ADD COLUMN moved_at timestamptz NOT NULL DEFAULT now();
CREATE FUNCTION mark_moved() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW.moved_at = now();
    RETURN NEW;
END $$;
CREATE TRIGGER mark_moved BEFORE UPDATE ON marks FOR EACH ROW
    WHEN (NEW.delivered > OLD.delivered OR NEW.read > OLD.read) EXECUTE FUNCTION mark_moved();
"""


def changed_profiles(connection: Connection, *, within_s: int, limit: int) -> list[Profile]:
    """See `Store.changed_profiles`."""
    found = connection.execute(
        """
        SELECT id FROM people WHERE changed_at > now() - make_interval(secs => ?::int)
        ORDER BY changed_at DESC LIMIT ?
        """,
        (within_s, limit),
    )
    return people(connection, [person for (person,) in found])


def moved_read_markers(
    connection: Connection, rooms: Collection[str], *, within_s: int, limit: int
) -> list[ReadMarker]:
    """See `Store.moved_read_markers`."""
    found = connection.execute(
        f"""
        SELECT name, person_id, delivered, read FROM rooms JOIN marks ON room_id = id
        WHERE name IN {connection.dialect.texts} AND moved_at > now() - make_interval(secs => ?::int) LIMIT ?
        """,
        (json.dumps(list(rooms)), within_s, limit),
    )
    return [ReadMarker(*values) for values in found]
