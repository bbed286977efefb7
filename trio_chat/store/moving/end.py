"""One end of a move: the database that a chat leaves, or comes to. Each engine has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from trio_chat.store.sql.connection import Connection
    from trio_chat.store.sql.tables import Table

    Row: TypeAlias = tuple[Any, ...]


class End(Protocol):
    """A database that is moved from, or to."""

    name: str
    """As it is shown."""
    address: str
    """Where a server finds it: its path, or its address with all that is needed to connect."""
    may_be_sealed_s: float | None
    """So long servers wait for it without anybody noticing; None if none can be using it."""

    @property
    def connection(self) -> Connection:
        """The one connection of the move."""
        ...

    def columns(self, table: Table, /) -> dict[str, str]:
        """The columns of a table and their declared types, in small letters."""
        ...

    def n_servers(self) -> int:
        """How many servers are using it."""
        ...

    def writing(self) -> AbstractContextManager[object]:
        """A transaction, committed when the block is left, and rolled back when that raises."""
        ...

    def sealed(self) -> AbstractContextManager[object]:
        """The same, in which nobody else writes, from its beginning to its end: they wait."""
        ...

    def cut(self) -> None:
        """Make whatever is under way here fail, from any thread."""
        ...

    # -- as the source --

    def track(self, tables: Sequence[Table], log: Table, /) -> None:
        """Have changes of these tables written down (`CHANGES`), and of the log those of rows that were there. While it
        is sealed; what was written down before is forgotten."""
        ...

    def untrack(self) -> None:
        """Write down no more, and forget what was. While it is sealed; it may be done already."""
        ...

    def fence(self, tables: Sequence[Table], /) -> None:
        """Have the database itself refuse (`REFUSED`) whoever writes to these tables from now on. While it is
        sealed."""
        ...

    # -- as the target --

    def insert(self, table: Table, columns: Sequence[str], rows: Sequence[Row], /) -> None:
        """Insert many rows."""
        ...

    def wipe(self, table: Table, keys: Sequence[Row], /) -> None:
        """Wipe what the engine leaves behind of rows that were deleted, or replaced, under these keys."""
        ...

    def complete(self) -> None:
        """Bring up to date what follows from what was copied, in the transaction that has copied it."""
        ...

    def open(self) -> None:
        """Make the target ready for a server, after the transaction that copied the last. It may be done already."""
        ...
