"""Facts for the rules about conversations of two, requests and blocks: a part of `AppendFacts`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.kinds.facts import DIRECT
from trio_chat.kinds.personal import Block
from trio_chat.kinds.rooms import Created, Membership
from trio_chat.store.sql.rooms import are_strangers

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_chat.kinds.forms import Body
    from trio_chat.store.plan import Row
    from trio_chat.store.sql.connection import Connection


class DirectFacts:
    """Facts for one append to one room, as far as they are about who asks whom, and who blocks whom."""

    def __init__(self, connection: Connection, room_id: int | None, *, flush: Callable[[], object]) -> None:
        self._connection = connection
        self._room_id = room_id
        self._flush = flush
        self._asked_at: dict[str, int | None] = {}
        self._messages_after: dict[int, int] = {}
        self._pair: frozenset[str] | None = None
        self._declined: dict[str, bool] = {}
        self._blocks: dict[tuple[str, str], bool] = {}
        self._n_blocked = 0
        self._messages: list[int] = []
        self.depends_on_head = False
        """Whether a fact was asked that any message changes."""

    @property
    def pair(self) -> frozenset[str]:
        """See `trio_chat.kinds.facts.Facts`."""
        if self._pair is None:
            found = self._connection.execute(
                "SELECT person_id FROM pairs WHERE room_id = ?", (self._room_id,)
            )
            self._pair = frozenset(person for (person,) in found)
        return self._pair

    def asked_at(self, person: str) -> int | None:
        """See `trio_chat.kinds.facts.Facts`."""
        if person not in self._asked_at:
            self._asked_at[person] = self._connection.execute(
                "SELECT seq FROM members WHERE room_id = ? AND person_id = ? AND role = 'asked'",
                (self._room_id, person),
            ).get
        return self._asked_at[person]

    def has_declined(self, person: str) -> bool:
        """See `trio_chat.kinds.facts.Facts`."""
        if person not in self._declined:
            self._declined[person] = bool(
                self._connection.execute(
                    "SELECT declined FROM pairs WHERE room_id = ? AND person_id = ?", (self._room_id, person)
                ).get
            )
        return self._declined[person]

    def count_messages(self, after: int) -> int:
        """See `trio_chat.kinds.facts.Facts`."""
        self.depends_on_head = True
        if after not in self._messages_after:
            self._flush()
            self._messages_after[after] = self._connection.execute(
                "SELECT count(*) FROM events WHERE room_id = ? AND seq > ? AND kind IN ('message', 'post')",
                (self._room_id, after),
            ).get + sum(seq > after for seq in self._messages)
        return self._messages_after[after]

    def are_strangers(self, one: str, other: str) -> bool:
        """See `trio_chat.kinds.facts.Facts`."""
        return are_strangers(self._connection, one, other)

    def count_requests(self, person: str) -> int:
        """See `trio_chat.kinds.facts.Facts`."""
        count = self._connection.execute(
            f"SELECT count(*) FROM members{self._connection.dialect.by_index('requests')} "
            "WHERE person_id = ? AND role = 'asked'",
            (person,),
        ).get
        assert isinstance(count, int)
        return count

    def blocks(self, person: str, other: str) -> bool:
        """See `trio_chat.kinds.facts.Facts`."""
        if (person, other) not in self._blocks:
            self._blocks[person, other] = bool(
                self._connection.execute(
                    "SELECT 1 FROM blocks WHERE person_id = ? AND blocked_id = ?", (person, other)
                ).get
            )
        return self._blocks[person, other]

    def count_blocks(self, person: str) -> int:
        """See `trio_chat.kinds.facts.Facts`."""
        count = self._connection.execute("SELECT count(*) FROM blocks WHERE person_id = ?", (person,)).get
        assert isinstance(count, int)
        return count + self._n_blocked

    def note_message(self, seq: int) -> None:
        """Count message ``seq`` as written from here on."""
        self._messages.append(seq)
        for since in self._messages_after:
            self._messages_after[since] += seq > since

    def note_direct(self, row: Row, body: Body, kind: str) -> None:
        """Count this event, of a room of this kind, as written from here on."""
        match body:
            case Created() if body.kind == DIRECT:
                self._pair = frozenset(who.id for who in body.members)
                self._asked_at.update((who, row.seq) for who in self._pair - {row.sender} if body.asked)
            case Membership() if kind == DIRECT:
                person = body.person.id
                self._declined[person] = not body.on and self.asked_at(person) is not None
                self._asked_at[person] = row.seq if body.on and person != row.sender else None
            case Block():
                self._n_blocked += body.on - self.blocks(row.sender, body.person)
                self._blocks[row.sender, body.person] = body.on
