"""Transactions that are run again when another node, or the line, was in the way, and whose end is known.

Each carries the number of its batch into the row of this node (``nodes.batch``). When the answer to a COMMIT does not
come, the row tells whether the transaction was committed: whoever asks with a lock waits until the old session is over.
"""

from __future__ import annotations

import logging
import random
import secrets
import time
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeVar

import psycopg

from trio_chat.store.postgresql.connection import UNAVAILABLE
from trio_chat.store.postgresql.epochs import reconcile
from trio_chat.store.postgresql.mark import Mark
from trio_chat.store.sql.epochs import EPOCHS

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_chat.store.mark_file import MarkFile
    from trio_chat.store.postgresql.connection import PostgresqlConnection, PostgresqlRows

LOGGER = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")

RETRIED_S: Final = 10.0
"""So long a transaction is tried again. Longer than a failover of a kept line, shorter than people wait."""

DOUBT_S: Final = 60.0
"""So long it is asked whether a transaction was committed."""

PAUSE_S: Final = (0.01, 0.5)
"""Pauses between tries, from the first to the longest."""

RETRIED: Final = ("08", "40", "55P03", "57P", "25P03", "25006", "23505")
"""How the codes begin of errors that somebody else causes, and that may be gone the next time: lost lines, deadlocks,
locks that are held, servers that stop or start or have become a standby; and a key that another node took first."""

MAX_KEYS: Final = 3
"""So often somebody else may have taken a key first: more is a bug."""

NOT_REGISTERED: Final = "TC001"

REFUSED_CODE: Final = "TC002"
"""The chat has moved to another database (`trio_chat.store.moving`)."""


class NotKnown(Exception):
    """It could not be found out whether a transaction was committed."""


