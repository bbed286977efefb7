"""Tokens: of devices, of links, of recovery. Only their hashes are kept.

Pure.
"""

from __future__ import annotations

import hashlib


def hash_of(token: str) -> bytes:
    """What is kept of a token: its SHA-256, which is enough for something that random."""
    return hashlib.sha256(token.encode()).digest()
