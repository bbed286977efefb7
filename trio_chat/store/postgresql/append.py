"""Appending in one way there and back: what was planned from facts that nobody held is checked and written by a
function on the server, which locks the rooms only while it runs.

The digest chain is that of `trio_chat.model.chain`: an event's fields are encoded before, but for its number, which the
function puts between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from trio_chat.model.chain import encoded, fields_behind_number
from trio_chat.store.plan import Known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.store.plan import CommandId, Row
    from trio_chat.store.postgresql.connection import PostgresqlConnection, PostgresqlRows

APPEND_FUNCTION: Final = """
-- Each room: its id, the number of the last event by which rules judge as it was when the plan was made, the head
-- that it must have (-1: whichever), the encoded name, when it was written to, and the bytes that come in. Each event:
-- its room's place in those lists, and its fields. Returns numbers and digests of the events; NULL where the room has
-- moved on, or knows one of its commands: nothing of that room was written then.
CREATE FUNCTION append_events(
    server_rules bigint,
    room_ids bigint[], room_rules bigint[], room_heads bigint[], room_names bytea[], room_ms bigint[],
    room_bytes bigint[],
    places integer[], kinds text[], senders text[], names text[], client_ids text[], times bigint[], bodies text[],
    salts bytea[], body_digests bytea[], fields bytea[],
    OUT seqs bigint[], OUT digests bytea[]
) LANGUAGE plpgsql AS $$
DECLARE
    heads bigint[]; ends bytea[]; are_good boolean[]; known boolean[];
    head bigint; digest bytea; rules bigint; number bytea; place integer; is_same boolean;
BEGIN
    FOR place IN 1 .. cardinality(room_ids) LOOP
        SELECT r.head, r.digest, r.rules_seq INTO head, digest, rules
        FROM rooms r WHERE r.id = room_ids[place] FOR NO KEY UPDATE;
        heads[place] := head;
        ends[place] := digest;
        are_good[place] := rules = room_rules[place] AND room_heads[place] IN (-1, head);
    END LOOP;
    -- Only now, so that what was committed by whoever held the locks before is seen.
    SELECT coalesce((SELECT r.rules_seq FROM rooms r WHERE r.name = '~server'), 0) = server_rules INTO is_same;
    SELECT array_agg(EXISTS (
        SELECT 1 FROM events e WHERE e.sender = w.sender AND e.client_id = w.client_id
    ) ORDER BY w.n) INTO known
    FROM unnest(senders, client_ids) WITH ORDINALITY AS w (sender, client_id, n);
    FOR i IN 1 .. cardinality(places) LOOP
        IF known[i] OR NOT is_same THEN
            are_good[places[i]] := false;
        END IF;
    END LOOP;
    FOR i IN 1 .. cardinality(places) LOOP
        place := places[i];
        IF NOT are_good[place] THEN
            seqs[i] := NULL;
            digests[i] := NULL;
            CONTINUE;
        END IF;
        head := heads[place] + 1;
        number := convert_to(head::text, 'UTF8');
        digest := sha256(
            ends[place] || room_names[place] || convert_to(length(number)::text, 'UTF8') || '\\x00'::bytea || number
            || fields[i] || body_digests[i]
        );
        heads[place] := head;
        ends[place] := digest;
        seqs[i] := head;
        digests[i] := digest;
    END LOOP;
    INSERT INTO events (room_id, seq, kind, sender, name, client_id, at_ms, body, salt, body_digest, digest)
    SELECT room_ids[e.place], e.seq, e.kind, e.sender, e.name, e.client_id, e.at_ms, e.body, e.salt, e.body_digest,
        e.digest
    FROM unnest(places, seqs, kinds, senders, names, client_ids, times, bodies, salts, body_digests, digests)
        AS e (place, seq, kind, sender, name, client_id, at_ms, body, salt, body_digest, digest)
    WHERE e.seq IS NOT NULL;
    UPDATE rooms r SET head = m.head, digest = m.digest, bytes = r.bytes + m.bytes,
        newest_ms = coalesce(m.at_ms, r.newest_ms), changed = CAST(CAST(pg_current_xact_id() AS text) AS bigint)
    FROM unnest(room_ids, heads, ends, room_ms, room_bytes, are_good) AS m (id, head, digest, at_ms, bytes, is_good)
    WHERE r.id = m.id AND m.is_good;
