"""Facts for the rules about a room, from the database and from what the append has added so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec.structs import replace

from trio_chat.kinds.facts import DIRECT, LOBBY, SERVER
from trio_chat.kinds.messages import EVERYBODY, POST, Delete, Edit, Post
from trio_chat.kinds.moderation import Restriction
from trio_chat.kinds.pins import Pin
from trio_chat.kinds.reactions import Reaction
from trio_chat.kinds.roles import Role
from trio_chat.kinds.rooms import Created, Membership, Settings
from trio_chat.kinds.rules import may_hear
from trio_chat.kinds.server import after
from trio_chat.kinds.standing import BAN, MEMBER, MODERATOR, OWNER, PROBATION, is_known
from trio_chat.kinds.table import MESSAGES, change_key, read_body
from trio_chat.store.sql.direct_facts import DirectFacts
from trio_chat.store.sql.rooms import pins
from trio_chat.store.sql.standing_facts import ANYWHERE, StandingFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from trio_chat.kinds.forms import Body
    from trio_chat.kinds.standing import Policy, Server
    from trio_chat.store.plan import Row
    from trio_chat.store.sql.connection import Connection

_Thing = TypeVar("_Thing")

FILES_IN_JSON = '"files"'
"""Stands in the body of each message with files; and of few others."""

MENTIONS_WINDOW = 1_000
"""Mentions of everybody are looked for among so many of a room's newest events."""


