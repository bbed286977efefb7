"""Newer programs than today's, made here: copies with more migrations, and with another page."""

from __future__ import annotations

import re
import shutil
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio

from tests.support.forks import environment
from tests.support.process import NAME, PATIENCE_S, command
from tests.support.proxies import HOST
from tests.support.raw import get, open_raw
from tests.support.several import shared

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).parents[2]

TODAYS = "MIGRATIONS: tuple[Migration, ...] = ("


def newer(folder: Path, *, migrations: int) -> Path:
    """A copy of the program that knows so many formats more, each of which adds a column; and whose page is another."""
    made = folder / f"newer-by-{migrations}"
    for name in ("trio_chat", "static"):
        shutil.copytree(ROOT / name, made / name, ignore=shutil.ignore_patterns("__pycache__"))
    schema = made / "trio_chat" / "store" / "postgresql" / "schema.py"
    text = schema.read_text("utf-8")
    found = re.search(rf"^{re.escape(TODAYS)}(.*)\)$", text, re.MULTILINE)
    assert found is not None
    more = "".join(
        f"def _more_{number}(connection: PostgresqlConnection) -> None:\n"
        f'    connection.execute("ALTER TABLE people ADD COLUMN more_{number} bigint")\n\n\n'
        for number in range(migrations)
    )
    names = ", ".join(f"_more_{number}" for number in range(migrations))
    schema.write_text(text.replace(found[0], f"{more}{TODAYS}{found[1].rstrip(',')}, {names})"), "utf-8")
    style = next((made / "static").rglob("*.css"))
    style.write_text(f"{style.read_text('utf-8')}\n.newer {{ color: red }}\n", "utf-8")
    return made


def of(program: Path) -> dict[str, Any]:
    """How a process is started so that it is of this program, whose first start alone compiles it."""
    return {"cwd": program, "env": environment(PYTHONPATH=str(program), PYTHONDONTWRITEBYTECODE="")}


@asynccontextmanager
async def open_newer(
    program: Path, database: str, data: Path, port: int, *more: str
) -> AsyncIterator[trio.Process]:
    """A server of that program on this port, when it is ready."""
    own = ("--host", "127.0.0.1", "--port", str(port), "--data", str(data), *NAME)
    arguments = (*own, *shared(database, data.parent), "--allow-host", HOST, *more)
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            partial(trio.run_process, command(*arguments), check=False, **of(program))
        )
        with trio.fail_after(PATIENCE_S):
            while not await is_ready(port):
                assert process.poll() is None, "the newer program ended"
                await trio.lowlevel.checkpoint()
        yield process
        nursery.cancel_scope.cancel()


async def is_ready(port: int) -> bool:
    """Whether a server on this port says so. One that begins refuses connections, and cuts who was there before."""
    try:
        async with open_raw(port) as peer:
            await peer.send(get("/readyz", connection="close"))
            return (await peer.receive_to_the_end()).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False
