"""Device codes: one-time codes by which another device becomes the same person. Short to type, valid for minutes.

There are 24⁸ codes, a hundred thousand million. At the rate that `Guesses` allows, no guess hits one that is valid for
`LIFE_S`. Codes and guesses are kept in the store, so that a code is good on every node, once, and more nodes give
nobody more guesses.

Pure: the random numbers and the time are passed in.
"""

from __future__ import annotations

import hmac
import math
from typing import TYPE_CHECKING, Final

from trio_chat.errors import Refused
from trio_chat.model.tokens import hash_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from trio_chat.model.records import ServerIdentity
    from trio_chat.store.base import Store

LIFE_S: Final = 300
"""How long a code is valid."""

MAX_CODES: Final = 3
"""How many codes of one person are valid at a time; another one replaces the oldest."""

GUESSES_PER_SECOND: Final = 1.0
GUESSES_AT_ONCE: Final = 20

ALPHABET: Final = "BCDFGHJKMPQRTVWXY2346789"
"""Characters of which no two look alike, without vowels, so that a code is never a word."""

CODE_CHARS: Final = 8


class Guesses:
    """How often codes are tried, of whatever kind. ``now_ms`` is the wall clock."""

    def __init__(self, store: Store, server: ServerIdentity, *, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._key = server.token_key
        self._now_ms = now_ms

    async def charge(self, address: str) -> None:
        """Count a try from this address. Raises `Refused` (``rate_limited``)."""
        wait_ms = await self._store.charge_guess(
            hmac.digest(
                self._key, b"guesses of " + address.encode(), "sha256"
            ),  # addresses are not kept as they are
            self._now_ms(),
            per_guess_ms=round(1000 / GUESSES_PER_SECOND),
            at_once=GUESSES_AT_ONCE,
        )
        if wait_ms > 0:
            wait_s = math.ceil(wait_ms / 1000)
            raise Refused(
                "rate_limited", f"Too many codes are tried. Wait {wait_s} seconds.", retry_after_s=wait_s
            )


class DeviceCodes:
    """The valid codes. The store has only their hashes. ``now_ms`` is the wall clock."""

    def __init__(self, store: Store, guesses: Guesses, rng: Random, *, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._guesses = guesses
        self._rng = rng
        self._now_ms = now_ms

    async def make(self, person: str) -> str:
        """A new code for this person, as it is shown to them."""
        code = random_code(self._rng, CODE_CHARS)
        now_ms = self._now_ms()
        await self._store.add_device_code(
            person, hash_of(code), at_ms=now_ms, ends_ms=now_ms + LIFE_S * 1000, max_codes=MAX_CODES
        )
        return f"{code[:4]}-{code[4:]}"

    async def redeem(self, typed: str, address: str) -> str:
        """The person of this code, which is used up. Raises `Refused` (``bad_link``, ``rate_limited``)."""
        await self._guesses.charge(address)
        person = await self._store.use_device_code(hash_of(normal_code(typed)), at_ms=self._now_ms())
        return _checked(person)

    async def peek(self, typed: str, address: str) -> str:
        """As `redeem`, but the code is good still."""
        await self._guesses.charge(address)
        person = await self._store.find_device_code(hash_of(normal_code(typed)), at_ms=self._now_ms())
        return _checked(person)


def _checked(person: str | None) -> str:
    if person is None:
        raise Refused("bad_link", "This code is not good (any more). Get a new one on your other device.")
    return person


def random_code(rng: Random, n_chars: int) -> str:
    """A new code, as it is compared."""
    return "".join(rng.choices(ALPHABET, k=n_chars))


def normal_code(typed: str) -> str:
    """A code as it is compared, however it was typed."""
    return "".join(char for char in typed[:100].upper() if char not in "- ")
