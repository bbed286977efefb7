"""Digest chain: each event's digest covers the event and the digest before it.

    body_digest = SHA-256(salt, body)
    digest      = SHA-256(previous digest, the event's own fields, body_digest)

When a body is deleted later, its salt is deleted too: what stays (``body_digest``) keeps the chain whole, and a short
text cannot be guessed from it. A changed, missing or exchanged event breaks the chain at its number.

Pure.
"""

from __future__ import annotations

import hashlib

SALT_BYTES = 16
"""Long enough to make trying all short texts hopeless."""

GENESIS = bytes(32)
"""Digest to which the first event of a room is chained."""


def digest_of_body(salt: bytes, body: str) -> bytes:
    """Digest of a body, 32 bytes. The salt has a fixed length, so no separator is needed."""
    return hashlib.sha256(salt + body.encode()).digest()


def chained(
    previous: bytes,
    *,
    room: str,
    seq: int,
    kind: str,
    sender: str,
    name: str,
    client_id: str | None,
    at_ms: int,
    body_digest: bytes,
) -> bytes:
    """Digest of an event that follows one with the digest ``previous``, 32 bytes.

    Fields are joined by a zero byte after their length, so that no two events have the same encoding.
    """
    fields = (room, str(seq), *fields_behind_number(kind, sender, name, client_id, at_ms))
    return hashlib.sha256(previous + encoded(*fields) + body_digest).digest()


def fields_behind_number(
    kind: str, sender: str, name: str, client_id: str | None, at_ms: int
) -> tuple[str, ...]:
    """The fields that are encoded behind the room and the number: those that are known before the number is."""
    return kind, sender, name, "" if client_id is None else "=" + client_id, str(at_ms)


def encoded(*fields: str) -> bytes:
    """Fields as they are digested, one behind the other."""
    # A list, as a generator takes half as long again.
    return "".join([f"{len(field)}\0{field}" for field in fields]).encode()
