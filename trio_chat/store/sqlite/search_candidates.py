"""Candidates of a search from SQLite's index, which is FTS5's (`trio_chat.store.sqlite.gram_index`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trio_chat.search.grams import gram, name_code, room_code, sender_code
from trio_chat.store.sql.batches import to_json
from trio_chat.store.sql.search_candidates import NEWEST_EDIT, Candidates, Proposed, step
from trio_chat.store.sql.search_index import MESSAGE_COLUMNS, MessageRow
from trio_chat.store.sqlite.structs import decode_structs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.store.sql.search_candidates import SearchedRoom


class FtsCandidates(Candidates):
    """Candidates that FTS5 proposes."""

    def _behind(self, rooms: Sequence[SearchedRoom]) -> list[MessageRow]:
        return self._connection.structs(
            MessageRow,
            f"""
            WITH tail AS MATERIALIZED (
                SELECT e.room_id, e.seq, e.kind, e.body
                FROM json_each(?) w CROSS JOIN events e ON e.room_id = w.value ->> 0 AND e.seq > w.value ->> 1
                WHERE e.kind IN ('message', 'post', 'edit')
            ),
            targets (room_id, seq) AS (
                SELECT room_id, seq FROM tail WHERE kind <> 'edit'
                UNION
                SELECT room_id, body ->> 'target' FROM tail WHERE kind = 'edit' AND json_valid(body)
            )
            SELECT {MESSAGE_COLUMNS}, ifnull(d.id, 0), c.seq, CAST(n.body AS TEXT)
            FROM targets t CROSS JOIN events e ON e.room_id = t.room_id AND e.seq = t.seq {NEWEST_EDIT}
            LEFT JOIN docs d ON d.room_id = e.room_id AND d.seq = e.seq
            """,
            (to_json([(room.id, room.done) for room in rooms]),),
        )

    def propose(self, first: int, below: int, n_proposed: int, n_compared: int) -> Proposed:
        """See `Candidates`."""
        lookup, match = self._lookup()
        after_ms, before_ms = self._days()
        answer: Any = self._connection.execute(
            f"""
            WITH proposed (id) AS MATERIALIZED ({lookup} LIMIT :n_proposed)
            SELECT (
                SELECT CAST(json_group_array(json_array({MESSAGE_COLUMNS}, d.id, c.seq, CAST(n.body AS TEXT))) AS BLOB)
                FROM (
                    SELECT d.id, d.room_id, d.seq FROM proposed p CROSS JOIN docs d ON d.id = p.id
                    WHERE d.room_id IN (SELECT value FROM json_each(:rooms))
                    AND d.at_ms >= :after_ms AND d.at_ms < :before_ms
                    ORDER BY p.id DESC LIMIT :n_compared
                ) d
                CROSS JOIN events e ON e.room_id = d.room_id AND e.seq = d.seq {NEWEST_EDIT}
            ), min(id), count(*) FROM proposed
            """,
            {
                "match": match,
                "first": first,
                "below": below,
                "n_proposed": n_proposed,
                "n_compared": n_compared,
                "rooms": to_json(list(self._rooms)),
                "after_ms": after_ms,
                "before_ms": before_ms,
            },
        ).fetchone()
        found, lowest, n = answer
        messages = decode_structs(MessageRow, found)
        return step(messages, n, lowest, first=first, n_proposed=n_proposed, n_compared=n_compared)

    def _lookup(self) -> tuple[str, str]:
        """The SQL that asks the index for numbers, newest first, without its limit; and the FTS5 query in it: the grams
        that must be there. If none must, all messages are proposed."""
        parts = [_quoted(each) for each in self._needed_grams()]
        if self._query.senders:
            by_name = [
                f"({' AND '.join(_quoted(gram(name_code(word))) for word in sender.words)})"
                for sender in self._query.senders
            ]
            by_id = [_quoted(gram(sender_code(person_id))) for person_id in sorted(self._sender_ids)]
            parts.append(f"({' OR '.join([*by_name, *by_id])})")
        if self._are_rooms_looked_up():
            codes = dict.fromkeys(map(room_code, self._rooms))
            parts.append(f"({' OR '.join(_quoted(gram(code)) for code in codes)})")
        if not parts:
            return "SELECT id FROM docs WHERE id >= :first AND id < :below ORDER BY id DESC", ""
        return (
            "SELECT rowid FROM search WHERE search MATCH :match AND rowid >= :first AND rowid < :below "
            "ORDER BY rowid DESC",
            " AND ".join(parts),
        )


def _quoted(each: str) -> str:
    """A gram as FTS5 takes it in a query: a string, never a word of its language."""
    return '"' + each.replace('"', '""') + '"'
