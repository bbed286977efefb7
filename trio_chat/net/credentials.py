"""Credentials: what an HTTP request shows of who makes it. Pure."""

from __future__ import annotations

import attrs


@attrs.frozen
class Credentials:
    """What a request shows of who makes it; nothing of it is checked yet."""

    token: str | None
    """The token of a device, of its ``Authorization`` field."""
    key: str | None
    """The key of its cookie (`trio_chat.files.keys`)."""
    address: str
    """The `address_key` that it comes from."""
