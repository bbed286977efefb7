"""One-time codes by which another device becomes somebody's too: short enough to be typed, and soon of no use.

There are 24⁸ codes, a hundred thousand million; at `GUESSES_PER_SECOND` for all who guess together, nobody finds one
that lives for `LIFE_S`.

Pure: chance and the time are passed in; ``now`` is in seconds, of any clock that does not go back.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from trio_chat.errors import Refused
from trio_chat.net.limits import TokenBucket

if TYPE_CHECKING:
    from random import Random

LIFE_S: Final = 300
MAX_CODES: Final = 3
"""How many codes of one person are good at a time; a further one takes the place of the oldest."""

GUESSES_PER_SECOND: Final = 1.0
GUESSES_AT_ONCE: Final = 20

ALPHABET: Final = "BCDFGHJKMPQRTVWXY2346789"
"""No two look alike, and without vowels they make no words."""

CODE_CHARS: Final = 8


class Linking:
    """The codes that are good now; in memory only."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._codes: dict[str, tuple[str, float]] = {}
        """Whose it is, and until when; the oldest is the first."""
        self._guesses = TokenBucket(GUESSES_PER_SECOND, GUESSES_AT_ONCE)

    def make(self, person: str, now: float) -> str:
        """A code for this person, as it is shown."""
        self._forget_old(now)
        own = [code for code, (owner, _) in self._codes.items() if owner == person]
        for code in own[: len(own) - MAX_CODES + 1]:
            del self._codes[code]
        code = "".join(self._rng.choices(ALPHABET, k=CODE_CHARS))
        self._codes.pop(code, None)
        self._codes[code] = person, now + LIFE_S
        return f"{code[:4]}-{code[4:]}"

    def use(self, typed: str, now: float) -> str:
        """The person whose code this is, once. Raises `Refused` (``bad_link``, ``rate_limited``)."""
        wait_s = self._guesses.take(now)
        if wait_s > 0:
            wait_s = math.ceil(wait_s)
            raise Refused(
                "rate_limited", f"Too many codes are tried. Wait {wait_s} seconds.", retry_after_s=wait_s
            )
        self._forget_old(now)
        code = "".join(char for char in typed[:100].upper() if char not in "- ")
        person, _ = self._codes.pop(code, (None, 0.0))
        if person is None:
            raise Refused("bad_link", "This code is not good (any more). Get a new one on your other device.")
        return person

    def _forget_old(self, now: float) -> None:
        while self._codes:
            code, (_, until) = next(iter(self._codes.items()))
            if now < until:
                return
            del self._codes[code]
