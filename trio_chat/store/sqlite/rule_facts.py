"""Facts for the rules about a room, from the database and from what the append has added so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from trio_chat.kinds.facts import DIRECT, LOBBY, SERVER
from trio_chat.kinds.messages import EVERYBODY, Delete, Edit
from trio_chat.kinds.moderation import Knock, Restriction
from trio_chat.kinds.modes import Trust
from trio_chat.kinds.newcomers import is_known
from trio_chat.kinds.personal import Block
from trio_chat.kinds.pins import Pin
from trio_chat.kinds.reactions import Reaction
from trio_chat.kinds.reports import Report, Resolve
from trio_chat.kinds.roles import Role
from trio_chat.kinds.rooms import Created, Membership, Settings
from trio_chat.kinds.rules import may_hear
from trio_chat.kinds.server import after
from trio_chat.kinds.standing import BAN, MEMBER, MODERATOR, OWNER, PROBATION
from trio_chat.kinds.table import MESSAGES, change_key, read_body
from trio_chat.store.sqlite.rooms import are_strangers, pins
from trio_chat.store.sqlite.standing import knocking, open_reports

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import apsw

    from trio_chat.kinds.forms import Body
    from trio_chat.kinds.standing import Policy, Server
    from trio_chat.store.plan import Row

_Thing = TypeVar("_Thing")

MENTIONS_WINDOW = 1_000
"""Mentions of everybody are looked for among so many of a room's newest events."""


ANYWHERE = 0
"""The id of no room: the key of the last message in whatever room."""


