"""Writing side of the PostgreSQL store. Synchronous, one thread at a time.

Messages go in groups of many rooms, each in one way there and back: what the rules ask was read before, without a
lock, and is checked on the server (`trio_chat.store.postgresql.append`). Where it had changed meanwhile they are judged
again. Events with effects, and what has to wait for others, are judged and written while their rooms are locked. So a
node that hangs holds nobody up while it thinks about messages, and for some seconds at most with anything else
(``idle_in_transaction_session_timeout``).
"""

from __future__ import annotations

import logging
from collections import ChainMap
from functools import partial
from itertools import islice
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs
import psycopg

from trio_chat.errors import StoreUnavailable
from trio_chat.kinds.facts import SERVER_ROOM
from trio_chat.kinds.messages import POST
from trio_chat.model.events import MESSAGE, Event
from trio_chat.model.outcomes import Denied
from trio_chat.store.contract.statistics import StoreStatistics
from trio_chat.store.postgresql.append import PlannedRoom, append_events, ask_known, find_written, known_in
from trio_chat.store.postgresql.connection import UNAVAILABLE
from trio_chat.store.postgresql.last_messages import LastMessages
from trio_chat.store.postgresql.rooms_of_appends import RoomsOfAppends
from trio_chat.store.postgresql.transactions import REFUSED_CODE, NotKnown, Transactions
from trio_chat.store.space import Space, bytes_by_writer
from trio_chat.store.sql import effects
from trio_chat.store.sql.appending import Appending, Memory
from trio_chat.store.sql.blobs import has_gone
from trio_chat.store.sql.reader import unavailable
from trio_chat.store.sql.requests import EXPECTED, Append, command_ids, count_repeats
from trio_chat.store.sql.rule_facts import FILES_IN_JSON
from trio_chat.store.sql.succession import HasMoved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from trio_chat.model.events import Draft
    from trio_chat.model.outcomes import Outcome
    from trio_chat.store.mark_file import MarkFile
    from trio_chat.store.plan import CommandId, Known, Plan, Row
    from trio_chat.store.postgresql.connection import PostgresqlConnection
    from trio_chat.store.postgresql.mark import Mark
    from trio_chat.store.postgresql.rooms_of_appends import FoundRoom
    from trio_chat.store.sql.requests import WriteFunction

LOGGER = logging.getLogger(__name__)

_Placed: TypeAlias = "tuple[int, Any]"
"""A request, and its place in the batch."""

_Way: TypeAlias = "Callable[[list[_Placed]], tuple[dict[int, Any], int]]"
"""Writes requests, or some of them: their answers, and how many events were written."""

_Noted: TypeAlias = dict[tuple[int | None, str], int]
"""When people wrote last in rooms (ids), as far as it is planned."""

MAX_ROOMS: Final = 64
"""Rooms of one transaction: with many of them all nodes would wait for each other."""

MAX_TRIES: Final = 3
"""So often messages are judged without a lock, before their rooms are locked for it."""


