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

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_chat.store.postgresql.connection import PostgresqlConnection

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


class NotKnown(Exception):
    """It could not be found out whether a transaction was committed."""


class Transactions:
    """Transactions on one connection, by one node."""

    def __init__(self, connection: PostgresqlConnection) -> None:
        self._connection = connection
        self.node = secrets.token_urlsafe(9)
        """The id of this node."""
        self._batch = 0

    def register(self) -> None:
        """Make the row of this node, and take away those of nodes that are long gone."""
        self._connection.execute("DELETE FROM nodes WHERE beat_at < now() - interval '30 days'")
        self._connection.execute("INSERT INTO nodes (id) VALUES (?)", (self.node,))

    def leave(self) -> None:
        """Take the row of this node away, if that can be done just now."""
        with suppress(psycopg.Error):
            self._connection.execute("DELETE FROM nodes WHERE id = ?", (self.node,))

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
            connection.execute("SELECT note_batch(?, ?)", (self.node, self._batch))
        except BaseException:
            connection.roll_back()
            raise
        try:
            connection.was_warned = False
            connection.execute("COMMIT")
            self._check_commit()
        except UNAVAILABLE as error:
            connection.close()
            raise _InDoubt(error, (answer,)) from error
        return answer

    def _pipelined(self, work: Callable[[], _Answer]) -> _Answer:
        connection = self._connection
        try:
            connection.was_warned = False
            with connection.waiting(), connection.raw.pipeline():
                connection.execute("BEGIN")
                answer = work()
                connection.execute("SELECT note_batch(?, ?)", (self.node, self._batch))
                connection.execute("COMMIT")
            self._check_commit()
        except UNAVAILABLE as error:
            if connection.is_lost or connection.was_warned:
                connection.close()
                raise _InDoubt(error, ()) from error
            raise
        return answer

    def _check_commit(self) -> None:
        if self._connection.was_warned:  # a standby may not have it
            raise psycopg.OperationalError("the server warned about the commit")

    def _was_committed(self) -> bool:
        """Whether the last batch was committed. Raises `NotKnown`."""
        until = monotonic() + DOUBT_S
        while True:
            try:
                self._connection.was_warned = False
                self._connection.execute("BEGIN")
                batch = self._connection.execute(
                    # Written to, so that its commit waits for what was committed before, on a standby as well.
                    "UPDATE nodes SET beat_at = now() WHERE id = ? RETURNING batch",
                    (self.node,),
                ).get
                self._connection.execute("COMMIT")
                self._check_commit()
            except UNAVAILABLE as error:
                self._connection.close()
                if monotonic() > until:
                    raise NotKnown from error
                time.sleep(PAUSE_S[1])
            else:
                if batch is None:
                    raise NotKnown
                LOGGER.warning(
                    "the answer to a commit was lost; it was %s",
                    "made" if batch == self._batch else "not made",
                )
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
            elif not is_retried(error) or monotonic() > until or keys_left < 0:
                raise
            connection.retries += 1
            LOGGER.info("a transaction is tried again: %s", error)
        time.sleep(pause_s * random.uniform(0.5, 1.5))
        pause_s = min(2 * pause_s, PAUSE_S[1])
