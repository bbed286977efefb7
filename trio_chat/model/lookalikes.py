"""Lookalikes: names with letters of another script that look like ASCII letters, and so like another person's name.

The table is Unicode's own (UTS #39, confusables), by the package confusable-homoglyphs.

Pure.
"""

from __future__ import annotations

import string
from functools import cache

_ASCII = frozenset(string.ascii_lowercase + string.digits)


def plain_twin(key: str) -> str:
    """The ASCII name that a name looks like (both are keys, so in lower case); itself if there is none."""
    return key if key.isascii() else key.translate(_twins())


@cache
def _twins() -> dict[int, str]:
    # Loaded only when needed: reading the table takes a twentieth of a second, a fifth of a start.
    from confusable_homoglyphs.confusables import confusables_data

    twins: dict[int, str] = {}
    for char, others in confusables_data.items():
        if len(char) == 1 and not char.isascii():
            found = sorted({other["c"].lower() for other in others} & _ASCII, key=lambda c: (c.isdigit(), c))
            if found:
                twins[ord(char)] = found[0]
    return twins