class PostgresqlWriter:
    """The one connection that writes."""

    def __init__(
        self,
        connection: PostgresqlConnection,
        *,
        before: Mark | None = None,
        mark_file: MarkFile | None = None,
    ) -> None:
        self._connection = connection
        self._rooms = RoomsOfAppends(connection)
        # Typed as what it is the last of (`ChainMap`), to which nothing is written.
        self._last_messages: Any = LastMessages(connection)
        self._server_rules = -1
        self.transactions = Transactions(
            connection, before=before, mark_file=mark_file, on_connect=self._forget_what_was_read
        )
        self.space = Space()
        self.memory = Memory()
        self.has_gone = False
        """Whether there may be blobs that nothing needs any more, until somebody takes note of it."""
        self.statistics = StoreStatistics()
        """Replaced as a whole after each transaction: may be read from any thread."""

    def run_batch(self, requests: Sequence[Append | WriteFunction]) -> list[Any]:
        """Run the requests in as few transactions as can be; one answer for each, an exception for what failed.

        If a transaction fails nothing of it is written, and its answers are `StoreUnavailable`. Raises `HasMoved`.
        """
        answers: dict[int, Any] = {}
        messages: list[tuple[int, Append]] = []
        others: list[tuple[int, Append]] = []
        functions: list[tuple[int, WriteFunction]] = []
        for place, request in enumerate(requests):
            if not isinstance(request, Append):
                functions.append((place, request))
            else:
                (messages if all(map(_is_message, request.drafts)) else others).append((place, request))
        self._answer(functions, self._write_functions, answers=answers)
        for group in _groups(messages):
            self._answer(group, *[self._try_messages] * MAX_TRIES, self._write_locked, answers=answers)
        for group in _groups(others):
            self._answer(group, self._write_locked, answers=answers)
        self.memory.trim()
        return [answers[place] for place in range(len(requests))]

    def _answer(self, requests: list[_Placed], *ways: _Way, answers: dict[int, Any]) -> None:
        """Add the answers of these requests to those of the batch. Each of the ways to write them, the last of which
        leaves none, takes those that the one before left. Raises `HasMoved`."""
        left = requests
        for write in ways:
            if not left:
                return
            started = perf_counter()
            try:
                written, n_events = write(left)
            except (*UNAVAILABLE, NotKnown) as error:
                LOGGER.error("the log cannot be written: %s", error)
                self.statistics = self.statistics.after_failure(monotonic())
                self._forget()
                answers.update((place, _told(error)) for place, _ in left)
                return
            except Exception as error:
                # A bug, or a text that is none (a lone surrogate). Each on its own, it cannot harm the others.
                self._forget()
                if _was_refused(error):
                    raise HasMoved(answers) from error
                if len(left) == 1:
                    answers[left[0][0]] = error
                    return
                for request in left:
                    self._answer([request], *ways, answers=answers)
                return
            self.statistics = self.statistics.after_commit(
                perf_counter() - started, events=n_events, repeats=count_repeats(written.values())
            )
            answers.update(written)
            left = [(place, request) for place, request in left if place not in written]

    def _forget(self) -> None:
        self._connection.roll_back()
        self._forget_what_was_read()

    def _forget_what_was_read(self) -> None:
        self._rooms.forget()
        self.memory.forget_server()

    # -- functions --

    def _write_functions(self, functions: Sequence[tuple[int, WriteFunction]]) -> tuple[dict[int, Any], int]:
        answers, gone = self.transactions.run(partial(self._call, functions))
        self.has_gone |= gone
        return answers, 0

    def _call(self, functions: Sequence[tuple[int, WriteFunction]]) -> tuple[dict[int, Any], bool]:
        answers: dict[int, Any] = {}
        for place, function in functions:
            try:
                answers[place] = function(self._connection)
            except EXPECTED as error:
                answers[place] = error
        return answers, has_gone(self._connection)

    # -- appends under locks --

    def _write_locked(self, appends: Sequence[tuple[int, Append]]) -> tuple[dict[int, list[Outcome]], int]:
        names = {append.room for _, append in appends}
        self.transactions.again(partial(self._rooms.make, names))
        outcomes, appending, gone = self.transactions.run(partial(self._append_locked, appends, names))
        if SERVER_ROOM in names:
            self.memory.forget_server()
        if appending.written:
            self.space.count(appending.written, appending.at_ms)
        self.has_gone |= gone
        return outcomes, appending.n_events

    def _append_locked(
        self, appends: Sequence[tuple[int, Append]], names: set[str]
    ) -> tuple[dict[int, list[Outcome]], Appending, bool]:
        connection = self._connection
        self._rooms.make(names)
        found, server_rules, known = self._find([append for _, append in appends], names, lock=True)
        self._follow_server(server_rules, is_written=SERVER_ROOM in names)
        appending = self._appending(found, known, {})
        outcomes = {place: appending.append(append) for place, append in appends}
        appending.flush()
        if appending.rooms:
            connection.execute(
                """
                UPDATE rooms SET head = w.head, digest = w.digest,
                    rules_seq = CASE WHEN w.is_judged <> 0 THEN w.head ELSE rules_seq END
                FROM unnest(CAST(? AS bigint[]), CAST(? AS bigint[]), CAST(? AS bytea[]), CAST(? AS bigint[]))
                    AS w (id, head, digest, is_judged)
                WHERE rooms.id = w.id
                """,
                (
                    [room.id for room in appending.rooms.values()],
                    [room.head.seq for room in appending.rooms.values()],
                    [room.head.digest for room in appending.rooms.values()],
                    [int(name in appending.judged) for name in appending.rooms],
                ),
            )
            effects.note_newest(connection, appending.newest)
        return outcomes, appending, bool(appending.emptied) and has_gone(connection)

    def _find(
        self, appends: Sequence[Append], names: set[str], *, lock: bool = False
    ) -> tuple[dict[str, FoundRoom], int, dict[CommandId, Known]]:
        """What is asked before anything is judged, in one go: the rooms, the number of the server room's last event by
        which rules judge, and the commands that are known."""
        with self._connection.in_one_go():
            rooms = self._rooms.ask(names, lock=lock)
            known = ask_known(self._connection, command_ids(appends))
        return *self._rooms.found_in(rooms), known_in(known)

    def _appending(
        self, found: dict[str, FoundRoom], known: dict[CommandId, Known], noted: _Noted
    ) -> Appending:
        return Appending(
            self._connection,
            self.memory,
            self.space,
            known=known,
            find_room=lambda name: found[name].room,
            last_messages=ChainMap(noted, self._last_messages),
        )

    def _follow_server(self, server_rules: int, *, is_written: bool = False) -> None:
        if is_written or server_rules != self._server_rules:
            self.memory.forget_server()
        self._server_rules = server_rules

    # -- messages, without a lock while they are judged --

    def _try_messages(self, appends: Sequence[tuple[int, Append]]) -> tuple[dict[int, list[Outcome]], int]:
        """The outcomes of those that were written or need not be, and how many events were written."""
        names = {append.room for _, append in appends}
        draft = self.transactions.again(partial(self._plan, appends, names))
        epochs = self.transactions.epochs
        rooms = sorted(draft.rooms.values(), key=lambda room: room.id)
        if not rooms:
            return draft.outcomes_with({}), 0

        def append() -> Callable[[], Any]:
            if self.transactions.epochs != epochs:  # what was judged may be lost: what is answered, say
                raise _MustBePlannedAnew
            return append_events(self._connection, self._server_rules, rooms).fetchone

        def recall() -> Callable[[], Any]:
            return partial(tuple, find_written(self._connection, rooms))

        try:
            answer = self.transactions.run(append, recall=recall, in_one_go=True)
        except _MustBePlannedAnew:
            self._forget()
            return {}, 0
        seqs, digests = answer()
        written: dict[str, list[Row]] = {}
        numbers = iter(zip(seqs, digests, strict=True))
        for room in rooms:
            placed = list(islice(numbers, len(room.rows)))
            if placed[0][0] is not None:
                written[room.name] = [
                    row._replace(seq=seq, digest=digest)
                    for row, (seq, digest) in zip(room.rows, placed, strict=True)
                ]
        self.space.count(
            bytes_by_writer(row for rows in written.values() for row in rows), draft.appending.at_ms
        )
        return draft.outcomes_with(written), sum(map(len, written.values()))

    def _plan(self, appends: Sequence[tuple[int, Append]], names: set[str]) -> _Draft:
        self._rooms.make(names)
        found, server_rules, known = self._find([append for _, append in appends], names)
        self._follow_server(server_rules)
        noted: _Noted = {}
        draft = _Draft(self._appending(found, known, noted), found, noted)
        for place, append in appends:
            draft.add(place, append)
        return draft


