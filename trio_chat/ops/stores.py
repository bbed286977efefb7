"""Which store the server and the commands use: the one place where that is chosen, by the configuration.

It is a file in the data directory, or the PostgreSQL database that ``--store`` names.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final, NoReturn, Protocol

import attrs

from trio_chat.errors import StartError
from trio_chat.ops.file_copies import verify_files
from trio_chat.store.lock_file import locked
from trio_chat.store.sql.named_blobs import NamedBlobs
from trio_chat.store.sqlite import move_end as sqlite_end
from trio_chat.store.sqlite import verify as verify_file
from trio_chat.store.sqlite.beside_server import open_beside_server, open_to_read
from trio_chat.store.sqlite.epochs import mark_as_copy
from trio_chat.store.sqlite.file import explaining
from trio_chat.store.sqlite.named_blobs import named_blobs
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from pathlib import Path

    from trio_chat.blobs.places import S3Place
    from trio_chat.config.config import Config
    from trio_chat.store.base import Store
    from trio_chat.store.moving.end import End
    from trio_chat.store.sql.connection import Connection
    from trio_chat.store.sql.verify import Finding, LogFinding

    Report = Callable[[int, int], object]

DATABASE: Final = "chat.db"
"""The database's name in the data directory."""

LOCK: Final = "server.lock"
"""The name of the lock file of the data directory."""

IN_DATA: Final = "sqlite"
"""What `move` calls the file in the data directory."""


class CommandStore(Protocol):
    """The store that a command is about. Servers may be using it."""

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection that reads. Raises `StartError` if there is no log, or it cannot be read."""
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """A connection in a transaction, which is committed when the block is left, and rolled back when that raises.

        Raises `StartError` if there is no log of today's format, or it cannot be written.
        """
        ...

    def verify(self, report: Report, /) -> Iterator[Finding]:
        """Findings about the log; the last is the verdict. ``report`` is told how many events were read, of how many.

        Raises `StartError` if there is no log that can be read at all.
        """
        ...

    def verify_files(self, blobs: Path | S3Place, report: Report, /) -> Iterator[LogFinding]:
        """Findings about the files, whose contents are there. Raises `StartError` if there is no log."""
        ...

    def begin_epoch(self) -> str:
        """Have a new epoch of everything begin; a sentence that says when. Raises what `writing` raises."""
        ...

    def file_to_copy(self) -> Path:
        """The file that `backup` copies. Raises `StartError` if the store is none: it says what to do instead."""
        ...

    def move_source(self) -> AbstractContextManager[End]:
        """The store as the one that a chat leaves. Raises `StartError` if there is no log of today's format."""
        ...

    def move_target(self, *, is_begun: bool = False) -> AbstractContextManager[End]:
        """The store as the one that a chat comes to. Raises `StartError` if it holds a chat.

        With ``is_begun`` it is taken as it is, if a chat is in it or on its way, and nothing is made ready."""
        ...


@attrs.frozen
class StoreFile:
    """The store in a file; ``advice`` says what to do if there is none."""

    path: Path
    advice: str = "Name its directory with --data, or start the server first."

    def reading(self) -> AbstractContextManager[Connection]:
        """See `CommandStore`."""
        return open_to_read(self.path, self.advice)

    def writing(self) -> AbstractContextManager[Connection]:
        """See `CommandStore`."""
        return open_beside_server(self.path, self.advice)

    def verify(self, report: Report, /) -> Iterator[Finding]:
        """See `CommandStore`. It may be a backup, and of an older format."""
        return verify_file.verify(self.path, advice=self.advice, report=report)

    def verify_files(self, blobs: Path | S3Place, report: Report, /) -> Iterator[LogFinding]:
        """See `CommandStore`."""
        with open_to_read(self.path, self.advice) as connection:
            yield from verify_files(named_blobs(connection), blobs, report=report)

    def begin_epoch(self) -> str:
        """See `CommandStore`."""
        with self.writing() as connection:
            mark_as_copy(connection)
        return f"{self.path}: the next start of the server begins a new epoch."

    def file_to_copy(self) -> Path:
        """See `CommandStore`."""
        return self.path

    def move_source(self) -> AbstractContextManager[End]:
        """See `CommandStore`."""
        return sqlite_end.open_source(self.path)

    def move_target(self, *, is_begun: bool = False) -> AbstractContextManager[End]:
        """See `CommandStore`."""
        return sqlite_end.open_target(self.path, is_begun=is_begun)