class AppendFacts:
    """Facts for one append to one room. Each is read from the database once, and only if a rule needs it.

    ``flush`` is called before the events are looked at: it writes those that were planned before, by other appends.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        *,
        room: str,
        room_id: int | None,
        head: int,
        kind: str,
        owner: str | None,
        policy: Policy,
        members: frozenset[str] | None,
        server: Server,
        has_restrictions: bool,
        last_messages: dict[tuple[int | None, str], int],
        find_known_ms: Callable[[str], int | None],
        flush: Callable[[], object],
    ) -> None:
        self.room = room
        self.kind = kind
        self.owner = owner
        self.policy = policy
        self.server = server
        self.head = head
        self.changes: list[tuple[Row, Body]] = []
        """Events of the append that are no messages, with their parsed bodies."""
        self._connection = connection
        self._room_id = room_id
        self._members = members
        self._last_messages = last_messages
        self._find_known_ms = find_known_ms
        self._flush = flush
        self._authors: dict[int, str | None] = {}
        self._are_deleted: dict[int, bool] = {}
        self._edits: dict[int, int] = {}
        self._keys: dict[int, set[str]] = {}
        self._reactions: dict[tuple[int, str], set[str]] = {}
        self._pins: set[int] | None = None
        self._comings: dict[str, bool] = {}
        self._uses: dict[str, int] = {}
        self._mentions_of_all: dict[str, list[int]] = {}
        self._roles: dict[str, str | None] = {}
        self._had_restrictions = has_restrictions
        self._restrictions: dict[tuple[str, str], int] = {}
        self._n_restricted = 0
        self._knocking: set[str] | None = None
        self._reports: set[int] | None = None
        self._asked_at: dict[str, int | None] = {}
        self._messages_after: dict[int, int] = {}
        self._pair: frozenset[str] | None = None
        self._declined: dict[str, bool] = {}
        self._blocks: dict[tuple[str, str], bool] = {}
        self._n_blocked = 0
        self._messages: list[int] = []

    def author_of(self, seq: int) -> str | None:
        """See `trio_chat.kinds.facts.Facts`."""
        if seq not in self._authors:
            self._flush()
            found = self._connection.execute(
                "SELECT kind, sender FROM events WHERE room_id = ? AND seq = ?", (self._room_id, seq)
            ).fetchone()
            self._authors[seq] = found[1] if found is not None and found[0] in MESSAGES else None
        return self._authors[seq]

    def is_deleted(self, seq: int) -> bool:
        """See `trio_chat.kinds.facts.Facts`."""
        if seq not in self._are_deleted:
            self._are_deleted[seq] = bool(
                self._connection.execute(
                    "SELECT 1 FROM changes WHERE room_id = ? AND target = ? AND key = 'delete'",
                    (self._room_id, seq),
                ).get
            )
        return self._are_deleted[seq]

    def count_edits(self, seq: int) -> int:
        """See `trio_chat.kinds.facts.Facts`."""
        if seq not in self._edits:
            self._edits[seq] = self._connection.execute(
                "SELECT count(*) FROM edits WHERE room_id = ? AND target = ?", (self._room_id, seq)
            ).get
        return self._edits[seq]

    def is_member(self, person: str) -> bool:
        """See `trio_chat.kinds.facts.Facts`."""
        if person not in self._comings:
            if self._members is not None:
                return person in self._members
            self._comings[person] = bool(
                self._connection.execute(
                    "SELECT 1 FROM members WHERE room_id = ? AND person_id = ?", (self._room_id, person)
                ).get
            )
        return self._comings[person]

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
        return self._last_messages.get((self._room_id, person), 0)

    def open_reports(self) -> Collection[int]:
        """See `trio_chat.kinds.facts.Facts`."""
        if self._reports is None:
            self._reports = set(open_reports(self._connection))
        return self._reports

    def last_message_anywhere_ms(self, person: str) -> int:
        """See `trio_chat.kinds.facts.Facts`."""
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

    def count_reactions(self, seq: int, person: str) -> int:
        """See `trio_chat.kinds.facts.Facts`."""
        return len(self._reactions_of(seq, person))

    def has_change(self, target: int, key: str) -> bool:
        """See `trio_chat.kinds.facts.Facts`."""
        return key in self._keys_of(target)

    def count_changes(self, target: int) -> int:
        """See `trio_chat.kinds.facts.Facts`."""
        return len(self._keys_of(target))

    def count_pins(self) -> int:
        """See `trio_chat.kinds.facts.Facts`."""
        return len(self._all_pins())

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
            "SELECT count(*) FROM members INDEXED BY requests WHERE person_id = ? AND role = 'asked'",
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

    def admits(self, invite: str, at_ms: int) -> bool:
        """See `trio_chat.kinds.facts.Facts`."""
        found = self._connection.execute(
            "SELECT expires_ms, uses_left FROM invites WHERE hash = ? AND room_id = ?",
            (bytes.fromhex(invite), self._room_id),
        ).fetchone()
        if found is None:
            return False
        expires_ms, uses_left = found
        return (expires_ms is None or at_ms < expires_ms) and (
            uses_left is None or self._uses.get(invite, 0) < uses_left
        )

    def mentions_of_all(self, person: str, since_ms: int) -> list[int]:
        """See `trio_chat.kinds.facts.Facts`."""
        if person not in self._mentions_of_all:
            self._flush()
            found = self._connection.execute(
                """
                SELECT at_ms FROM (
                    SELECT kind, sender, at_ms, body FROM events WHERE room_id = ? ORDER BY seq DESC LIMIT ?
                ) WHERE sender = ? AND at_ms > ? AND kind = 'post' AND CASE
                    WHEN body IS NULL THEN true
                    WHEN instr(body, '"all"') AND json_valid(body)
                    THEN EXISTS (SELECT 1 FROM json_each(body, '$.mentions') WHERE value = 'all')
                END
                """,
                (self._room_id, MENTIONS_WINDOW, person, since_ms),
            )
            self._mentions_of_all[person] = [at_ms for (at_ms,) in found]
        return self._mentions_of_all[person]

    def is_theirs_to_note(self, person: str, room: str, seq: int) -> bool:
        """See `trio_chat.kinds.facts.Facts`."""
        if room == LOBBY and not seq:
            return True
        self._flush()
        found = self._connection.execute(
            """
            SELECT kind, EXISTS (SELECT 1 FROM members WHERE room_id = id AND person_id = ?2),
                ?3 = 0 OR EXISTS (SELECT 1 FROM events WHERE room_id = id AND seq = ?3)
            FROM rooms WHERE name = ?1
            """,
            (room, person, seq),
        ).fetchone()
        return found is not None and may_hear(room, found[0], bool(found[1]), person) and bool(found[2])

    def note(self, row: Row) -> None:
        """See `GrowingFacts.note`."""
        self.head = row.seq
        if row.kind in MESSAGES:
            self._authors[row.seq] = row.sender
            said = self._mentions_of_all.get(row.sender)
            if (
                said is not None
                and row.body
                and EVERYBODY in getattr(read_body(row.kind, row.body), "mentions", ())
            ):
                said.insert(0, row.at_ms)
            if self.policy.slow_s:
                self._last_messages[self._room_id, row.sender] = row.at_ms
            self._messages.append(row.seq)
            for since in self._messages_after:
                self._messages_after[since] += row.seq > since
            if self.server.mode == PROBATION and not is_known(
                row.sender, self.known_ms(row.sender), self.server, row.at_ms
            ):
                self._last_messages[ANYWHERE, row.sender] = row.at_ms
            return
        assert row.body is not None
        body = read_body(row.kind, row.body)
        self.changes.append((row, body))
        if self.kind == SERVER:
            self.server = after(self.server, row.kind, body)
        change = change_key(row.kind, row.sender, body) if self._keys else None
        if change is not None and change[0] in self._keys:
            self._keys[change[0]].add(change[1])
        match body:
            case Created():
                self.kind = body.kind
                self.owner = None if body.kind == DIRECT else row.sender
                self._comings.update((who.id, True) for who in body.members)
                if body.kind == DIRECT:
                    self._pair = frozenset(who.id for who in body.members)
                    self._asked_at.update((who, row.seq) for who in self._pair - {row.sender} if body.asked)
            case Settings():
                self.policy = replace(self.policy, **body.policy)
            case Role():
                self._note_role(body)
            case Restriction():
                self._note_restriction(row.kind, body.person, body.ends_ms)
                if row.kind == BAN and body.on:
                    self._note_coming(body.person, is_in=False)
            case Report():
                self._reports = {*self.open_reports(), row.seq}
            case Resolve(state="done"):
                self._reports = {*self.open_reports()} - {body.target}
            case Knock():
                _put(self._all_knocking(), body.person, body.on)
            case Trust(on=True):
                self._all_knocking().discard(body.person)
            case Membership():
                person = body.person.id
                if self.kind == DIRECT:
                    self._declined[person] = not body.on and self.asked_at(person) is not None
                    self._asked_at[person] = row.seq if body.on and person != row.sender else None
                self._note_coming(person, is_in=body.on)
                if body.invite is not None:
                    self._uses[body.invite] = self._uses.get(body.invite, 0) + 1
            case Block():
                self._n_blocked += body.on - self.blocks(row.sender, body.person)
                self._blocks[row.sender, body.person] = body.on
            case Edit():
                self._edits[body.target] = self.count_edits(body.target) + 1
            case Delete():
                self._are_deleted[body.target] = True
                self._all_pins().discard(body.target)
            case Reaction():
                _put(self._reactions_of(body.target, row.sender), body.emoji, body.on)
            case Pin():
                _put(self._all_pins(), body.target, body.on)

    def _note_coming(self, person: str, *, is_in: bool) -> None:
        self._comings[person] = is_in
        self._roles[person] = MEMBER if is_in else None
        if is_in:
            self._all_knocking().discard(person)
            self._note_restriction(BAN, person, 0)

    def _note_role(self, body: Role) -> None:
        if self.kind == SERVER:
            self._comings[body.person] = body.role != MEMBER
        elif body.role == OWNER:
            if self.owner is not None:
                self._roles[self.owner] = MODERATOR
            self.owner = body.person
        self._roles[body.person] = body.role

    @property
    def has_restrictions(self) -> bool:
        """Whether anybody is banned from the room or muted in it."""
        return self._n_restricted > 0 or bool(self._count_kept_restrictions())

    @property
    def members(self) -> frozenset[str] | None:
        """Members of the room now; None if they were not given at the beginning."""
        if self._members is None or not self._comings:
            return self._members
        came = {person for person, is_in in self._comings.items() if is_in}
        return (self._members | came) - (self._comings.keys() - came)

    def _reactions_of(self, seq: int, person: str) -> set[str]:
        key = (seq, person)
        if key not in self._reactions:
            self._flush()
            self._reactions[key] = set()
            for (text,) in self._connection.execute(
                """
                SELECT body FROM changes JOIN events USING (room_id, seq)
                WHERE changes.room_id = ? AND target = ? AND key >= ? AND key < ?
                """,
                (self._room_id, seq, f"react:{person}:", f"react:{person};"),
            ):
                body = read_body("reaction", text)
                assert isinstance(body, Reaction)
                _put(self._reactions[key], body.emoji, body.on)
        return self._reactions[key]

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

    def _keys_of(self, target: int) -> set[str]:
        if target not in self._keys:
            self._keys[target] = {
                key
                for (key,) in self._connection.execute(
                    "SELECT key FROM changes WHERE room_id = ? AND target = ?", (self._room_id, target)
                )
            }
        return self._keys[target]

    def _all_pins(self) -> set[int]:
        if self._pins is None:
            self._flush()
            self._pins = set(pins(self._connection, self._room_id))
        return self._pins


def _put(things: set[_Thing], thing: _Thing, is_in: bool) -> None:
    if is_in:
        things.add(thing)
    else:
        things.discard(thing)