@attrs.define
class _Draft:
    """Messages that were judged without a lock, with the numbers that they get if nobody else writes meanwhile."""

    appending: Appending
    found: dict[str, FoundRoom]
    noted: _Noted
    rooms: dict[str, PlannedRoom] = attrs.field(factory=dict)
    answers: list[tuple[int, str, Plan]] = attrs.field(factory=list)
    """Places, rooms and plans of what was planned."""
    commands: dict[CommandId, str] = attrs.field(factory=dict)
    """The planned commands, and in which room."""

    def add(self, place: int, append: Append) -> None:
        """Plan an append, if it can be without what was planned before being written."""
        name = append.room
        commands = command_ids([append])
        if any(self.commands.get(command, name) != name for command in commands):
            return
        noted: _Noted = {}
        before = self.appending.last_messages
        self.appending.last_messages = ChainMap(noted, before)
        try:
            planned = self.appending.plan(append, self._must_be_empty)
        except _MustBeWritten:
            return
        finally:
            self.appending.last_messages = before
        plan, facts = planned.plan, planned.facts
        if facts is not None and facts.changes:
            return
        self.noted.update(noted)
        self.answers.append((place, name, plan))
        if not plan.rows:
            return
        room_id = planned.room.id
        assert room_id is not None
        self.appending.note(append, planned, room_id)
        self.commands.update(dict.fromkeys(plan.known, name))
        so_far = self.rooms.get(name)
        newest_ms, size = self.appending.newest[room_id]
        found = self.found[name]
        must_have = found.room.head.seq if facts is not None and facts.depends_on_head else -1
        self.rooms[name] = PlannedRoom(
            room_id,
            name,
            found.rules_seq,
            max(must_have, so_far.head if so_far else -1),
            [*(so_far.rows if so_far else []), *plan.rows],
            newest_ms,
            size,
        )

    def _must_be_empty(self) -> None:
        if self.rooms:
            raise _MustBeWritten

    def outcomes_with(self, written: dict[str, list[Row]]) -> dict[int, list[Outcome]]:
        """The outcomes by their places, of those of which all was written, with the numbers that they got."""
        outcomes: dict[int, list[Outcome]] = {}
        rows = {name: iter(rows) for name, rows in written.items()}
        for place, name, plan in self.answers:
            if name in written:
                outcomes[place] = [
                    self._as_written(outcome, written, rows[name]) for outcome in plan.outcomes
                ]
            elif name not in self.rooms:
                outcomes[place] = plan.outcomes
        return outcomes

    def _as_written(self, outcome: Outcome, written: dict[str, list[Row]], rows: Iterator[Row]) -> Outcome:
        if isinstance(outcome, Event):
            return next(rows).event(outcome.room)
        if not isinstance(outcome, Denied) and outcome.room in written:
            planned, actual = self.rooms[outcome.room].rows, written[outcome.room]
            if outcome.seq >= planned[0].seq:  # of this very group
                return attrs.evolve(outcome, seq=outcome.seq + actual[0].seq - planned[0].seq)
        return outcome


