"""The document of who may do what is what a whole server does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import permissions_table
from tests.support.core import open_core
from tests.support.v1 import ack, become_owner, hello

if TYPE_CHECKING:
    from trio.testing import MockClock

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "permissions.md"


async def test_everybody_may_do_what_the_document_says(autojump_clock: MockClock) -> None:
    autojump_clock.autojump_threshold = 0
    assert await permissions_table.table() == DOCUMENT.read_text()


async def test_who_is_banned_from_the_server_may_do_nothing(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        ada, _ = await hello(core, "Ada")
        await become_owner(core, ada)
        bob = await core.open_v1()
        welcome = await bob.ask("hello", name="Bob")
        await ack(ada, "ban", room="~server", person=welcome["user"]["id"])
        again = await core.open_v1()
        assert (await again.ask("hello", token=welcome["token"]))["code"] == "banned"
        for command in ("join", "send", "search", "devices"):
            assert (await again.ask(command, room="lobby", text="x", query="x"))["code"] == "hello_first"
