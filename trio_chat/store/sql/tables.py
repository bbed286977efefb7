"""Every table of a store, once: what moves to another database, and what stays (`trio_chat.store.moving`)."""

from __future__ import annotations

from typing import Final

import attrs

from trio_chat.store.sql.epochs import EPOCHS, PROOF_KEY
from trio_chat.store.sql.list_changes import RUNS


@attrs.frozen
class Table:
    """Table with its primary key."""

    name: str
    key: tuple[str, ...]

    @property
    def keys(self) -> str:
        """The key's columns, in words of SQL."""
        return ", ".join(self.key)


EVENTS: Final = Table("events", ("room_id", "seq"))
"""The log. It is only ever added to, but for texts that are deleted."""

BESIDE_EVENTS: Final = (
    Table("rooms", ("id",)),
    Table("people", ("id",)),
    Table("name_forms", ("form", "person_id")),
    Table("pictures", ("hash",)),
    Table("devices", ("id",)),
    Table("tokens", ("hash",)),
    Table("recovery_codes", ("person_id",)),
    Table("device_codes", ("hash",)),
    Table("guesses", ("source",)),
    Table("members", ("room_id", "person_id")),
    Table("pairs", ("room_id", "person_id")),
    Table("changes", ("room_id", "target", "key")),
    Table("edits", ("room_id", "target", "seq")),
    Table("reactions", ("room_id", "target", "emoji", "seq")),
    Table("marks", ("room_id", "person_id")),
    Table("mark_moves", ("room_id", "person_id", "at_ms")),
    Table("invites", ("hash",)),
    Table("restrictions", ("room_id", "person_id", "kind")),
    Table("knocks", ("room_id", "person_id")),
    Table("owner_links", ("hash",)),
    Table("releases", ("id",)),
    Table("reports", ("seq",)),
    Table("blocks", ("person_id", "blocked_id")),
    Table("addresses", ("person_id", "hash")),
    Table("banned_addresses", ("person_id", "hash")),
    Table("uploads", ("number",)),
    Table("files", ("room_id", "seq", "n")),
    Table("blobs", ("id",)),
    Table("file_usage", ("person_id",)),
)
"""What moves beside the log."""

STAYING: Final = {
    "meta": "of it only some keys move (`MOVING_KEYS`)",
    "docs": "made anew from the log",
    "indexed": "made anew from the log",
    "search": "SQLite's index of the search: made anew from the log",
    "nodes": "PostgreSQL's: of the servers that use it",
    "leases": "PostgreSQL's: of the servers that use it",
    "chores": "PostgreSQL's: of the servers that use it",
    "buckets": "PostgreSQL's: how fast people did what is limited; it begins anew, as it does when a server starts",
    "coming_blobs": "PostgreSQL's: of unfinished uploads, which get another name when they are finished",
    "name_claims": "PostgreSQL's: of the servers that use it",
    "people_count": "counted anew",
    "list_resets": "of stamps of lists, which are void in another database",
}
"""What does not move, and why."""

OWN_COLUMNS: Final = {
    "rooms": {"head", "digest", "rules_seq"},
    "people": {"changed_at"},
    "marks": {"moved_at"},
}
"""Columns that only PostgreSQL has: they follow from the log, or say what was changed lately."""

STAYING_COLUMNS: Final = {"rooms": {"changed"}}
"""Columns that both have, and that do not move: their numbers are those of one database."""

MOVING_KEYS: Final = ("epoch", "server", "token_key", "addresses_key", PROOF_KEY)
"""Keys in ``meta`` that move."""

STAYING_KEYS: Final = {
    "search": "the form of the index",
    "copy": "SQLite's: a copy moves nowhere before a server has opened it",
    "format": "PostgreSQL's",
    "min_format": "PostgreSQL's",
    "files": "PostgreSQL's: the mark of the place that its servers have for files",
    "identity": "PostgreSQL's: which database it is",
    "timeline": "PostgreSQL's: which one it is",
    RUNS: "SQLite's: of stamps of lists, which are void in another database",
    EPOCHS: "counts on with each move, so that what servers remember of other databases is void",
}
"""Keys in ``meta`` that do not, and why; but for the notes of moving themselves."""
