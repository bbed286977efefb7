"""Several real servers over one PostgreSQL, with one directory for the files of all."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from tests.support.process import open_process
from tests.support.proxies import HOST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.support.process import ServerProcess

NEW_PEOPLE = ("--new-people-per-hour", "0", "--new-people-per-address-per-hour", "0")


def shared(database: str, folder: Path) -> tuple[str, ...]:
    """The arguments of a server for what all of them share."""
    (folder / "files").mkdir(exist_ok=True)
    return ("--store", database, "--files", f"shared:{folder / 'files'}", *NEW_PEOPLE)


def open_node(
    database: str, folder: Path, name: str, *arguments: str, port: int = 0, is_public: bool = True
) -> AbstractAsyncContextManager[ServerProcess]:
    """A node over this database; what the nodes share, and what each has for itself, is in the folder. Where it is not
    public, who is new may write at once."""
    settings = ("--trusted-proxy", "127.0.0.1", *arguments)
    address = ("--public-url", f"https://{HOST}", "--plain") if is_public else ("--allow-host", HOST)
    return open_process(folder / name, *shared(database, folder), *address, *settings, port=port)


@asynccontextmanager
async def open_several(
    database: str, folder: Path, number: int, *arguments: str
) -> AsyncIterator[list[ServerProcess]]:
    """So many nodes over this database."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(open_node(database, folder, f"node-{place}", *arguments))
            for place in range(number)
        ]