END $$;
"""


class PlannedRoom(NamedTuple):
    """What a room is planned to get; the rows have the numbers that they were planned with."""

    id: int
    name: str
    rules_seq: int
    head: int
    """That it must have; -1: whichever."""
    rows: list[Row]
    newest_ms: int | None
    bytes: int


def append_events(
    connection: PostgresqlConnection, server_rules: int, rooms: Sequence[PlannedRoom]
) -> PostgresqlRows:
    """Ask for the rows of these rooms, which are in the order of their ids, to be written. Returns the one row of the
    answer: numbers and digests, in the order of the rooms and their rows."""
    listed = [(place, row) for place, room in enumerate(rooms, start=1) for row in room.rows]
    return connection.execute(
        "SELECT seqs, digests FROM append_events("
        "?, ?, ?, ?, CAST(? AS bytea[]), CAST(? AS bigint[]), ?, "
        "CAST(? AS integer[]), ?, ?, ?, CAST(? AS text[]), ?, CAST(? AS text[]), "
        "CAST(? AS bytea[]), CAST(? AS bytea[]), CAST(? AS bytea[]))",
        (
            server_rules,
            [room.id for room in rooms],
            [room.rules_seq for room in rooms],
            [room.head for room in rooms],
            [encoded(room.name) for room in rooms],
            [room.newest_ms for room in rooms],
            [room.bytes for room in rooms],
            [place for place, _ in listed],
            [row.kind for _, row in listed],
            [row.sender for _, row in listed],
            [row.name for _, row in listed],
            [row.client_id for _, row in listed],
            [row.at_ms for _, row in listed],
            [row.body for _, row in listed],
            [row.salt for _, row in listed],
            [row.body_digest for _, row in listed],
            [
                encoded(*fields_behind_number(row.kind, row.sender, row.name, row.client_id, row.at_ms))
                for _, row in listed
            ],
        ),
    )


def ask_known(connection: PostgresqlConnection, commands: Sequence[CommandId]) -> PostgresqlRows:
    """Ask which of the commands are in the log already: see `known_in`."""
    return connection.execute(
        """
        SELECT e.sender, e.client_id, r.name, e.seq, e.kind, e.salt, e.body_digest, e.name
        FROM unnest(CAST(? AS text[]), CAST(? AS text[])) AS w (sender, client_id)
        JOIN events e ON e.sender = w.sender AND e.client_id = w.client_id
        JOIN rooms r ON r.id = e.room_id
        """,
        ([sender for sender, _ in commands], [client_id for _, client_id in commands]),
    )


def known_in(answer: PostgresqlRows) -> dict[CommandId, Known]:
    """The commands that are in the log already."""
    return {(sender, client_id): Known(*known) for sender, client_id, *known in answer}


def find_written(
    connection: PostgresqlConnection, rooms: Sequence[PlannedRoom]
) -> tuple[list[int | None], list[bytes | None]]:
    """What `append_events` answered, asked of the log: digests of bodies are made with salts that nobody else has."""
    found = connection.execute(
        """
        SELECT e.seq, e.digest
        FROM unnest(CAST(? AS bigint[]), CAST(? AS bigint[]), CAST(? AS bytea[]))
            WITH ORDINALITY AS w (room_id, head, body_digest, n)
        LEFT JOIN events e ON e.room_id = w.room_id AND e.seq > w.head AND e.body_digest = w.body_digest
        ORDER BY w.n
        """,
        (
            [room.id for room in rooms for _ in room.rows],
            [room.rows[0].seq - 1 for room in rooms for _ in room.rows],
            [row.body_digest for room in rooms for row in room.rows],
        ),
    ).fetchall()
    return [seq for seq, _ in found], [digest for _, digest in found]