class Transactions:
    """Transactions on one connection, by one node.

    ``before`` is the mark that was found in the node's data directory, ``mark_file`` the file for its next ones;
    without one, what is lost while this node does not run is not noticed. ``on_connect`` is called whenever the
    connection was made anew: the database may be another one, as far as what was remembered of it goes.
    """

    def __init__(
        self,
        connection: PostgresqlConnection,
        *,
        before: Mark | None = None,
        mark_file: MarkFile | None = None,
        on_connect: Callable[[], object] = lambda: None,
    ) -> None:
        self._connection = connection
        self.node = secrets.token_urlsafe(9)
        """The id of this node."""
        self._batch = 0
        self._mark = before
        self._mark_file = mark_file
        self._on_connect = on_connect

    @property
    def epochs(self) -> int:
        """How many epochs of everything were begun, as far as this node knows. For any thread."""
        return 0 if self._mark is None else self._mark.epochs

    def connect(self) -> None:
        """Look whether the database has what this node was told to be written, and register the node. From now on that
        is done whenever there is a new connection. Raises `psycopg.Error`."""
        self._reconcile()
        self._connection.on_connect = self._reconcile
        self._connection.execute("DELETE FROM nodes WHERE beat_at < now() - interval '1 year'")

    def _reconcile(self) -> None:
        connection, before = self._connection, self._mark
        connection.was_warned = False
        found, why = reconcile(connection, self.node, before)
        connection.execute("COMMIT")
        self._check_commit()
        is_same = before is not None and before.node == self.node
        self._keep(
            Mark(
                found.database,
                found.timeline,
                found.epochs,
                self.node,
                before.batch if before is not None and is_same else 0,
                found.is_replicated,
            ),
        )
        if before is not None and not is_same:
            if self._mark_file is not None:
                self._mark_file.sync()
            connection.execute("DELETE FROM nodes WHERE id = ?", (before.node,))
        if why is not None:
            LOGGER.error(
                "the database %s: a new epoch of everything begins, and everybody starts afresh", why
            )
        self._on_connect()

    def register(self) -> None:
        """Make the row of this node anew, after it was taken away."""
        assert self._mark is not None
        self._connection.execute(
            "INSERT INTO nodes (id, batch) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
            (self.node, self._mark.batch),
        )

    def leave(self) -> None:
        """Take the row of this node away, if nobody remembers it and that can be done just now."""
        if self._mark_file is None:
            with suppress(psycopg.Error):
                self._connection.execute("DELETE FROM nodes WHERE id = ?", (self.node,))

    def _keep(self, mark: Mark) -> None:
        self._mark = mark
        if self._mark_file is not None:
            self._mark_file.write(str(mark))

    def _note(self, epochs: int, is_replicated: bool) -> None:  # as the database says it
        """Mark the last batch as committed."""
        assert self._mark is not None
        self._keep(self._mark._replace(epochs=epochs, batch=self._batch, is_replicated=is_replicated))

    def run(
        self,
        work: Callable[[], _Answer],
        *,
        recall: Callable[[], _Answer] | None = None,
        in_one_go: bool = False,
    ) -> _Answer:
        """Call ``work`` inside a transaction, again if need be, and return what it returned.

        With ``in_one_go`` everything is sent before anything is waited for. Then ``recall``, called after a transaction
        whose answers did not come but which was committed, returns what ``work`` would have. Raises what ``work``
        raises, `UNAVAILABLE` when time is up, and `NotKnown`.
        """

        def attempt() -> _Answer:
            self._batch += 1
            try:
                return self._pipelined(work) if in_one_go else self._step_by_step(work)
            except _InDoubt as doubt:
                self._connection.in_doubt += 1
                if not self._was_committed():
                    raise doubt.cause from doubt
                if doubt.answer:
                    answer: _Answer = doubt.answer[0]
                    return answer
            assert recall is not None
            return self.again(recall)

        return self.again(attempt)

    def again(self, work: Callable[[], _Answer]) -> _Answer:
        """`again` on this connection."""
        return again(self._connection, work, register=self.register)

    def _step_by_step(self, work: Callable[[], _Answer]) -> _Answer:
        connection = self._connection
        connection.execute("BEGIN")
        try:
            answer = work()
        except BaseException:
            connection.roll_back()
            raise
        try:
            connection.was_warned = False
            with connection.in_one_go():
                noted = self._note_batch()
                connection.execute("COMMIT")
            self._check_commit()
        except UNAVAILABLE as error:
            if not (connection.is_lost or connection.was_warned):
                raise  # the batch could not be noted
            connection.close()
            raise _InDoubt(error, (answer,)) from error
        self._note(*noted.fetchone())
        return answer

    def _note_batch(self) -> PostgresqlRows:
        return self._connection.execute(
            "SELECT epochs, replicated FROM note_batch(?, ?)", (self.node, self._batch)
        )

    def _pipelined(self, work: Callable[[], _Answer]) -> _Answer:
        connection = self._connection
        try:
            connection.was_warned = False
            with connection.in_one_go():
                connection.execute("BEGIN")
                answer = work()
                noted = self._note_batch()
                connection.execute("COMMIT")
            self._check_commit()
        except UNAVAILABLE as error:
            if connection.is_lost or connection.was_warned:
                connection.close()
                raise _InDoubt(error, ()) from error
            raise
        self._note(*noted.fetchone())
        return answer

    def _check_commit(self) -> None:
        if self._connection.was_warned:  # a standby may not have it, and others see it already
            if self._mark is not None:
                self._keep(self._mark._replace(is_replicated=False))
            raise psycopg.OperationalError("the server warned about the commit")

    def _was_committed(self) -> bool:
        """Whether the last batch was committed. Raises `NotKnown`."""
        until = monotonic() + DOUBT_S
        while True:
            try:
                self._connection.was_warned = False
                self._connection.execute("BEGIN")
                found = self._connection.execute(
                    # Written to, so that its commit waits for what was committed before, on a standby as well.
                    "UPDATE nodes SET beat_at = now(), is_replicated = is_replicated() WHERE id = ? "
                    f"RETURNING batch, (SELECT CAST(value AS bigint) FROM meta WHERE key = '{EPOCHS}'), is_replicated",
                    (self.node,),
                ).fetchone()
                self._connection.execute("COMMIT")
                self._check_commit()
            except UNAVAILABLE as error:
                self._connection.close()
                if monotonic() > until or self._connection.is_given_up:
                    raise NotKnown from error
                time.sleep(PAUSE_S[1])
            else:
                if found is None:
                    raise NotKnown
                batch, *noted = found
                LOGGER.warning(
                    "the answer to a commit was lost; it was %s",
                    "made" if batch == self._batch else "not made",
                )
                if batch == self._batch:
                    self._note(*noted)
                return bool(batch == self._batch)


class _InDoubt(Exception):
    def __init__(self, cause: Exception, answer: tuple[Any, ...]) -> None:
        self.cause = cause
        self.answer = answer


def is_retried(error: psycopg.Error) -> bool:
    """Whether it may be better the next time."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate.startswith(RETRIED)


def again(
    connection: PostgresqlConnection,
    work: Callable[[], _Answer],
    *,
    register: Callable[[], object] = lambda: None,
) -> _Answer:
    """Call what reads, or writes in one transaction, again if somebody else was in the way; what it returned.

    ``register`` is called when the node is not registered any more. Raises what ``work`` raises, and `UNAVAILABLE` when
    time is up.
    """
    until = monotonic() + RETRIED_S
    pause_s = PAUSE_S[0]
    keys_left = MAX_KEYS
    while True:
        try:
            return work()
        except psycopg.Error as error:
            connection.roll_back()
            keys_left -= isinstance(error, psycopg.errors.UniqueViolation)
            if error.sqlstate == NOT_REGISTERED:
                register()
            elif not is_retried(error) or monotonic() > until or keys_left < 0 or connection.is_given_up:
                raise
            connection.retries += 1
            LOGGER.info("a transaction is tried again: %s", error)
        time.sleep(pause_s * random.uniform(0.5, 1.5))
        pause_s = min(2 * pause_s, PAUSE_S[1])
