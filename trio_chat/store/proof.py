"""Proof of events: is an event what was written? Its digests decide. For all that reads, and for `verify`.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from trio_chat.kinds.table import DELETABLE
from trio_chat.model.chain import GENESIS, chained, digest_of_body

if TYPE_CHECKING:
    from trio_chat.store.plan import Row

Digests: TypeAlias = tuple[bytes, ...]
"""Digests that the next event may be chained to: that of the event before it, or, where that is damaged, those that it
may have had. Empty: it is lost, and the next event cannot be proved."""

START: Digests = (GENESIS,)
"""The first event of a room is chained to this."""

MAX_GUESSES = 4
"""Digests that are tried through a stretch of damage."""

MISSING = "it is missing"
UNREADABLE = "it cannot be read, or is missing"
BAD_BODY = "its text does not match its digest"
BAD_LINK = "it does not match its digest, or does not follow the event before it"
BAD_VALUE = "it holds a value that nobody wrote"
LOST_BODY = "its text is missing, and nobody deleted it"
UNPROVEN = "the event before it is missing, so nothing proves it"


def examine(room: str, row: Row, before: Digests, *, is_deleted: bool = False) -> tuple[str | None, Digests]:
    """The flaw of an event (None if it is what was written), and the digests that the next may be chained to.

    ``is_deleted``: whether the log says that its body was deleted; only then it may be missing.

    Where the damage is in the digest itself, the next event was chained to what the fields say; where it is in the
    fields, to the digest in the row. Both are tried, so that one flipped bit costs one event.
    """
    try:
        flaw = _flaw_of_body(row, is_deleted)
        computed = tuple(
            chained(
                digest,
                room=room,
                seq=row.seq,
                kind=row.kind,
                sender=row.sender,
                name=row.name,
                client_id=row.client_id,
                at_ms=row.at_ms,
                body_digest=row.body_digest,
            )
            for digest in before
        )
    except (TypeError, AttributeError, UnicodeEncodeError):  # damaged to a value of another type
        return BAD_VALUE, (row.digest,) if isinstance(row.digest, bytes) else ()
    if row.digest in computed:
        return flaw, (row.digest,)
    guesses = ((row.digest, *computed) if isinstance(row.digest, bytes) else computed)[:MAX_GUESSES]
    if not before:
        return UNPROVEN, guesses
    return flaw or BAD_LINK, guesses


def _flaw_of_body(row: Row, is_deleted: bool) -> str | None:
    if row.body is None and row.salt is None:
        return None if is_deleted and row.kind in DELETABLE else LOST_BODY
    if row.body is None or row.salt is None:
        return BAD_BODY
    return None if digest_of_body(row.salt, row.body) == row.body_digest else BAD_BODY