@attrs.frozen
class StoreDatabase:
    """The store in a PostgreSQL database."""

    url: str

    def reading(self) -> AbstractContextManager[Connection]:
        """See `CommandStore`."""
        with _explaining_the_driver():
            from trio_chat.store.postgresql.beside_servers import open_to_read
        return open_to_read(self.url)

    def writing(self) -> AbstractContextManager[Connection]:
        """See `CommandStore`."""
        with _explaining_the_driver():
            from trio_chat.store.postgresql.beside_servers import open_beside_servers
        return open_beside_servers(self.url)

    def verify(self, report: Report, /) -> Iterator[Finding]:
        """See `CommandStore`."""
        with _explaining_the_driver():
            from trio_chat.store.postgresql.verify import verify
        return verify(self.url, report=report)

    def verify_files(self, blobs: Path | S3Place, report: Report, /) -> Iterator[LogFinding]:
        """See `CommandStore`."""
        with self.reading() as connection:
            yield from verify_files(NamedBlobs(connection), blobs, report=report)

    def begin_epoch(self) -> str:
        """See `CommandStore`."""
        with self.writing() as connection:
            from trio_chat.store.postgresql.epochs import begin_next

            begin_next(connection)
        return "A new epoch has begun. Servers that are running follow within seconds."

    def file_to_copy(self) -> NoReturn:
        """See `CommandStore`."""
        raise StartError(
            "backup copies the log in a data directory, and this one is in a PostgreSQL database. Copy that by its own "
            "means, pg_dump or pg_basebackup. A server that is started with such a copy begins a new epoch by itself: "
            "people load the latest page anew."
        )

    def move_source(self) -> AbstractContextManager[End]:
        """See `CommandStore`."""
        with _explaining_the_driver():
            from trio_chat.store.postgresql.move_end import open_source
        return open_source(self.url)

    def move_target(self, *, is_begun: bool = False) -> AbstractContextManager[End]:
        """See `CommandStore`."""
        with _explaining_the_driver():
            from trio_chat.store.postgresql.move_end import open_target
        return open_target(self.url, is_begun=is_begun)


def store_of(config: Config) -> CommandStore:
    """The store that a command with this configuration is about."""
    if config.store is None:
        return StoreFile(config.data / DATABASE)
    return StoreDatabase(config.store)


def open_store(config: Config) -> AbstractAsyncContextManager[Store]:
    """The store of a server with this configuration. Raises `StartError` if what it needs is not installed."""
    if config.store is None:
        return open_sqlite_store(config.data / DATABASE)
    with _explaining_the_driver():
        from trio_chat.store.postgresql.open import open_postgresql_store
    return open_postgresql_store(config.store, data=config.data)


@contextmanager
def reserved(data: Path) -> Iterator[None]:
    """Hold the data directory of a server, which is made if there is none, whatever the server keeps in it: two would
    overwrite each other's marks. A server that goes from one store to another holds it all the time.

    Raises `StartError` if another has it, or it cannot be used.
    """
    with ExitStack() as stack:
        with explaining(data):
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            stack.enter_context(locked(data, data / LOCK))
        yield


@contextmanager
def _explaining_the_driver() -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise StartError(
            "A PostgreSQL database needs the driver of it: pip install 'trio-chat[postgresql]'"
        ) from None
