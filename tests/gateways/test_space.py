"""Space as clients hear of it: sentences where it is missing, and what still works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from tests.support.core import open_core
from tests.support.http import ask
from tests.support.memory_store import open_memory_store
from tests.support.raw import TEXT, open_peer
from tests.support.serving import open_server
from trio_chat.app import serve_store
from trio_chat.config.config import Config
from trio_chat.ops.disk_space import Disk
from trio_chat.server import readiness
from trio_chat.server.listeners import open_listeners
from trio_chat.store.space import SpaceLevel

if TYPE_CHECKING:
    from trio.testing import MockClock


async def test_on_a_full_disk_people_are_told_and_go_on_reading_and_deleting(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        await ada.ask("send", room="lobby", text="hello")
        await ada.hear_frames()
        core.store.space.level = SpaceLevel.FULL
        answer = await ada.ask("send", room="lobby", text="more")
        assert (answer["type"], answer["code"]) == ("error", "disk_full")
        assert answer["message"].endswith("Reading and deleting work.")
        assert "retry_after" not in answer
        history = await ada.ask("history", room="lobby", before=10)
        assert [item["text"] for item in history["events"]] == ["hello"]
        await ada.tell("delete", room="lobby", seq=1)
        assert {frame["type"] for frame in await ada.hear_frames()} == {"delete", "ack"}
        bob = await core.open_v1()
        refused = await bob.ask("hello", name="Bob")
        assert (refused["type"], refused["code"]) == ("error", "disk_full")
        core.store.space.level = SpaceLevel.ENOUGH
        assert (await bob.ask("hello", name="Bob"))["type"] == "welcome"
        assert (await ada.ask("send", room="lobby", text="again"))["type"] == "message"


async def test_a_guest_who_is_refused_is_sent_away_with_the_sentence(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        listener, talker = await core.open_plain(), await core.open_plain()
        core.store.space.level = SpaceLevel.LOW
        await talker.say("hello")
        assert await talker.hear_close() == 1013
        assert talker.closed is not None
        assert talker.closed.reason is not None
        assert talker.closed.reason.startswith("The server's disk is nearly full: guests")
        core.store.space.level = SpaceLevel.ENOUGH
        await (await core.open_plain()).say("hello")
        assert await listener.hear() == "hello"


async def test_a_quota_of_the_settings_is_told_with_its_figure_and_survives_a_reconnect(
    autojump_clock: MockClock,
) -> None:
    async with open_core(person_quota=1, max_text_chars=0, max_message_bytes=0) as core:
        ada = await core.open_v1()
        token = (await ada.ask("hello", name="Ada"))["token"]
        await ada.ask("join", room="lobby")
        await ada.tell("send", room="lobby", text="x" * 600_000)
        assert {frame["type"] for frame in await ada.hear_frames()} >= {"message", "ack"}
        await ada.websocket.aclose()
        ada = await core.open_v1()
        await ada.ask("hello", token=token)
        await ada.tell("join", room="lobby")
        await ada.tell("send", id="other", room="lobby", text="x" * 600_000)
        answer = (await ada.hear_frames())[-1]
        assert (answer["type"], answer["code"]) == ("error", "quota")
        assert "1 MiB" in answer["message"]


async def test_readyz_tells_whether_everybody_may_write() -> None:
    async with open_server() as serving:
        space = serving.server._hub.store.space  # as the watch of the disk sets it
        space.level = SpaceLevel.LOW
        status, _, body = await ask(serving.port, "/readyz")
        assert status == 200
        assert body.startswith(b"ready\nThe server's disk is nearly full: guests and people")
        space.level = SpaceLevel.FULL
        status, _, body = await ask(serving.port, "/readyz")
        assert (status, body.partition(b":")[0]) == (503, b"The server's disk is nearly full")
        assert (await ask(serving.port, "/healthz")).status == 200
        space.level = SpaceLevel.ENOUGH
        assert (await ask(serving.port, "/readyz")).body == b"ready\n"


async def test_readyz_says_that_the_log_cannot_be_written_until_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever the level of the disk: it may be full all the same, or dead."""
    async with open_server() as serving, open_peer(serving.port) as peer:
        disk = serving.store.disk.connection
        pages = disk.pragma("max_page_count")
        disk.pragma("max_page_count", 1)
        heard = None
        while heard is None or heard.opcode == TEXT:
            await peer.send_text("x" * 4000)
            heard = await peer.receive_data()
            assert heard is not None
        assert heard.close_code == 1013
        answer = await ask(serving.port, "/readyz")
        assert (answer.status, answer.body) == (503, b"The log cannot be written: see the operator's log.\n")
        assert (await ask(serving.port, "/healthz")).status == 200
        with monkeypatch.context() as later:
            later.setattr(readiness, "FAILING_S", 0.0)  # as after half a minute
            assert (await ask(serving.port, "/readyz")).status == 200
        disk.pragma("max_page_count", pages)
        async with open_peer(serving.port) as another:
            await another.send_text("hello")
            assert await another.receive_text() == "hello"
        assert (await ask(serving.port, "/readyz")).body == b"ready\n"


@pytest.mark.parametrize(("floor", "level"), [(500, SpaceLevel.FULL), (0, SpaceLevel.ENOUGH)])
async def test_the_disk_is_read_before_the_first_client_comes(floor: int, level: SpaceLevel) -> None:
    async def read_full_disk() -> Disk:
        await trio.lowlevel.checkpoint()
        return Disk(2**40, 2**20)

    stop = trio.Event()
    found = []
    config = Config(host="127.0.0.1", port=0, disk_floor=floor)
    async with open_memory_store() as store:

        def ready(port: int, owner_token: str | None) -> None:
            found.append(store.space.level)
            stop.set()

        with trio.fail_after(60):
            await serve_store(
                store,
                config,
                await open_listeners(config.host, config.port),
                stop=stop,
                read_disk=read_full_disk,
                on_ready=ready,
            )
    assert found == [level]
