"""Plan of an append, made before anything is written: sequence numbers, repeats, conflicts, denials and digests.

Pure but for the salts, which must be unpredictable.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from trio_chat.kinds.facts import Facts
from trio_chat.kinds.rules import judge
from trio_chat.kinds.table import renamed
from trio_chat.model.chain import GENESIS, SALT_BYTES, chained, digest_of_body
from trio_chat.model.events import Event
from trio_chat.model.outcomes import Conflict, Denied, Repeat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trio_chat.model.events import Draft
    from trio_chat.model.outcomes import Outcome
    from trio_chat.store.space import Allowance

CommandId: TypeAlias = tuple[str, str]
"""Idempotency key of a command: (sender, client_id). It is never free again."""


class Known(NamedTuple):
    """Command that is in the log: enough of it to tell its repeat from a conflict."""

    room: str
    seq: int
    kind: str
    salt: bytes | None
    """None: its body was deleted."""
    body_digest: bytes
    name: str
    """The sender's name then."""

    def says(self, room: str, draft: Draft) -> bool:
        """Whether the draft repeats this command. The name does not count: people rename themselves.

        A body that was deleted cannot be compared any more. Whoever sends its command once more most likely repeats it
        after a lost answer; to take it for another would say a deleted message once more.
        """
        return (
            room == self.room
            and draft.kind == self.kind
            and (self.salt is None or digest_of_body(self.salt, self._body_of(draft)) == self.body_digest)
        )

    def _body_of(self, draft: Draft) -> str:
        is_called_the_same = draft.name == self.name
        return draft.body if is_called_the_same else renamed(draft.kind, draft.body, draft.sender, self.name)


class Row(NamedTuple):
    """Event as it is stored."""

    seq: int
    kind: str
    sender: str
    name: str
    client_id: str | None
    at_ms: int
    body: str | None
    """None: it was deleted, and its salt with it."""
    salt: bytes | None
    body_digest: bytes
    digest: bytes

    def event(self, room: str) -> Event:
        """The event as it is read."""
        return Event(
            room,
            self.seq,
            self.kind,
            self.sender,
            self.name,
            self.client_id,
            self.at_ms,
            self.body,
            self.digest,
        )


class Head(NamedTuple):
    """Head of a room's log: the number and the digest of its last event."""

    seq: int = 0
    digest: bytes = GENESIS


class GrowingFacts(Facts, Protocol):
    """Facts that follow the plan, event by event."""

    def note(self, row: Row) -> None:
        """Count this event as written from here on."""
        ...


class Plan(NamedTuple):
    """Rows to write, and the outcomes to answer once they are written."""

    outcomes: list[Outcome]
    rows: list[Row]
    head: Head
    known: dict[CommandId, Known]
    """Commands that this append adds."""


def plan_append(
    room: str,
    drafts: Sequence[Draft],
    *,
    at_ms: int,
    head: Head,
    known: Mapping[CommandId, Known],
    facts: GrowingFacts | None,
    allowance: Allowance | None = None,
) -> Plan:
    """Decide what becomes of the drafts, given the room's head, what the log knows of their commands, the facts for
    the rules, which then are those after the append, and what may be written (None: everything). Without facts there
    are only `MESSAGE` drafts, in a public room: no rule forbids those.

    Raises `UnicodeEncodeError` for a text that has no UTF-8 form (a lone surrogate), and what
    `trio_chat.kinds.table.read_body` raises.
    """
    outcomes: list[Outcome] = []
    rows: list[Row] = []
    added: dict[CommandId, Known] = {}
    seq, digest = head
    salts = os.urandom(SALT_BYTES * len(drafts))
    for number, draft in enumerate(drafts):
        command = None
        if draft.client_id is not None:
            command = (draft.sender, draft.client_id)
            before = added.get(command) or known.get(command)
            if before is not None:
                outcome = Repeat if before.says(room, draft) else Conflict
                outcomes.append(outcome(before.room, before.seq))
                continue
        refused = None if facts is None else judge(draft, facts, at_ms)
        if refused is None and allowance is not None:
            refused = allowance.take(draft)
        if refused is not None:
            outcomes.append(Denied(refused.code, refused.message, refused.retry_after_s))
            continue
        seq += 1
        salt = salts[number * SALT_BYTES : (number + 1) * SALT_BYTES]
        body_digest = digest_of_body(salt, draft.body)
        digest = chained(
            digest,
            room=room,
            seq=seq,
            kind=draft.kind,
            sender=draft.sender,
            name=draft.name,
            client_id=draft.client_id,
            at_ms=at_ms,
            body_digest=body_digest,
        )
        row = Row(
            seq,
            draft.kind,
            draft.sender,
            draft.name,
            draft.client_id,
            at_ms,
            draft.body,
            salt,
            body_digest,
            digest,
        )
        rows.append(row)
        if facts is not None:
            facts.note(row)
        outcomes.append(row.event(room))
        if command is not None:
            added[command] = Known(room, seq, draft.kind, salt, body_digest, draft.name)
    return Plan(outcomes, rows, Head(seq, digest), added)
