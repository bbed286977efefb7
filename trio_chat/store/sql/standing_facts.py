"""Facts for the rules about roles, restrictions, knocks, reports and newcomers: a part of `AppendFacts`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.kinds.moderation import Knock
from trio_chat.kinds.modes import Trust
from trio_chat.kinds.reports import Report, Resolve
from trio_chat.store.sql.standing import knocking, open_reports

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, MutableMapping

    from trio_chat.kinds.forms import Body
    from trio_chat.store.plan import Row
    from trio_chat.store.sql.connection import Connection

ANYWHERE = 0
"""The id of no room: the key of the last message in whatever room."""


class StandingFacts:
    """Facts for one append to one room, as far as they are about what people may do there."""

    def __init__(
        self,
        connection: Connection,
        room_id: int | None,
        *,
        has_restrictions: bool,
        last_messages: MutableMapping[tuple[int | None, str], int],
        find_known_ms: Callable[[str], int | None],
    ) -> None:
        self._connection = connection
        self._room_id = room_id
        self._last_messages = last_messages
        self._find_known_ms = find_known_ms
        self._roles: dict[str, str | None] = {}
        self._had_restrictions = has_restrictions
        self._restrictions: dict[tuple[str, str], int] = {}
        self._n_restricted = 0
        self._knocking: set[str] | None = None
        self._reports: set[int] | None = None
        self.depends_on_head = False
        """Whether a fact was asked that any message changes."""

    def role_of(self, person: str) -> str | None:
        """See `trio_chat.kinds.facts.Facts`."""
        if person not in self._roles:
            self._roles[person] = self._connection.execute(
                "SELECT role FROM members WHERE room_id = ? AND person_id = ?", (self._room_id, person)
            ).get
        return self._roles[person]

    def is_restricted(self, restriction: str, person: str, at_ms: int) -> bool:
        """See `trio_chat.kinds.facts.Facts`."""
        return at_ms < self._ends_of(restriction, person)

    def count_restricted(self, at_ms: int) -> int:
        """See `trio_chat.kinds.facts.Facts`."""
        return self._count_kept_restrictions(at_ms) + self._n_restricted

    def was_banned_from_within(self, person: str) -> bool:
        """See `trio_chat.kinds.facts.Facts`."""
        found = self._connection.execute(
            "SELECT was_in FROM restrictions WHERE room_id = ? AND person_id = ? AND kind = 'ban'",
            (self._room_id, person),
        )
        return bool(found.get)

    def has_knocked(self, person: str) -> bool:
        """See `trio_chat.kinds.facts.Facts`."""
        return person in self._all_knocking()

    def count_knocking(self) -> int:
        """See `trio_chat.kinds.facts.Facts`."""
        return len(self._all_knocking())

    def last_message_ms(self, person: str) -> int:
        """See `trio_chat.kinds.facts.Facts`."""
        self.depends_on_head = True
        return self._last_messages.get((self._room_id, person), 0)

    def open_reports(self) -> Collection[int]:
        """See `trio_chat.kinds.facts.Facts`."""
        if self._reports is None:
            self._reports = set(open_reports(self._connection))
        return self._reports

    def last_message_anywhere_ms(self, person: str) -> int:
        """See `trio_chat.kinds.facts.Facts`."""
        self.depends_on_head = True
        return self._last_messages.get((ANYWHERE, person), 0)

    def known_ms(self, person: str) -> int | None:
        """See `trio_chat.kinds.facts.Facts`."""
        return self._find_known_ms(person)

    def is_known(self, person: str) -> bool:
        """See `trio_chat.kinds.facts.Facts`."""
        return bool(self._connection.execute("SELECT 1 FROM people WHERE id = ?", (person,)).get)

    def admits_owner(self, link: str, at_ms: int) -> bool:
        """See `trio_chat.kinds.facts.Facts`."""
        found = self._connection.execute(
            "SELECT 1 FROM owner_links WHERE hash = ? AND ends_ms > ?", (bytes.fromhex(link), at_ms)
        )
        return bool(found.get)

    @property
    def has_restrictions(self) -> bool:
        """Whether anybody is banned from the room or muted in it."""
        return self._n_restricted > 0 or bool(self._count_kept_restrictions())

    def _ends_of(self, restriction: str, person: str) -> int:
        """When a restriction ends; 0: there is none."""
        if not self._had_restrictions:
            return self._restrictions.get((restriction, person), 0)
        if (restriction, person) not in self._restrictions:
            found = self._connection.execute(
                "SELECT ends_ms FROM restrictions WHERE room_id = ? AND person_id = ? AND kind = ?",
                (self._room_id, person, restriction),
            ).get
            self._restrictions[restriction, person] = found or 0
        return self._restrictions[restriction, person]

    def _note_restriction(self, restriction: str, person: str, ends_ms: int) -> None:
        self._n_restricted += bool(ends_ms) - bool(self._ends_of(restriction, person))
        self._restrictions[restriction, person] = ends_ms

    def _count_kept_restrictions(self, at_ms: int = 0) -> int:
        """How many restrictions that end later than at this moment stand in the database."""
        if not self._had_restrictions:
            return 0
        count = self._connection.execute(
            "SELECT count(*) FROM restrictions WHERE room_id = ? AND ends_ms > ?", (self._room_id, at_ms)
        ).get
        assert isinstance(count, int)
        return count

    def _all_knocking(self) -> set[str]:
        if self._knocking is None:
            self._knocking = set(knocking(self._connection, self._room_id))
        return self._knocking

    def note_standing(self, row: Row, body: Body) -> None:
        """Count this event as written from here on."""
        match body:
            case Report():
                self._reports = {*self.open_reports(), row.seq}
            case Resolve(state="done"):
                self._reports = {*self.open_reports()} - {body.target}
            case Knock(on=True):
                self._all_knocking().add(body.person)
            case Knock() | Trust(on=True):
                self._all_knocking().discard(body.person)
