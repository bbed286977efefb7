"""Where a chat was moved to."""

from __future__ import annotations

import attrs


@attrs.frozen
class Moved:
    """The chat was moved to another database (`trio_chat.store.moving`)."""

    move: str
    """The id of the move."""
    to: str
    """The address of its database, or the path of its file."""
    shown: str
    """The same without a password."""
