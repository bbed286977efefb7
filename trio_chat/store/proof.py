"""Whether an event is what was written, decided by its digests. Used by whoever reads, and by `verify`.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from trio_chat.chain import GENESIS, chained, digest_of_body

if TYPE_CHECKING:
    from trio_chat.store.plan import Row

Digests: TypeAlias = tuple[bytes, ...]
"""What the next event may be chained to: the digest of the event before it, or, where that is damaged, what it
may have been. Empty: it is lost, and the next event cannot be proved."""

START: Digests = (GENESIS,)
"""What the first event of a room is chained to."""

MAX_GUESSES = 4
"""How many digests are kept in mind through a stretch of damage."""

MISSING = "it is missing"
UNREADABLE = "it cannot be read, or is missing"
BAD_BODY = "its text does not match its digest"
BAD_LINK = "it does not match its digest, or does not follow the event before it"
BAD_VALUE = "it holds a value that nobody wrote"
UNPROVEN = "the event before it is missing, so nothing proves it"


def examine(room: str, row: Row, before: Digests) -> tuple[str | None, Digests]:
    """What is wrong with the event, None if it is what was written; and what the next may be chained to.

    Where the damage is in the digest itself, the next event was chained to what the fields say; where it is in the
    fields, to the digest that stands there. Both are tried, so that one flipped bit costs one event.
    """
    try:
        has_its_body = digest_of_body(row.salt, row.body) == row.body_digest
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
        return None if has_its_body else BAD_BODY, (row.digest,)
    guesses = ((row.digest, *computed) if isinstance(row.digest, bytes) else computed)[:MAX_GUESSES]
    if not before:
        return UNPROVEN, guesses
    return BAD_LINK if has_its_body else BAD_BODY, guesses
