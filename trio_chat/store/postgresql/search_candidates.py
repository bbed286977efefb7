"""Candidates of a search from PostgreSQL's index: a GIN of codes (`trio_chat.store.postgresql.gram_index`).

A GIN gives all rows that have some codes at once, in no order: for a common word that would be half of the log. So each
message has, beside those of its grams, a code for each of the windows that its number is in, and one window after the
other is asked for, the newest first: a small one, and larger ones as long as there is little in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trio_chat.kinds.messages import EDIT
from trio_chat.search.grams import gram, name_code, room_code, sender_code
from trio_chat.store.postgresql.codes import WINDOWS, code_of, window_code
from trio_chat.store.sql.batches import to_json
from trio_chat.store.sql.search_candidates import NEWEST_EDIT, Candidates, Proposed, step
from trio_chat.store.sql.search_index import MESSAGE_COLUMNS, MessageRow, edit_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.store.sql.search_candidates import SearchedRoom

MAX_WINDOWS: Final = 8
"""So many of the largest windows are asked for in one step."""


class GinCandidates(Candidates):
    """Candidates that a GIN proposes."""

    def _behind(self, rooms: Sequence[SearchedRoom]) -> list[MessageRow]:
        tail: list[Any] = self._connection.execute(
            f"""
            SELECT e.room_id, e.seq, CASE e.kind WHEN 'edit' THEN e.body END, e.kind
            FROM {self._connection.dialect.rows_of("room_id int, done int")} w
            JOIN events e ON e.room_id = w.room_id AND e.seq > w.done
            WHERE e.kind IN ('message', 'post', 'edit')
            """,
            (to_json([(room.id, room.done) for room in rooms]),),
        ).fetchall()
        targets = {(room_id, seq if kind != EDIT else edit_target(body)) for room_id, seq, body, kind in tail}
        return self._connection.structs(
            MessageRow,
            f"""
            SELECT {MESSAGE_COLUMNS}, coalesce(d.id, 0), c.seq, n.body
            FROM {self._connection.dialect.rows_of("room_id int, seq int")} t
            JOIN events e ON e.room_id = t.room_id AND e.seq = t.seq {NEWEST_EDIT}
            LEFT JOIN docs d ON d.room_id = e.room_id AND d.seq = e.seq
            """,
            (to_json([target for target in targets if target[1]]),),
        )

    def propose(self, first: int, below: int, n_proposed: int, n_compared: int) -> Proposed:
        """See `Candidates`."""
        needed, one_of = self._codes()
        if not needed and not one_of:
            return self._proposed("", (), first, below, n_proposed, n_compared)
        below = min(below, 1 + self._connection.execute("SELECT coalesce(max(id), 0) FROM docs").get)
        condition = " AND ".join(["grams @> CAST(? AS int[])", *["grams && CAST(? AS int[])"] * len(one_of)])
        largest = WINDOWS[-1]
        found: list[MessageRow] = []
        for bits in (*WINDOWS, *[largest] * (MAX_WINDOWS - 1)):
            start = max(first, (below - 1) >> bits << bits)
            codes = [*needed, window_code(below - 1, bits)]
            proposed = self._proposed(
                condition, (codes, *one_of), start, below, n_proposed, n_compared - len(found)
            )
            if not proposed.is_end or start <= first:  # there is enough in this window, or no other
                return proposed._replace(messages=[*found, *proposed.messages])
            if bits == largest:
                found += proposed.messages
                below = start
        return Proposed(found, below, is_end=False)

    def _proposed(
        self,
        condition: str,
        codes: Sequence[Sequence[int]],
        first: int,
        below: int,
        n_proposed: int,
        n_compared: int,
    ) -> Proposed:
        """What there is from ``first`` on and below ``below`` on this condition; as `propose`."""
        # By themselves, or they would be looked for along the numbers: of a rare word that is the whole log.
        hits = f"SELECT id, room_id, seq, at_ms FROM docs{condition and f' WHERE {condition}'}"
        hits = f"(WITH hits AS MATERIALIZED ({hits}) SELECT * FROM hits)" if condition else f"({hits})"
        rows: list[Any] = self._connection.execute(
            f"""
            WITH proposed AS MATERIALIZED (
                SELECT id, room_id, seq, at_ms FROM {hits} AS hits
                WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT ?
            )
            SELECT total.n, total.lowest, message.*
            FROM (SELECT count(*) AS n, min(id) AS lowest FROM proposed) AS total LEFT JOIN (
                SELECT {MESSAGE_COLUMNS}, d.id, c.seq AS edit_seq, n.body AS edit_body
                FROM (
                    SELECT id, room_id, seq FROM proposed
                    WHERE room_id IN {self._connection.dialect.ints} AND at_ms >= ? AND at_ms < ?
                    ORDER BY id DESC LIMIT ?
                ) AS d
                JOIN events e ON e.room_id = d.room_id AND e.seq = d.seq {NEWEST_EDIT}
            ) AS message ON true
            """,
            (
                *map(list, codes),
                first,
                below,
                n_proposed,
                to_json(list(self._rooms)),
                *self._days(),
                n_compared,
            ),
        ).fetchall()
        n, lowest, *_ = rows[0]
        messages = [MessageRow(*row[2:]) for row in rows if row[2] is not None]
        return step(messages, n, lowest, first=first, n_proposed=n_proposed, n_compared=n_compared)

    def _codes(self) -> tuple[list[int], list[list[int]]]:
        """Codes that each message must have, and lists of codes of which it must have one."""
        one_of: list[list[int]] = []
        if self._query.senders:
            grams = [gram(sender_code(person)) for person in self._sender_ids]
            grams += [gram(name_code(sender.words[0])) for sender in self._query.senders if sender.words]
            one_of.append(sorted({code_of(each) for each in grams}))
        if self._are_rooms_looked_up():
            one_of.append(sorted({code_of(gram(room_code(room))) for room in self._rooms}))
        return [code_of(each) for each in self._needed_grams()], one_of
