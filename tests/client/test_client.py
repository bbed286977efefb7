"""The Python client, against a server that deviates as told, and against the real one."""

from __future__ import annotations

import math
import re
import textwrap
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import msgspec
import pytest
import trio
import trio.testing
from trio.testing import wait_all_tasks_blocked
from trio_websocket import wrap_server_stream

from tests.support.core import open_core
from tests.support.memory_store import MemoryDisk
from tests.support.raw import PATIENCE_S
from tests.support.scripted import ScriptedServer, Visitor
from tests.support.serving import open_server
from trio_chat.app import serve
from trio_chat.client import (
    CannotConnect,
    Chat,
    ConnectionLost,
    Deleted,
    Edited,
    GivenReaction,
    Message,
    OtherEvent,
    Position,
    Reacted,
    Reactions,
    Refused,
    Reset,
    open_chat,
)
from trio_chat.client.address import Address
from trio_chat.client.backoff import LONGEST_S, STEADY_S, Backoff
from trio_chat.client.calls import LOST_AT_MOST
from trio_chat.client.connection import CONNECT_S
from trio_chat.client.conversation import IDLE_S
from trio_chat.client.frames import Unknown, decode
from trio_chat.client.guarded_stream import WRITE_S
from trio_chat.config.config import Config
from trio_chat.errors import RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from trio.testing import MockClock

    from tests.support.scripted import Deviation

    OpenChat = Callable[..., AbstractAsyncContextManager[Chat]]

MANUAL = Path(__file__).parents[2] / "docs" / "client.md"
README = Path(__file__).parents[2] / "README.md"


async def take(chat: Chat, count: int) -> list[str]:
    """The texts of the next events, which must all be messages."""
    return [message.text for message in await take_messages(chat, count)]


async def take_messages(chat: Chat, count: int) -> list[Message]:
    """The next events, which must all be messages."""
    messages: list[Message] = []
    while len(messages) < count:
        event = await anext(chat)
        assert isinstance(event, Message)
        messages.append(event)
    return messages


# -- what every server promises: the scripted one is checked by the same tests as the real one --


@pytest.fixture(params=["scripted", "real"])
async def opens(request: pytest.FixtureRequest, nursery: trio.Nursery) -> AsyncIterator[OpenChat]:
    """`open_chat` with the address of a server that is empty."""
    if request.param == "scripted":
        yield partial(open_chat, "ws://chat.test", connect=ScriptedServer(nursery).connect)
    else:
        async with open_server() as serving:
            yield partial(open_chat, f"ws://127.0.0.1:{serving.port}")


async def test_sending_returns_the_sequence_number(opens: OpenChat) -> None:
    async with opens(name="Ada") as chat:
        assert [await chat.send("lobby", text) for text in ("one", "two")] == [1, 2]


async def test_events_come_in_order_with_all_their_fields(opens: OpenChat) -> None:
    async with opens(name="Ada") as ada, opens(name="Bob") as bob:
        await ada.send("lobby", "hi", id="first")
        await bob.send("lobby", "hello")
        for chat in (ada, bob):
            event = await anext(chat)
            assert isinstance(event, Message)
            assert (event.room, event.seq, event.id, event.text) == ("lobby", 1, "first", "hi")
            assert event.sender == ada.user.id
            assert event.at.tzinfo is not None
            assert await take(chat, 1) == ["hello"]


async def test_a_token_logs_in_as_the_same_person(opens: OpenChat) -> None:
    async with opens(name="Ada") as chat:
        user, token = chat.user, chat.token
    async with opens(name="Somebody", token=token) as chat:
        assert chat.user == user
        assert chat.token == token


async def test_a_wrong_token_is_refused(opens: OpenChat) -> None:
    with pytest.raises(Refused) as refused:
        async with opens(token="wrong"):
            pass
    assert refused.value.code == "unknown_token"


async def test_a_token_is_replaced_for_who_keeps_the_new_one(autojump_clock: MockClock) -> None:
    disk = MemoryDisk()
    kept: list[tuple[str, str]] = []
    async with open_core(disk) as core:

        async def connect() -> trio.abc.Stream:
            return core.connect_stream()[0]

        opens = partial(open_chat, "ws://chat.example", connect=connect)
        async with opens(name="Ada", on_token=lambda *told: kept.append(told), device="Counter") as chat:
            assert kept == [(core.hub.server_id, chat.token)]
            assert chat.server_id == core.hub.server_id
            user = chat.user
        disk.connection.execute("UPDATE tokens SET issued_ms = 0")
        first = kept[0][1]
        async with opens(token=first) as chat:
            assert chat.token == first
        async with opens(token=first, on_token=lambda *told: kept.append(told)) as chat:
            assert kept[1:] == [(core.hub.server_id, chat.token)]
        assert kept[1][1] != first
        async with opens(token=kept[1][1]) as chat:
            assert chat.user == user


async def test_a_taken_name_is_refused(opens: OpenChat) -> None:
    async with opens(name="Ada"):
        with pytest.raises(Refused) as refused:
            async with opens(name="Ada"):
                pass
    assert refused.value.code == "name_taken"


async def test_an_idempotency_key_is_logged_once_and_a_conflict_is_refused(opens: OpenChat) -> None:
    async with opens(name="Ada") as chat:
        assert await chat.send("lobby", "one", id="x") == 1
        assert await chat.send("lobby", "one", id="x") == 1
        with pytest.raises(Refused) as refused:
            await chat.send("lobby", "another", id="x")
        assert refused.value.code == "id_conflict"
        assert await chat.send("lobby", "two") == 2


async def test_a_refusal_is_raised_by_its_call(opens: OpenChat) -> None:
    async with opens(name="Ada") as chat:
        with pytest.raises(Refused) as refused:
            await chat.send("nowhere", "hi")
        assert refused.value.code == "not_joined"
        assert await chat.send("lobby", "hi") == 1


