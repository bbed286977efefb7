"""Mark of a node: in which database it last wrote, and up to where, beside everything else in its data directory.

It is overwritten after each commit and before anybody is told of it. A database that holds less has lost what was
acknowledged, whoever lost it: a server that was promoted without its last transactions, a snapshot of a disk that was
put back. What follows: `trio_chat.store.postgresql.epochs`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from trio_chat.store.mark_file import TornMark, read_mark

if TYPE_CHECKING:
    from pathlib import Path

LOGGER = logging.getLogger(__name__)

NAME: Final = "postgresql.mark"
"""The file's name in the data directory."""

SIZE: Final = 256
"""Its bytes."""

_TITLE: Final = "trio-chat-node 1"


class Mark(NamedTuple):
    """Where a node wrote last."""

    database: str
    """Which database it is: those that were made as copies of it are others, but not those that follow it."""
    timeline: int
    """Of its server: another one begins when a standby is promoted."""
    epochs: int
    """How often an epoch of everything was begun in it."""
    node: str
    batch: int
    """The last that the node was told to be committed."""
    is_replicated: bool
    """Whether a standby was known to have it as well."""

    def __str__(self) -> str:
        return " ".join([_TITLE, *map(str, self[:-1]), str(int(self.is_replicated))])

    @classmethod
    def of(cls, text: str) -> Self:
        """The mark with this text. Raises `TornMark` if it is none."""
        try:
            _, _, database, timeline, epochs, node, batch, is_replicated = text.split(" ")
            mark = cls(database, int(timeline), int(epochs), node, int(batch), is_replicated == "1")
        except ValueError:
            raise TornMark from None
        if str(mark) != text:
            raise TornMark
        return mark


def read_node_mark(path: Path) -> Mark | None:
    """The mark in this file; None if there is none that can be believed. Raises `OSError`."""
    try:
        text = read_mark(path, SIZE)
        return None if text is None else Mark.of(text)
    except TornMark:
        LOGGER.warning(
            "the mark %s is damaged and was not used: if events are missing, it was not noticed", path
        )
        return None
