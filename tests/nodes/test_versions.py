"""Two versions of the program over one database: today's, and newer ones that are made here."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest
import trio

from tests.support.newer import newer, of, open_newer
from tests.support.process import command, run_server
from tests.support.proxies import HOST, Site, connect, free_port, haproxy, running
from tests.support.raw import Answer, RawPeer, get, open_v1
from tests.support.several import open_node, shared
from tests.support.tls import make_authority

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_S = 300


async def say(peer: RawPeer, text: str) -> None:
    """Send this, and hear it."""
    await peer.say(type="send", id=text, room="lobby", text=text)
    await peer.hear(lambda said: said["type"] == "ack" and said["id"] == text)


async def test_a_newer_program_runs_beside_todays(database: str, tmp_path: Path) -> None:
    """Whichever is started when: the one after the other is brought up, and each can be restarted meanwhile."""
    program, port = newer(tmp_path, migrations=1), free_port()
    with trio.fail_after(LIMIT_S):
        async with open_node(database, tmp_path, "old", is_public=False) as old:
            async with open_newer(program, database, tmp_path / "newer", port):
                async with (
                    open_v1(old.port, name="Ada") as (ada, welcome, joined),
                    open_v1(port, name="Bob") as (bob, _, _),
                ):
                    await say(ada, "from today")
                    assert (await bob.hear("message"))["text"] == "from today"
                    await say(bob, "from tomorrow")
                    assert (await ada.hear(lambda said: said.get("text") == "from tomorrow"))["seq"] == 2
                cursor = {"after": 1, "epoch": joined["epoch"]}
                async with open_v1(port, token=welcome["token"], **cursor) as (ada, again, resumed):
                    assert not resumed.get("reset", False)
                    assert again["about"]["page"] != welcome["about"]["page"]
                    assert (await ada.hear("message"))["text"] == "from tomorrow"
                async with (
                    open_node(database, tmp_path, "late", is_public=False) as late,
                    open_v1(late.port, token=welcome["token"], **cursor) as (_, _, resumed),
                ):
                    assert not resumed.get("reset", False)
            async with open_v1(old.port, token=welcome["token"], **cursor) as (ada, _, _):
                await say(ada, "still here")  # when the newer one has gone


async def test_a_program_that_is_newer_by_two_waits_until_no_older_one_runs(
    database: str, tmp_path: Path
) -> None:
    """What runs could not go on with its format; and then what is older cannot start any more. Each is told so."""
    program, port = newer(tmp_path, migrations=2), free_port()
    start = ("--port", "0", "--data", str(tmp_path / "two"), *shared(database, tmp_path))
    with trio.fail_after(LIMIT_S):
        async with open_node(database, tmp_path, "old", is_public=False) as old:
            done = await trio.run_process(command(*start), check=False, capture_stderr=True, **of(program))
            assert done.returncode == 1
            assert b"1 node of an older version uses the database" in done.stderr, done.stderr
            async with open_v1(old.port, name="Ada") as (ada, _, _):
                await say(ada, "nothing has happened")
            old.signal(signal.SIGTERM)
            assert (await old.wait()).status == 0
        async with open_newer(program, database, tmp_path / "newer", port):
            async with open_v1(port, name="Bob") as (bob, _, _):
                await say(bob, "from tomorrow")
            refused = await run_server(*start)
            assert refused.status == 1
            assert "was brought to format 3 by a newer trio-chat" in refused.stderr, refused.stderr


@pytest.mark.proxies
async def test_a_page_of_either_version_finds_its_files_behind_the_balancer(
    database: str, tmp_path: Path
) -> None:
    """Its files are only at the nodes of its version: the balancer asks another node for what one does not have."""
    program, port, newer_port = newer(tmp_path, migrations=1), free_port(), free_port()
    authority = make_authority(tmp_path, HOST)
    context = authority.client_context("http/1.1")

    async def fetched(target: str) -> Answer:
        async with connect(port, context, "127.0.0.1") as peer:
            await peer.send(get(target, host=HOST, connection="close"))
            return Answer.of(await peer.receive_to_the_end())

    with trio.fail_after(LIMIT_S):
        async with (
            open_node(database, tmp_path, "old", is_public=False) as old,
            open_newer(program, database, tmp_path / "newer", newer_port),
        ):
            servers = {"10.0.0.1:8080": old.port, "10.0.0.2:8080": newer_port, "10.0.0.3:8080": free_port()}
            async with running(haproxy, Site(tmp_path, authority, port, "scaling.md", servers)):
                pages = {(await fetched("/")).body.decode() for _ in range(8)}
                assert len(pages) == 2
                for page in pages:
                    for file in set(re.findall(r'"(/?static/[^"]+)"', page)):
                        answers = [await fetched(f"/{file.lstrip('/')}") for _ in range(4)]
                        assert {answer.status for answer in answers} == {200}, file
