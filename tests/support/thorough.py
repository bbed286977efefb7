"""How much is tried: a part with each commit, everything before a release (``nox -s thorough torture``)."""

from __future__ import annotations

import os
from typing import Final

IS_THOROUGH: Final = "THOROUGH" in os.environ
"""Whether everything is tried."""


def share(count: int) -> int:
    """Of so many examples the number of those that are tried now: all, or a fourth."""
    return count if IS_THOROUGH else -(-count // 4)


STRIDE: Final = 1 if IS_THOROUGH else 4
"""Of steps and pages that come one after the other one in so many is tried."""