async def test_rooms_are_joined_and_left(opens: OpenChat) -> None:
    async with opens(name="Ada", rooms=()) as chat:
        assert (await chat.join("Garden")).seq == 0
        await chat.send("garden", "in the garden")
        await chat.join("lobby")
        await chat.leave("garden")
        await chat.leave("garden")
        await chat.send("lobby", "in the lobby")
        assert await take(chat, 1) == ["in the lobby"]
        with pytest.raises(LookupError, match="join it first"):
            chat.position("garden")


async def test_joining_a_joined_room_changes_nothing(opens: OpenChat) -> None:
    async with opens(name="Ada") as chat:
        await chat.send("lobby", "one")
        await chat.join("lobby", after=0)
        await chat.send("lobby", "two")
        assert await take(chat, 2) == ["one", "two"]


def without_proof(position: Position) -> Position:
    """What `Chat.join` tells of a position: nobody was told of its event yet."""
    return msgspec.structs.replace(position, proof=None)


async def test_joining_from_a_kept_position_resumes_there(opens: OpenChat) -> None:
    async with opens(name="Ada") as chat:
        for text in ("one", "two", "three"):
            await chat.send("lobby", text)
        await take(chat, 2)
        cursor = chat.position("lobby")
        assert cursor.seq == 2
    async with opens(name="Bob", rooms=()) as chat:
        head = await chat.join("lobby", after=cursor.seq, epoch=cursor.epoch, proof=cursor.proof)
        assert head == Position(3, cursor.epoch)
        assert chat.position("lobby") == cursor
        assert await take(chat, 1) == ["three"]
        assert without_proof(chat.position("lobby")) == head


async def test_joining_from_a_position_of_another_epoch_gives_a_reset(opens: OpenChat) -> None:
    async with opens(name="Ada") as chat:
        await chat.send("lobby", "one")
    async with opens(name="Bob", rooms=()) as chat:
        head = await chat.join("lobby", after=7, epoch="long ago")
        reset = await anext(chat)
        assert isinstance(reset, Reset)
        assert (reset.room, without_proof(reset.position)) == ("lobby", Position(0, head.epoch))
        assert chat.position("lobby") == reset.position
        assert await take(chat, 1) == ["one"]


async def test_history_comes_in_pages(opens: OpenChat) -> None:
    async with opens(name="Ada") as chat:
        for number in range(1, 6):
            await chat.send("lobby", str(number))
        page = await chat.history("lobby", before=5, limit=3)
        assert [message.text for message in page.messages] == ["2", "3", "4"]
        assert page.more
        page = await chat.history("lobby", before=page.messages[0].seq)
        assert [message.text for message in page.messages] == ["1"]
        assert not page.more


async def test_renaming_changes_the_user(opens: OpenChat) -> None:
    async with opens(name="Ada") as chat:
        user = await chat.rename("Ada L.")
        assert user.name == "Ada L."
        assert chat.user == user


# -- the real server, with real trouble --


async def test_no_message_is_lost_or_doubled_while_connections_break() -> None:
    everything = sorted(f"{name} {number}" for name in ("Ada", "Bob", "Eve") for number in range(50))
    heard: dict[str, list[str]] = {}

    async def talk(port: int, name: str) -> None:
        streams: list[trio.SocketStream] = []

        async def connect() -> trio.SocketStream:
            streams.append(await trio.open_tcp_stream("127.0.0.1", port))
            return streams[-1]

        async def say_all() -> None:
            for number in range(50):
                await chat.send("lobby", f"{name} {number}")

        url = f"ws://127.0.0.1:{port}"
        async with open_chat(url, name=name, rooms=(), connect=connect, jitter=lambda: 0.0) as chat:
            await chat.join("lobby", after=0, epoch=epoch)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(say_all)
                heard[name] = []
                while len(heard[name]) < len(everything):
                    heard[name] += await take(chat, 1)
                    if len(heard[name]) % 20 == 0 and streams[-1].socket.fileno() >= 0:
                        streams[-1].socket.shutdown(trio.socket.SHUT_RDWR)
            assert chat.statistics().connections > 1

    with trio.fail_after(PATIENCE_S):
        async with open_server() as serving, trio.open_nursery() as nursery:
            epoch = serving.lobby.epoch
            for name in ("Ada", "Bob", "Eve"):
                nursery.start_soon(talk, serving.port, name)
    assert sorted(heard["Ada"]) == everything
    assert heard["Ada"] == heard["Bob"] == heard["Eve"]


async def test_a_chat_outlasts_a_restart_of_the_server(tmp_path: Path, nursery: trio.Nursery) -> None:
    with trio.fail_after(PATIENCE_S):
        server: Running = await nursery.start(run_server, tmp_path, 0)
        async with open_chat(f"ws://127.0.0.1:{server.port}", name="Ada", jitter=lambda: 0.01) as chat:
            assert await chat.send("lobby", "before") == 1
            server.stop.set()
            await server.has_stopped.wait()
            async with trio.open_nursery() as sending:
                sending.start_soon(chat.send, "lobby", "after")
                server = await nursery.start(run_server, tmp_path, server.port)
            assert await take(chat, 2) == ["before", "after"]
            assert chat.statistics().connections == 2
        server.stop.set()


@attrs.frozen
class Running:
    """The whole server, running."""

    port: int
    stop: trio.Event
    has_stopped: trio.Event


async def run_server(data: Path, port: int, *, task_status: trio.TaskStatus[Running]) -> None:
    """Serve a directory until told to stop."""
    config = Config(host="127.0.0.1", port=port, data=data, drain_timeout_s=2)
    stop, has_stopped = trio.Event(), trio.Event()
    await serve(
        config,
        stop=stop,
        on_ready=lambda port, _owner_token: task_status.started(Running(port, stop, has_stopped)),
    )
    has_stopped.set()