class _MustBeWritten(Exception):
    """The log must be looked at, and what was planned before is not in it yet."""


class _MustBePlannedAnew(Exception):
    """The database lacks something of the log by which it was planned."""


def _told(error: Exception) -> Exception:
    """The error as it is told to who submitted the request."""
    if isinstance(error, NotKnown):
        return StoreUnavailable(
            "The database was lost while this was written, and whether it was is not known. Send it again later."
        )
    return unavailable(error) if isinstance(error, UNAVAILABLE) or _was_refused(error) else error


def _was_refused(error: Exception) -> bool:
    """Whether the chat has moved to another database."""
    return isinstance(error, psycopg.Error) and error.sqlstate == REFUSED_CODE


def _is_message(draft: Draft) -> bool:
    """Whether the draft has no effects beyond the log."""
    return draft.kind == MESSAGE or (draft.kind == POST and FILES_IN_JSON not in draft.body)


def _groups(appends: Iterable[tuple[int, Append]]) -> Iterator[list[tuple[int, Append]]]:
    """The appends in groups of few enough rooms."""
    group: list[tuple[int, Append]] = []
    rooms: set[str] = set()
    for place, append in appends:
        if append.room not in rooms and len(rooms) == MAX_ROOMS:
            yield group
            group, rooms = [], set()
        group.append((place, append))
        rooms.add(append.room)
    if group:
        yield group
