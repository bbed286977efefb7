"""Device codes: one-time codes by which another device becomes the same person. Short to type, valid for minutes.

There are 24⁸ codes, a hundred thousand million. At the rate that `Guesses` allows, no guess hits one that is valid for
`LIFE_S`.

Pure: the random numbers and the time are passed in; ``now`` is in seconds, of any clock that does not go back.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from trio_chat.errors import Refused
from trio_chat.net.limits import TokenBucket
from trio_chat.net.rate_limits import TokenBuckets

if TYPE_CHECKING:
    from random import Random

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
    """How often codes are tried, of whatever kind."""

    def __init__(self) -> None:
        self._guesses = TokenBuckets(GUESSES_PER_SECOND, GUESSES_AT_ONCE)
        self._further_guesses = TokenBucket(GUESSES_PER_SECOND, GUESSES_AT_ONCE)
        """Shared by the addresses that have used up their own, so that these take nothing from others."""

    def charge(self, address: str, now: float) -> None:
        """Count a try from this address. Raises `Refused` (``rate_limited``)."""
        wait_s = self._guesses.take(address, now)
        if wait_s > 0 and self._further_guesses.take(now) > 0:
            wait_s = math.ceil(wait_s)
            raise Refused(
                "rate_limited", f"Too many codes are tried. Wait {wait_s} seconds.", retry_after_s=wait_s
            )


class DeviceCodes:
    """The valid codes, in memory only."""

    def __init__(self, rng: Random, guesses: Guesses | None = None) -> None:
        self._rng = rng
        self._guesses = guesses or Guesses()
        self._codes: dict[str, tuple[str, float]] = {}
        """For each code its person, and until when it is valid; oldest first."""

    def make(self, person: str, now: float) -> str:
        """A new code for this person, as it is shown to them."""
        self._drop_expired(now)
        own = [code for code, (owner, _) in self._codes.items() if owner == person]
        for code in own[: len(own) - MAX_CODES + 1]:
            del self._codes[code]
        code = random_code(self._rng, CODE_CHARS)
        self._codes.pop(code, None)
        self._codes[code] = person, now + LIFE_S
        return f"{code[:4]}-{code[4:]}"

    def redeem(self, typed: str, address: str, now: float) -> str:
        """The person of this code, which is used up. Raises `Refused` (``bad_link``, ``rate_limited``)."""
        person = self.peek(typed, address, now)
        del self._codes[normal_code(typed)]
        return person

    def peek(self, typed: str, address: str, now: float) -> str:
        """As `redeem`, but the code is good still."""
        self._guesses.charge(address, now)
        self._drop_expired(now)
        person, _ = self._codes.get(normal_code(typed), (None, 0.0))
        if person is None:
            raise Refused("bad_link", "This code is not good (any more). Get a new one on your other device.")
        return person

    def void(self, person: str) -> None:
        """Make all codes of this person void."""
        for code in [code for code, (owner, _) in self._codes.items() if owner == person]:
            del self._codes[code]

    def _drop_expired(self, now: float) -> None:
        while self._codes:
            code, (_, valid_until) = next(iter(self._codes.items()))
            if now < valid_until:
                return
            del self._codes[code]


def random_code(rng: Random, n_chars: int) -> str:
    """A new code, as it is compared."""
    return "".join(rng.choices(ALPHABET, k=n_chars))


def normal_code(typed: str) -> str:
    """A code as it is compared, however it was typed."""
    return "".join(char for char in typed[:100].upper() if char not in "- ")
