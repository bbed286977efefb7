"""Proofs of events: what a client is told with an event, and shows again to prove that it was told of it.

    proof = BLAKE2b(room, epoch, seq), keyed with a secret of the log

The log itself cannot say whether an event was there that it has lost. Whoever has the proof of a number was told of it:
nobody can make one up, for another number, room or epoch neither (docs/decisions/proofs.md).

Pure.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac

PROOF_BYTES = 9
"""72 bits, which are 12 characters: a stranger cannot guess one, and it is told with each event."""


class Prover:
    """Makes and checks the proofs of one epoch of one room."""

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes, room: str, epoch: str) -> None:
        self._keyed = hashlib.blake2b(f"{room}\0{epoch}\0".encode(), key=key, digest_size=PROOF_BYTES)

    def prove(self, seq: int) -> str:
        """The proof of event number ``seq``, in ASCII."""
        hashed = self._keyed.copy()
        hashed.update(b"%d" % seq)
        return binascii.b2a_base64(hashed.digest(), newline=False).decode()

    def is_proven(self, seq: int, proof: str | None) -> bool:
        """Whether this is the proof of that event."""
        return proof is not None and hmac.compare_digest(
            self.prove(seq).encode(), proof.encode(errors="replace")
        )
