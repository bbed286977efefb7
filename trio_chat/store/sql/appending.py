"""Appends of one transaction: each is planned on top of those before it, and written with what follows from it.

Synchronous, inside the writer's transaction. Engines differ in how they find a room (`Appending`'s ``find_room``), and
in what they do before and behind it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from trio_chat.kinds.facts import SERVER_ROOM, SYSTEM
from trio_chat.kinds.standing import OPEN
from trio_chat.model.events import MESSAGE
from trio_chat.store.plan import plan_append
from trio_chat.store.space import Allowance
from trio_chat.store.sql import effects, standing
from trio_chat.store.sql.append_rows import (
    CachedRoom,
    find_came_ms,
    find_known_ms,
    insert_events,
    make_room,
)
from trio_chat.store.sql.rule_facts import AppendFacts

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from trio_chat.kinds.standing import Mode, Server
    from trio_chat.model.outcomes import Outcome
    from trio_chat.store.plan import CommandId, Known, Plan
    from trio_chat.store.space import Space
    from trio_chat.store.sql.connection import Connection
    from trio_chat.store.sql.requests import Append

MAX_LAST_MESSAGES = 100_000
MAX_KNOWN = 100_000


class Memory:
    """What a writer remembers from one batch to the next, besides rooms."""

    def __init__(self) -> None:
        self.default_mode: Mode = OPEN
        """See `Store.default_mode`."""
        self.last_messages: dict[tuple[int | None, str], int] = {}
        """When people (ids) wrote last in the rooms (ids) that are slow; since the start."""
        self._server: Server | None = None
        """How the server is run, once it was read; None again after each change of it."""
        self._known_ms: dict[str, int] = {}
        """Since when people are known, as far as it was asked; empty again with each change of the server."""

    def server(self, connection: Connection) -> Server:
        """How the server is run."""
        if self._server is None:
            self._server = standing.server(connection, default_mode=self.default_mode)
        return self._server

    def find_known_ms(self, connection: Connection, person: str) -> int | None:
        """Since when the person is known; None for a guest."""
        known_ms = self._known_ms.get(person)
        if known_ms is None:
            known_ms = find_known_ms(connection, person)
            if known_ms is not None:  # guests are many, and come once
                self._known_ms[person] = known_ms
        return known_ms

    def forget_server(self) -> None:
        """Ask anew how the server is run, and since when people are known."""
        self._server = None
        self._known_ms.clear()

    def trim(self) -> None:
        """Keep it in bounds."""
        if len(self.last_messages) > MAX_LAST_MESSAGES:
            self.last_messages.clear()
        if len(self._known_ms) > MAX_KNOWN:
            self._known_ms.clear()


class Planned(NamedTuple):
    """An append as it was planned."""

    room: CachedRoom
    """The room before it."""
    plan: Plan
    facts: AppendFacts | None
    """The facts behind it; None if no rule was asked."""
    room_bytes: int
    """Of the room behind it."""


class Appending:
    """Appends of one transaction, to whatever rooms. ``known`` are those of their commands that are in the log;
    ``last_messages`` may be a copy of the memory's, until it is known that they were written."""

    def __init__(
        self,
        connection: Connection,
        memory: Memory,
        space: Space,
        *,
        known: dict[CommandId, Known],
        find_room: Callable[[str], CachedRoom],
        last_messages: MutableMapping[tuple[int | None, str], int],
    ) -> None:
        self.rooms: dict[str, CachedRoom] = {}
        """Rooms that were written to, as they are then."""
        self.emptied: set[str] = set()
        """Rooms of which texts were deleted."""
        self.judged: set[str] = set()
        """Rooms that got events by which rules judge."""
        self.n_events = 0
        self.written: dict[str, int] = {}
        """Bytes, by who wrote them."""
        self.at_ms = 0
        self.newest: dict[int, tuple[int | None, int]] = {}
        """Of the rooms (ids): when something was written, and how many bytes. See `effects.note_newest`."""
        self._connection = connection
        self._memory = memory
        self._space = space
        self._known = known
        self._find_room = find_room
        self.last_messages = last_messages
        self._came_ms = partial(find_came_ms, connection)
        self._rows: list[tuple[Any, ...]] = []

    def append(self, append: Append) -> list[Outcome]:
        """Plan an append, and write it (its rows with the next `flush`)."""
        planned = self.plan(append, self.flush)
        plan, facts = planned.plan, planned.facts
        if plan.rows:
            room_id = planned.room.id
            if room_id is None:
                room_id = make_room(self._connection, append.room)
            self._rows += [(room_id, *row) for row in plan.rows]
            if facts is not None and facts.changes:
                if effects.deletes(facts.changes):
                    self.flush()
                    self.emptied.add(append.room)
                effects.apply(self._connection, room_id, facts.changes)
                if append.room == SERVER_ROOM:
                    self._memory.forget_server()  # the next append asks for what this one wrote
            self.note(append, planned, room_id)
        return plan.outcomes

    def plan(self, append: Append, flush: Callable[[], object]) -> Planned:
        """Plan an append. ``flush`` is called before the log is looked at: it writes what was planned before."""
        name = append.room
        room = self.rooms.get(name) or self._find_room(name)
        facts = self._facts(append, room, flush)
        allowance = Allowance(
            self._space,
            self.written,
            room_bytes=room.bytes,
            at_ms=append.at_ms,
            came_ms=self._came_ms,
        )
        plan = plan_append(
            name,
            append.drafts,
            at_ms=append.at_ms,
            head=room.head,
            known=self._known,
            facts=facts,
            allowance=allowance,
        )
        return Planned(room, plan, facts, allowance.room_bytes)

    def note(self, append: Append, planned: Planned, room_id: int) -> None:
        """Count the planned rows, with their effects, as written from here on."""
        room, plan, facts, room_bytes = planned
        self._known.update(plan.known)
        self.n_events += len(plan.rows)
        newest_ms, added = self.newest.get(room_id, (None, 0))
        if any(row.sender != SYSTEM for row in plan.rows):
            newest_ms = append.at_ms
        self.newest[room_id] = (newest_ms, added + room_bytes - room.bytes)
        self.at_ms = append.at_ms
        if facts is None or not facts.changes:
            self.rooms[append.room] = room._replace(id=room_id, head=plan.head, bytes=room_bytes)
            return
        self.judged.add(append.room)
        self.rooms[append.room] = CachedRoom(
            room_id,
            plan.head,
            facts.kind,
            facts.owner,
            facts.members,
            room_bytes,
            facts.policy,
            facts.has_restrictions,
        )

    def flush(self) -> None:
        """Write the rows that were planned and are not written yet."""
        insert_events(self._connection, self._rows)

    def _facts(self, append: Append, room: CachedRoom, flush: Callable[[], object]) -> AppendFacts | None:
        """Facts for the rules about the drafts; None if the rules allow them all anyway."""
        server = self._memory.server(self._connection)
        if (
            room.is_open_to_all
            and not server.limits_writing(append.at_ms)
            and all(draft.kind == MESSAGE for draft in append.drafts)
        ):
            return None
        return AppendFacts(
            self._connection,
            room=append.room,
            room_id=room.id,
            head=room.head.seq,
            kind=room.kind,
            owner=room.owner,
            policy=room.policy,
            members=room.members,
            server=server,
            has_restrictions=room.has_restrictions,
            last_messages=self.last_messages,
            find_known_ms=partial(self._memory.find_known_ms, self._connection),
            flush=flush,
        )
