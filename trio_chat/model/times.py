"""Spans of time in milliseconds, as moments are counted: milliseconds since 1970 UTC.

Pure.
"""

from __future__ import annotations

from typing import Final

HOUR_MS: Final = 3600 * 1000
DAY_MS: Final = 24 * HOUR_MS