# -- what the client makes of a server that fails it --


@pytest.fixture
def server(nursery: trio.Nursery) -> ScriptedServer:
    return ScriptedServer(nursery)


@asynccontextmanager
async def opened(server: ScriptedServer, **options: Any) -> AsyncIterator[Chat]:  # noqa: ANN401
    """A chat whose pauses are the longest they could be. It fails when it takes hours (which are over at once)."""
    options = {"name": "Ada", "connect": server.connect, "jitter": lambda: 1.0, **options}
    with trio.fail_after(10_000):
        async with open_chat("ws://chat.test", **options) as chat:
            yield chat


async def cut(visitor: Visitor, frame: dict[str, Any]) -> None:
    """Break the connection in place of an answer."""
    await visitor.cut()


async def ignore(visitor: Visitor, frame: dict[str, Any]) -> None:
    """Do nothing at all."""
    await trio.lowlevel.checkpoint()


def refusing(code: str, **fields: object) -> Deviation:
    async def refuse(visitor: Visitor, frame: dict[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        visitor.refuse(frame, code, **fields)

    return refuse


async def lose_answer(visitor: Visitor, frame: dict[str, Any]) -> None:
    """Do what is asked, and break the connection before it can be answered."""
    await visitor.handle(frame)
    await visitor.cut()


@pytest.mark.parametrize("failing", [cut, lose_answer])
async def test_a_send_without_ack_is_repeated_under_the_same_id(
    server: ScriptedServer, autojump_clock: MockClock, failing: Deviation
) -> None:
    async with opened(server) as chat:
        server.next_time("send", failing)
        assert await chat.send("lobby", "once") == 1
        assert server.texts() == ["once"]
        first, second = server.heard("send")
        assert first == second
        assert await take(chat, 1) == ["once"]


async def test_a_send_without_a_connection_waits_for_one(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    async with opened(server) as chat:
        server.is_down = True
        await server.visitor.cut()
        with trio.move_on_after(60) as patience:
            await chat.send("lobby", "too early")
        assert patience.cancelled_caught
        server.is_down = False
        assert await chat.send("lobby", "hi") == 1
        assert server.texts() == ["hi"]  # what was given up is not said later


async def test_a_new_connection_resumes_each_room_from_its_cursor(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    async with opened(server, rooms=("lobby", "garden")) as chat:
        server.write("one")
        server.write("flowers", room="garden")
        await take(chat, 2)
        server.write("two")
        await wait_all_tasks_blocked()
        server.is_down = True
        await server.visitor.cut()
        await wait_all_tasks_blocked()
        server.write("three")
        server.write("trees", room="garden")
        server.is_down = False
        assert sorted(await take(chat, 3)) == ["three", "trees", "two"]
        joins = [
            (join["room"], join["after"], join["epoch"])
            for join in server.visitor.heard
            if join["type"] == "join"
        ]
        assert joins == [("lobby", 2, "e1"), ("garden", 1, "e1")]
        assert server.visitor.heard[0] == {"type": "hello", "token": chat.token}
        assert chat.statistics().connections == 2


async def test_who_waits_for_a_connection_waits_over_attempts_that_fail(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    async def break_off(visitor: Visitor, _frame: dict[str, Any]) -> None:
        await visitor.cut()

    async with open_chat("ws://chat.test", name="Ada", connect=server.connect) as chat:
        await server.visitor.cut()
        server.next_time("hello", break_off)
        while chat._conversation._connected.is_set():
            await trio.lowlevel.checkpoint()
        with trio.fail_after(60):
            await chat._conversation.wait_connected()
        assert len(server.visitors) == 3


async def test_a_left_room_is_not_resumed(server: ScriptedServer, autojump_clock: MockClock) -> None:
    async with opened(server, rooms=("lobby", "garden")) as chat:
        server.next_time("leave", cut)
        await chat.leave("garden")
        assert [join["room"] for join in server.visitor.heard if join["type"] == "join"] == ["lobby"]


async def test_a_new_epoch_gives_a_reset_and_then_the_latest_page(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    async with opened(server) as chat:
        server.write("one")
        server.write("two")
        await take(chat, 2)
        server.replace_log()
        server.write("new")
        await server.visitor.cut()
        assert await anext(chat) == Reset("lobby", Position(0, "e1x"))
        assert await take(chat, 1) == ["new"]
        assert chat.position("lobby") == Position(1, "e1x")


async def test_a_repeated_event_is_given_once(server: ScriptedServer, autojump_clock: MockClock) -> None:
    async with opened(server) as chat:
        server.write("one")
        server.visitor.say(server.log["lobby"][0])
        server.write("two")
        assert await take(chat, 2) == ["one", "two"]
        assert chat.statistics().connections == 1


async def test_a_gap_is_closed_by_a_new_connection(server: ScriptedServer, autojump_clock: MockClock) -> None:
    async with opened(server) as chat:
        server.write("one")
        server.visitor.rooms.clear()
        server.write("two")
        server.visitor.rooms.add("lobby")
        server.write("three")
        assert await take(chat, 3) == ["one", "two", "three"]
        assert chat.statistics().connections == 2


async def test_unknown_frames_and_fields_are_ignored(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    async with opened(server) as chat:
        server.visitor.say({"type": "weather", "sun": True})
        server.log["lobby"].append({"type": "applause", "room": "lobby", "seq": 1, "loud": True})
        server.visitor.say(server.log["lobby"][0])
        server.write("one")
        server.log["lobby"][1]["color"] = "red"
        assert await take(chat, 1) == ["one"]
        page = await chat.history("lobby", before=3)
        assert [message.text for message in page.messages] == ["one"]
        assert chat.statistics().connections == 1


@pytest.fixture
async def real(nursery: trio.Nursery) -> AsyncIterator[OpenChat]:
    """`open_chat` with the address of the real server, empty."""
    async with open_server() as serving:
        yield partial(open_chat, f"ws://127.0.0.1:{serving.port}")


async def test_replies_edits_deletions_and_reactions_are_given(real: OpenChat) -> None:
    async with real(name="Ada") as ada, real(name="Bob") as bob:
        assert await ada.send("lobby", "hi", mentions=[bob.user.id]) == 1
        assert await bob.send("lobby", "hello", reply_to=1) == 2
        assert await ada.edit("lobby", 1, "hi Bob", mentions=[bob.user.id]) == 3
        assert await bob.react("lobby", 1, "❤") == 4
        assert await bob.react("lobby", 1, "❤", on=False) == 5
        assert await bob.delete("lobby", 2) == 6
        events = [await anext(ada) for _ in range(6)]
        assert [type(event) for event in events] == [Message, Message, Edited, Reacted, Reacted, Deleted]
        match events:
            case [Message() as first, Message() as second, Edited() as edited, Reacted() as put, *_, last]:
                assert (first.mentions, second.reply_to) == ((bob.user.id,), 1)
                assert (edited.target, edited.text, edited.sender) == (1, "hi Bob", ada.user.id)
                assert (put.target, put.emoji, put.on, put.name) == (1, "❤\ufe0f", True, "Bob")
                assert isinstance(last, Deleted)
                assert last.target == 2
        page = await ada.history("lobby", before=3)
        assert [(message.text, message.deleted) for message in page.messages] == [("hi", False), ("", True)]
        assert ([change.seq for change in page.changes], page.reactions, page.upto) == ([3, 6], [], 6)


async def test_reactions_are_counted_in_a_page_and_all_of_them_are_asked_for(real: OpenChat) -> None:
    async with real(name="Ada") as ada, real(name="Bob") as bob:
        await ada.send("lobby", "hi")
        for chat, emoji in ((bob, "🎉"), (ada, "🎉"), (ada, "👍")):
            await chat.react("lobby", 1, emoji)
        with pytest.raises(Refused) as caught:
            await bob.react("lobby", 1, "🎉")
        assert caught.value.code == "unchanged"
        page = await bob.history("lobby", before=2)
        assert page.reactions == [
            Reactions(1, "🎉", count=2, since=2, mine=True, people=(bob.user, ada.user)),
            Reactions(1, "👍", count=1, since=4, people=(ada.user,)),
        ]
        given = [
            GivenReaction(seq, emoji, chat.user)
            for seq, emoji, chat in ((2, "🎉", bob), (3, "🎉", ada), (4, "👍", ada))
        ]
        assert await bob.reactions("lobby", 1) == given
        assert await bob.reactions("lobby", 1, "🎉") == given[:2]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("trio_chat.gateways.v1.history.REACTIONS", 1)
            assert await bob.reactions("lobby", 1) == given


async def test_what_the_server_cannot_take_is_refused_and_the_chat_lives(real: OpenChat) -> None:
    async with real() as chat:
        for text, code in (("x" * 70_000, "too_long"), ("x" * 4_001, "too_long"), (" ", "empty")):
            with pytest.raises(Refused) as refused:
                await chat.send("lobby", text)
            assert refused.value.code == code
        with pytest.raises(Refused):
            await chat.rename("x" * 70_000)
        assert await chat.send("lobby", "hi") == 1
        assert chat.statistics().connections == 1


async def test_an_edit_of_a_deleted_message_is_skipped(real: OpenChat) -> None:
    async with real(name="Ada") as ada:
        await ada.send("lobby", "one")
        await ada.edit("lobby", 1, "two")
        await ada.delete("lobby", 1)
    async with real(name="Bob") as bob:
        event, last = await anext(bob), await anext(bob)
        assert isinstance(event, Message)
        assert event.deleted
        assert isinstance(last, Deleted)
        assert bob.position("lobby").seq == 3


async def test_passing_refusals_are_waited_out_and_the_call_repeated(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    async with opened(server) as chat:
        server.next_time("send", refusing("rate_limited", retry_after=1.5))
        server.next_time("send", refusing("unavailable", retry_after=2.5))
        began = trio.current_time()
        assert await chat.send("lobby", "hi") == 1
        assert trio.current_time() - began == pytest.approx(4)
        assert len({send["id"] for send in server.heard("send")}) == 1


async def test_an_unavailable_server_is_waited_for_at_login_and_join(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    server.next_time("hello", refusing("unavailable"))
    server.next_time("join", refusing("unavailable"))
    async with opened(server) as chat:
        for kind in ("hello", "join"):
            server.next_time(kind, refusing("unavailable", retry_after=3))
        await server.visitor.cut()
        assert await chat.send("lobby", "hi") == 1


# -- slow applications --


async def test_a_slow_application_slows_the_server(server: ScriptedServer, autojump_clock: MockClock) -> None:
    server.make_pair = trio.testing.lockstep_stream_pair
    async with opened(server, max_unread=10) as chat:
        for number in range(500):
            server.write(str(number))
        await trio.sleep(100 * IDLE_S)
        assert server.visitor.said < 200  # trio-websocket reads some ahead
        assert chat.statistics().unread == 10
        assert await take(chat, 500) == [str(number) for number in range(500)]
        assert chat.statistics().connections == 1


async def test_sending_inside_the_iteration_never_deadlocks(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    for number in range(60):
        server.write(str(number))
    async with opened(server, rooms=(), max_unread=5) as chat:
        await chat.join("lobby", after=0, epoch="e1")
        seen = []
        async for event in chat:
            assert isinstance(event, Message)
            seen.append(event.seq)
            if event.sender != chat.user.id:
                await chat.send("lobby", f"I have heard {event.text}")
            if event.seq == 120:
                break
        assert seen == list(range(1, 121))
        assert chat.statistics().connections == 1


async def test_a_call_does_not_wait_for_the_application(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    async with opened(server, max_unread=1) as chat:
        for number in range(10):
            server.write(str(number))
        await wait_all_tasks_blocked()
        assert await chat.send("lobby", "mine") == 11
        assert await take(chat, 11) == [*map(str, range(10)), "mine"]


async def test_a_slow_application_still_gets_a_reset(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    async with opened(server, max_unread=1) as chat:
        server.write("one")
        await wait_all_tasks_blocked()
        server.replace_log()
        server.write("new")
        await server.visitor.cut()
        await chat.send("lobby", "mine")
        assert await take(chat, 1) == ["one"]
        assert await anext(chat) == Reset("lobby", Position(0, "e1x"))
        assert await take(chat, 2) == ["new", "mine"]


async def test_a_room_that_falls_behind_during_the_rejoin_of_another_catches_up(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    taken: list[str] = []

    async def take_all(chat: Chat) -> None:
        for _ in range(3):
            taken.extend(await take(chat, 1))

    async with opened(server, rooms=("lobby", "garden"), max_unread=1) as chat:
        server.next_time("join", Visitor.handle)
        server.next_time("join", ignore)
        await server.visitor.cut()
        await wait_all_tasks_blocked()
        for text in ("one", "two", "three"):
            server.write(text)
        await wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(take_all, chat)
            await wait_all_tasks_blocked()
            assert taken == ["one"]  # the others were skipped
            await server.visitor.handle(server.heard("join")[-1])
        assert taken == ["one", "two", "three"]


# -- cancellation --


async def test_a_send_cancelled_at_any_point_leaves_the_chat_working(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    async with opened(server) as chat:
        for checkpoints in range(40):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(chat.send, "lobby", f"perhaps {checkpoints}")
                for _ in range(checkpoints):
                    await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
            await chat.send("lobby", f"surely {checkpoints}")
        count = len(server.texts())
        assert 40 <= count <= 80
        assert await take(chat, count) == server.texts()
        assert chat.statistics() == chat.statistics().__class__(connections=1, unread=0, calls=0)


async def test_a_cancelled_iteration_loses_no_event(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    taken: list[str] = []

    async def take_one(chat: Chat) -> None:
        taken.extend(await take(chat, 1))

    async with opened(server) as chat:
        for checkpoints in range(30):
            server.write(str(checkpoints))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(take_one, chat)
                for _ in range(checkpoints):
                    await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
        assert 0 < len(taken) < 30
        taken += await take(chat, 30 - len(taken))
        assert taken == [str(number) for number in range(30)]


async def test_a_cancelled_join_is_undone(server: ScriptedServer, autojump_clock: MockClock) -> None:
    async with opened(server) as chat:
        server.next_time("join", ignore)
        with trio.move_on_after(1):
            await chat.join("garden")
        (_, asked) = server.heard("join")
        await server.visitor.handle(asked)
        server.write("flowers", room="garden")
        await wait_all_tasks_blocked()
        assert server.visitor.rooms == {"lobby"}
        assert chat.statistics().unread == 0


async def test_a_call_cancelled_before_it_was_written_is_not_written(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    go_on = trio.Event()

    async def handle_later(visitor: Visitor, frame: dict[str, Any]) -> None:
        await go_on.wait()
        await visitor.handle(frame)

    server.make_pair = trio.testing.lockstep_stream_pair
    async with opened(server) as chat:
        server.next_time("send", handle_later)
        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(chat.send, "lobby", str(number))
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        go_on.set()
        await chat.send("lobby", "last")
        assert len(server.texts()) < 10  # what was on its way


async def test_a_room_left_during_its_rejoin_stays_left(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    async with opened(server) as chat, trio.open_nursery() as nursery:
        server.next_time("join", ignore)
        await server.visitor.cut()
        await wait_all_tasks_blocked()
        nursery.start_soon(chat.leave, "lobby")
        await wait_all_tasks_blocked()
        await server.visitor.handle(server.heard("join")[-1])
        server.write("one")
        await wait_all_tasks_blocked()
        assert server.visitor.rooms == set()
        assert chat.statistics().unread == 0


async def test_a_half_written_frame_ends_only_the_connection(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    async with opened(server) as chat:
        server.visitor.network.is_stuck = True
        began = trio.current_time()
        with trio.move_on_after(1):
            await chat.send("lobby", "given up in the middle")
        assert await chat.send("lobby", "hi") == 1
        assert trio.current_time() - began == pytest.approx(WRITE_S)
        assert server.texts() == ["hi"]


# -- leaving --


async def test_leaving_the_block_closes_with_1000(server: ScriptedServer, autojump_clock: MockClock) -> None:
    async with opened(server):
        pass
    await server.visitor.is_gone.wait()
    assert server.visitor.close_code == 1000


async def test_leaving_is_quick_when_the_server_reads_nothing(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    async with opened(server) as chat:
        server.visitor.network.is_stuck = True
        with trio.move_on_after(1):
            await chat.send("lobby", "hi")
        began = trio.current_time()
    assert trio.current_time() == began


async def test_leaving_is_quick_without_a_connection(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    async with opened(server):
        server.is_down = True
        await server.visitor.cut()
        await trio.sleep(3.25)
        began = trio.current_time()
    assert trio.current_time() == began


async def test_a_cancelled_block_drops_the_connection_at_once(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    with trio.move_on_after(5) as scope:
        async with opened(server):
            await trio.sleep_forever()
    assert scope.cancelled_caught
    await server.visitor.is_gone.wait()
    assert server.visitor.close_code == 1006


async def test_an_exception_comes_out_of_the_block_as_it_is(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    error = KeyError("mine")
    with pytest.raises(KeyError) as caught:
        async with opened(server):
            raise error
    assert caught.value is error
    await server.visitor.is_gone.wait()
    assert server.visitor.close_code == 1000


async def test_using_a_left_chat_raises(server: ScriptedServer, autojump_clock: MockClock) -> None:
    heard = []

    async def iterate(chat: Chat) -> None:
        heard.extend([event async for event in chat])

    async def call(chat: Chat) -> None:
        with pytest.raises(ConnectionLost, match="left"):
            await chat.send("lobby", "hi")

    async with trio.open_nursery() as nursery, opened(server) as chat:
        server.next_time("send", ignore)
        nursery.start_soon(iterate, chat)
        nursery.start_soon(call, chat)
        await wait_all_tasks_blocked()
    assert heard == []
    await call(chat)


# -- endings --


async def test_a_final_close_is_raised_by_calls_and_iterations(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    async def call(chat: Chat) -> None:
        with pytest.raises(ConnectionLost):
            await chat.send("lobby", "hi")

    async with opened(server) as chat, trio.open_nursery() as nursery:
        server.next_time("send", ignore)
        nursery.start_soon(call, chat)
        server.write("one")
        await wait_all_tasks_blocked()
        server.visitor.close(4501)
        await wait_all_tasks_blocked()
        assert await take(chat, 1) == ["one"]  # what came before is still given
        for _ in range(2):
            with pytest.raises(ConnectionLost, match="removed you") as lost:
                await anext(chat)
            assert lost.value.close.code == 4501
        await call(chat)
    assert len(server.visitors) == 1


@pytest.mark.parametrize("code", [1000, 1002, 1003, 1007, 1008, 1009, 4500, 4999])
async def test_final_close_codes_end_the_chat(
    server: ScriptedServer, autojump_clock: MockClock, code: int
) -> None:
    async with opened(server) as chat:
        server.visitor.close(code)
        with pytest.raises(ConnectionLost) as lost:
            await anext(chat)
        assert lost.value.close.code == code


def always(server: ScriptedServer, kind: str, deviation: Deviation) -> None:
    """Do this with each frame of this type whose text is "bad", instead of answering by the protocol."""

    async def again(visitor: Visitor, frame: dict[str, Any]) -> None:
        server.next_time(kind, again)
        await (deviation(visitor, frame) if frame["text"] == "bad" else visitor.handle(frame))

    server.next_time(kind, again)


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 1009, 1010, 4400, 4999])
async def test_a_command_that_ends_each_connection_fails_alone(
    server: ScriptedServer, autojump_clock: MockClock, code: int, count: int
) -> None:
    """Whatever the server, or a proxy, closes for: the chat lives, and all others go out."""

    async def close(visitor: Visitor, frame: dict[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        visitor.close(code)

    async def send_bad(chat: Chat) -> None:
        with pytest.raises(Refused, match=str(code)) as refused:
            await chat.send("lobby", "bad")
        assert refused.value.code == "ends_connection"

    always(server, "send", close)
    async with opened(server) as chat:
        async with trio.open_nursery() as nursery:
            for number in range(count):
                nursery.start_soon(chat.send, "lobby", f"good {number}")
                nursery.start_soon(send_bad, chat)
        assert await chat.send("lobby", "afterwards") == count + 1
        assert sorted(await take(chat, count)) == [f"good {number}" for number in range(count)]
        assert await take(chat, 1) == ["afterwards"]


@pytest.mark.parametrize("count", [1, 3])
async def test_a_command_at_which_each_connection_breaks_is_given_up_and_others_go_before(
    server: ScriptedServer, autojump_clock: MockClock, count: int
) -> None:
    answered: list[str] = []

    async def send(chat: Chat, text: str) -> None:
        try:
            await chat.send("lobby", text)
        except Refused as refused:
            answered.append(f"{text}: {refused.code}")
        else:
            answered.append(text)

    always(server, "send", cut)
    async with opened(server) as chat:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send, chat, "bad")
            for number in range(count):
                nursery.start_soon(send, chat, f"good {number}")
        assert answered[-1] == "bad: ends_connection"
        assert sorted(server.texts()) == [f"good {number}" for number in range(count)]
        assert await chat.send("lobby", "afterwards") == count + 1


async def test_a_command_is_not_blamed_for_connections_that_never_came_about(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    """However often nobody is at home: it was lost with one connection."""

    async def go_down(visitor: Visitor, frame: dict[str, Any]) -> None:
        server.is_down = True
        await visitor.cut()

    server.next_time("send", go_down)
    async with opened(server) as chat, trio.open_nursery() as nursery:
        nursery.start_soon(chat.send, "lobby", "good")
        await trio.sleep(1000)
        assert len(server.attempts) > 2 * LOST_AT_MOST
        server.is_down = False
        assert await take(chat, 1) == ["good"]


async def test_a_command_without_an_answer_holds_up_no_others_for_long(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    async def be_silent(chat: Chat) -> None:
        with trio.move_on_after(300):
            await chat.send("lobby", "bad")

    async def close(visitor: Visitor, frame: dict[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        visitor.close(1009)

    async with opened(server) as chat, trio.open_nursery() as nursery:
        server.next_time("send", close)  # so that calls are written one at a time
        for text in ("one", "two"):
            nursery.start_soon(chat.send, "lobby", text)
        await wait_all_tasks_blocked()
        always(server, "send", ignore)
        nursery.start_soon(be_silent, chat)
        await trio.sleep(60)
        assert await chat.send("lobby", "three") == 3


async def test_an_event_of_an_unknown_kind_is_given_as_another_event(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    vote = {"type": "vote", "room": "lobby", "seq": 1, "from": "p-9", "name": "Bob", "choice": 2}
    vote |= {"at": "2026-11-22T21:00:00.123Z"}
    async with opened(server) as chat:
        server.log["lobby"].append(vote)
        server.visitor.say(vote)
        server.write("one")
        event = await anext(chat)
        assert isinstance(event, OtherEvent)
        assert (event.kind, event.seq, event.sender, event.fields["choice"]) == ("vote", 1, "p-9", 2)
        assert await take(chat, 1) == ["one"]


@pytest.mark.parametrize(
    ("code", "pause_s"),
    [(1011, 0), (4000, 0), (4001, 0), (4499, 0), (1001, 1), (1012, 1), (1013, 1), (4002, 1)],
)
async def test_other_close_codes_reconnect(
    server: ScriptedServer, autojump_clock: MockClock, code: int, pause_s: float
) -> None:
    async with opened(server) as chat:
        await trio.sleep(STEADY_S)
        began = trio.current_time()
        server.visitor.close(code)
        await server.visitor.is_gone.wait()
        assert await chat.send("lobby", "hi") == 1
        assert trio.current_time() - began == pytest.approx(pause_s)


@pytest.mark.parametrize(("code", "pauses"), [(1012, [1, 1, 1]), (1001, [1, 1, 1]), (1013, [1, 2, 4])])
async def test_nodes_that_are_restarted_in_turn_do_not_lengthen_the_pauses(
    server: ScriptedServer, autojump_clock: MockClock, code: int, pauses: list[float]
) -> None:
    async with opened(server) as chat:
        for number, pause_s in enumerate(pauses, 1):
            await trio.sleep(STEADY_S / 5)
            began = trio.current_time()
            server.visitor.close(code)
            await server.visitor.is_gone.wait()
            assert await chat.send("lobby", "hi") == number
            assert trio.current_time() - began == pytest.approx(pause_s)


async def test_an_unknown_token_at_reconnect_ends_the_chat(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    async with opened(server) as chat:
        server.people.clear()
        await server.visitor.cut()
        with pytest.raises(Refused) as refused:
            await anext(chat)
        assert refused.value.code == "unknown_token"


async def test_an_invalid_frame_ends_the_chat(server: ScriptedServer, autojump_clock: MockClock) -> None:
    async with opened(server) as chat:
        server.visitor.say({"type": "message", "room": "lobby"})
        with pytest.raises(ConnectionLost, match="no frame of v1"):
            await anext(chat)


async def test_a_silent_server_is_pinged_and_then_left(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    async with opened(server) as chat:
        server.next_time("ping", Visitor.handle)
        server.next_time("ping", ignore)
        await trio.sleep(3 * IDLE_S - 1)
        assert len(server.heard("ping")) == 2
        assert chat.statistics().connections == 1
        await trio.sleep(2)
        assert chat.statistics().connections == 2


# -- connecting --


async def test_a_missing_server_gives_a_clear_error(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    server.is_down = True
    with pytest.raises(CannotConnect, match=r"Cannot reach ws://chat\.test: nobody is at home"):
        async with opened(server):
            pass


async def test_retry_first_waits_for_the_first_server(
    server: ScriptedServer, autojump_clock: MockClock
) -> None:
    async def start_later() -> None:
        await trio.sleep(10)
        server.is_down = False

    server.is_down = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(start_later)
        async with opened(server, retry_first=True) as chat:
            assert await chat.send("lobby", "hi") == 1


async def test_the_backoff_doubles_up_to_a_bound_and_is_reset_by_a_steady_connection(
    server: ScriptedServer,
    autojump_clock: MockClock,
) -> None:
    async with opened(server) as chat:
        await trio.sleep(STEADY_S)
        server.is_down = True
        server.attempts.clear()
        await server.visitor.cut()
        await trio.sleep(150)
        pauses = [
            later - earlier for earlier, later in zip(server.attempts, server.attempts[1:], strict=False)
        ]
        assert pauses[:7] == pytest.approx([2, 4, 8, 16, LONGEST_S, LONGEST_S, LONGEST_S])
        server.is_down = False
        await chat.send("lobby", "hi")
        await trio.sleep(STEADY_S)
        server.attempts.clear()
        began = trio.current_time()
        await server.visitor.cut()
        await chat.send("lobby", "hi again")
        assert server.attempts == [began]


def test_jitter_spreads_over_the_whole_pause() -> None:
    chances = iter([0.0, 0.5, 0.25])
    backoff = Backoff(lambda: next(chances))
    pauses = [backoff.pause_s(held_s=-math.inf, may_be_at_once=False) for _ in range(3)]
    assert pauses == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (b"", "opened no WebSocket"),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "HTTP status 404"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", "HTTP status 200"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "opened no WebSocket"),
        (None, "opened no WebSocket"),
    ],
)
async def test_a_server_that_is_no_chat_gives_a_clear_error(
    autojump_clock: MockClock, nursery: trio.Nursery, answer: bytes | None, complaint: str
) -> None:
    async def connect() -> trio.abc.Stream:
        theirs, ours = trio.testing.memory_stream_pair()
        nursery.start_soon(other_server, ours)
        return theirs

    async def other_server(stream: trio.abc.HalfCloseableStream) -> None:
        async with stream:
            await stream.receive_some()
            if answer is None:
                await trio.sleep(100)
            else:
                await stream.send_all(answer)
                await stream.send_eof()
                await stream.receive_some()

    with pytest.raises(CannotConnect, match=complaint):
        async with open_chat("ws://chat.test", connect=connect):
            pass
    assert trio.current_time() == pytest.approx(CONNECT_S if answer is None else 0)


async def test_a_websocket_server_without_the_subprotocol_is_no_chat(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    async def connect() -> trio.abc.Stream:
        theirs, ours = trio.testing.memory_stream_pair()
        nursery.start_soon(accept, ours)
        return theirs

    async def accept(stream: trio.abc.Stream) -> None:
        request = await wrap_server_stream(nursery, stream)
        await request.accept()

    with pytest.raises(CannotConnect, match=r"no chat that speaks trio-chat\.v1"):
        async with open_chat("ws://chat.test", connect=connect):
            pass


async def test_a_login_without_answer_times_out(server: ScriptedServer, autojump_clock: MockClock) -> None:
    server.next_time("hello", ignore)
    with pytest.raises(ConnectionLost, match="did not say welcome"):
        async with opened(server):
            pass
    assert trio.current_time() == pytest.approx(CONNECT_S)


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "resource"),
    [
        ("ws://localhost:8080", "localhost", 8080, "localhost:8080", "/"),
        ("wss://chat.example/a?b=c", "chat.example", 443, "chat.example", "/a?b=c"),
        ("ws://[::1]:9/", "::1", 9, "[::1]:9", "/"),
    ],
)
def test_an_address_is_parsed(url: str, host: str, port: int, authority: str, resource: str) -> None:
    address = Address.parse(url)
    assert (address.host, address.port, address.authority, address.resource) == (
        host,
        port,
        authority,
        resource,
    )


@pytest.mark.parametrize("url", ["http://localhost:8080", "localhost:8080", "ws://", ""])
def test_an_invalid_address_gives_a_clear_error(url: str) -> None:
    with pytest.raises(ValueError, match="must look like ws://host:8080"):
        Address.parse(url)


def test_unknown_frames_are_decoded_and_invalid_ones_refused() -> None:
    assert decode('{"type": "news", "seq": 3, "room": "lobby"}') == Unknown("news", "lobby", 3)
    for nonsense in ("", "[]", "{}", '{"type": "ack"}', '{"type": 3}', b"\xff"):
        with pytest.raises(RemoteProtocolError):
            decode(nonsense)


# -- the manual --


def programs() -> list[str]:
    """The whole programs in docs/client.md."""
    return re.findall(r"```python example\n(.*?)```", MANUAL.read_text(encoding="utf-8"), flags=re.DOTALL)


async def test_the_manuals_first_program_runs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "manual"}
    exec(programs()[0], namespace)
    with trio.fail_after(PATIENCE_S):
        async with open_server() as serving, trio.open_nursery() as nursery:
            url = f"ws://127.0.0.1:{serving.port}"
            nursery.start_soon(namespace["main"], url)
            async with open_chat(url, name="Bob") as bob:
                assert await take(bob, 1) == ["hi"]
                await bob.send("lobby", "hello, Ada")
                said = ""
                while "Bob: hello, Ada\n" not in said:
                    await trio.lowlevel.checkpoint()
                    said += capsys.readouterr().out
            assert "My message is number 1" in said
            nursery.cancel_scope.cancel()


def readme_programs() -> list[str]:
    """The whole Python programs of the README, which shows them indented."""
    blocks = re.findall(r"(?:^    .*\n|^\n)+", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [textwrap.dedent(block).strip() + "\n" for block in blocks if "import trio" in block]


async def test_the_first_programs_run_twice_as_the_same_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever tries one starts it again within two minutes."""
    monkeypatch.chdir(tmp_path)
    (shown,) = readme_programs()
    with trio.fail_after(2 * PATIENCE_S):
        async with open_server() as serving:
            url = f"ws://127.0.0.1:{serving.port}"
            async with open_chat(url, name="Bob") as bob:
                senders = set()
                for program in (shown, shown, programs()[0], programs()[0]):
                    namespace: dict[str, Any] = {"__name__": "manual"}
                    exec(program, namespace)
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(namespace["main"], url)
                        event = await anext(bob)
                        assert isinstance(event, Message)
                        senders.add(event.sender)
                        nursery.cancel_scope.cancel()
                assert len(senders) == 1


async def test_the_manuals_keeper_sends_and_keeps_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    namespace: dict[str, Any] = {"__name__": "manual"}
    exec(programs()[1], namespace)
    async with open_server(data=tmp_path / "data") as serving:
        url = f"ws://127.0.0.1:{serving.port}"
        with trio.fail_after(PATIENCE_S):
            async with open_chat(url, name="Ada") as ada:
                await ada.send("lobby", "", files=[b"a kite"])
                for _ in range(2):  # started again it says nothing twice
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(namespace["main"], url, tmp_path / "kept")
                        while "Ada sent file" not in capsys.readouterr().out:
                            await trio.lowlevel.checkpoint()
                        nursery.cancel_scope.cancel()
                    assert (tmp_path / "kept" / "1-0").read_bytes() == b"a kite"
                await ada.send("lobby", "the end")
                assert [len(event.files) for event in await take_messages(ada, 3)] == [1, 2, 0]


async def test_the_manuals_bot_goes_on_where_it_stopped(tmp_path: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "manual"}
    exec(programs()[2], namespace)
    state = tmp_path / "counter.json"
    async with open_server() as serving:
        url = f"ws://127.0.0.1:{serving.port}"

        async def answers(asked: int) -> list[str]:
            """What the bot says until it has heard all its own answers to so many questions."""
            heard: list[str] = []
            async with trio.open_nursery() as nursery:
                nursery.start_soon(namespace["main"], url, state)
                while len(heard) < asked:
                    event = await anext(ada)
                    if isinstance(event, Message) and event.name == "Counter":
                        heard.append(event.text)
                nursery.cancel_scope.cancel()
            return heard

        with trio.fail_after(PATIENCE_S):
            async with open_chat(url, name="Ada") as ada:
                await ada.send("lobby", "!count one two three")
                await ada.send("lobby", "hello")
                assert await answers(1) == ["Ada: 3 words"]
                await ada.send("lobby", "!count one")
                await ada.send("lobby", "!count one two")
                assert await answers(2) == ["Ada: 1 words", "Ada: 2 words"]