class AppendFacts(StandingFacts, DirectFacts):
    """Facts for one append to one room. Each is read from the database once, and only if a rule needs it.

    ``flush`` is called before the events are looked at: it writes those that were planned before, by other appends.
    """

    def __init__(
        self,
        connection: Connection,
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
        last_messages: MutableMapping[tuple[int | None, str], int],
        find_known_ms: Callable[[str], int | None],
        flush: Callable[[], object],
    ) -> None:
        StandingFacts.__init__(
            self,
            connection,
            room_id,
            has_restrictions=has_restrictions,
            last_messages=last_messages,
            find_known_ms=find_known_ms,
        )
        DirectFacts.__init__(self, connection, room_id, flush=flush)
        self.room = room
        self.kind = kind
        self.owner = owner
        self.policy = policy
        self.server = server
        self.head = head
        self.changes: list[tuple[Row, Body]] = []
        """Events of the append that are no messages, and messages with files, with their parsed bodies."""
        self._members = members
        self._authors: dict[int, str | None] = {}
        self._are_deleted: dict[int, bool] = {}
        self._edits: dict[int, int] = {}
        self._keys: dict[int, set[str]] = {}
        self._reactions: dict[int, dict[str, set[str]]] = {}
        self._pins: set[int] | None = None
        self._comings: dict[str, bool] = {}
        self._uses: dict[str, int] = {}
        self._mentions_of_all: dict[str, list[int]] = {}
        self._sent: set[str] = set()
        self._with_files: set[int] = set()

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

    def reactions_to(self, seq: int) -> Mapping[str, set[str]]:
        """See `trio_chat.kinds.facts.Facts`."""
        if seq not in self._reactions:
            self._reactions[seq] = {}
            for emoji, person in self._connection.execute(
                "SELECT emoji, person_id FROM reactions WHERE room_id = ? AND target = ?",
                (self._room_id, seq),
            ):
                self._reactions[seq].setdefault(emoji, set()).add(person)
        return self._reactions[seq]

    def has_change(self, target: int, key: str) -> bool:
        """See `trio_chat.kinds.facts.Facts`."""
        return key in self._keys_of(target)

    def count_changes(self, target: int) -> int:
        """See `trio_chat.kinds.facts.Facts`."""
        return len(self._keys_of(target))

    def count_pins(self) -> int:
        """See `trio_chat.kinds.facts.Facts`."""
        return len(self._all_pins())

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
        self.depends_on_head = True
        if person not in self._mentions_of_all:
            self._flush()
            found = self._connection.execute(
                """
                SELECT at_ms, body FROM (
                    SELECT seq, kind, sender, at_ms, body FROM events WHERE room_id = ? ORDER BY seq DESC LIMIT ?
                ) AS newest
                WHERE sender = ? AND at_ms > ? AND kind = 'post' AND (body IS NULL OR body LIKE '%"all"%')
                ORDER BY seq DESC
                """,
                (self._room_id, MENTIONS_WINDOW, person, since_ms),
            )
            self._mentions_of_all[person] = [at_ms for at_ms, body in found if _mentions_everybody(body)]
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

    def can_send(self, upload: str, person: str, *, as_picture: bool = False) -> bool:
        """See `trio_chat.kinds.facts.Facts`."""
        return upload not in self._sent and bool(
            self._connection.execute(
                f"""
                SELECT 1 FROM uploads WHERE id = ? AND person_id = ? AND room = ? AND is_picture = ?
                    AND blob_id IS NOT NULL AND seq IS NULL {self._connection.dialect.for_update}
                """,
                (upload, person, self.room, int(as_picture)),
            ).get
        )

    def has_files(self, seq: int) -> bool:
        """See `trio_chat.kinds.facts.Facts`."""
        found = self._connection.execute(
            "SELECT 1 FROM files WHERE room_id = ? AND seq = ?", (self._room_id, seq)
        ).get
        return found is not None or seq in self._with_files

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
            self.note_message(row.seq)
            self._note_files(row)
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
        self.note_standing(row, body)
        self.note_direct(row, body, self.kind)
        match body:
            case Created():
                self.kind = body.kind
                self.owner = None if body.kind == DIRECT else row.sender
                self._comings.update((who.id, True) for who in body.members)
            case Settings():
                self.policy = replace(self.policy, **body.policy)
                if body.picture:
                    self._sent.add(body.picture)
            case Role():
                self._note_role(body)
            case Restriction():
                self._note_restriction(row.kind, body.person, body.ends_ms)
                if row.kind == BAN and body.on:
                    self._note_coming(body.person, is_in=False)
            case Membership():
                self._note_coming(body.person.id, is_in=body.on)
                if body.invite is not None:
                    self._uses[body.invite] = self._uses.get(body.invite, 0) + 1
            case Edit():
                self._edits[body.target] = self.count_edits(body.target) + 1
            case Delete():
                self._are_deleted[body.target] = True
                self._all_pins().discard(body.target)
            case Reaction():
                self._note_reaction(row.sender, body)
            case Pin():
                _put(self._all_pins(), body.target, body.on)

    def _note_files(self, row: Row) -> None:
        if row.kind != POST or row.body is None or FILES_IN_JSON not in row.body:
            return
        body = read_body(row.kind, row.body)
        assert isinstance(body, Post)
        if body.files:
            self._sent.update(file.upload for file in body.files)
            self._with_files.add(row.seq)
            self.changes.append((row, body))

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
    def members(self) -> frozenset[str] | None:
        """Members of the room now; None if they were not given at the beginning."""
        if self._members is None or not self._comings:
            return self._members
        came = {person for person, is_in in self._comings.items() if is_in}
        return (self._members | came) - (self._comings.keys() - came)

    def _note_reaction(self, person: str, body: Reaction) -> None:
        self.reactions_to(body.target)
        given = self._reactions[body.target]
        _put(given.setdefault(body.emoji, set()), person, body.on)
        if not given[body.emoji]:
            del given[body.emoji]

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


def _mentions_everybody(body: str | None) -> bool:
    """Whether the body of a post mentions everybody; one that was deleted may have."""
    if body is None:
        return True
    try:
        return EVERYBODY in getattr(read_body(POST, body), "mentions", ())
    except msgspec.MsgspecError:  # damaged
        return False


def _put(things: set[_Thing], thing: _Thing, is_in: bool) -> None:
    if is_in:
        things.add(thing)
    else:
        things.discard(thing)
