"""A text that is deleted at one node is told at no other one, but for a moment to those who had joined before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from tests.support.core import open_core
from tests.support.nodes import open_nodes
from trio_chat.errors import StoreUnavailable
from trio_chat.kinds.facts import LOBBY
from trio_chat.rooms.fresh import FRESH_S, SharedLooks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trio.testing import MockClock

    from tests.support.core import Core, V1Client
    from trio_chat.model.events import Draft, Event
    from trio_chat.model.outcomes import Outcome

SECRET = "a secret"


async def say(client: V1Client, text: str) -> int:
    """Send this; the number of the message."""
    await client.tell("send", room=LOBBY, text=text)
    (ack,) = [frame for frame in await client.hear_frames() if frame["type"] == "ack"]
    seq: int = ack["seq"]
    return seq


async def delete(client: V1Client, seq: int) -> None:
    """Delete this message, until that is acknowledged."""
    await client.tell("delete", room=LOBBY, seq=seq)
    assert "ack" in [frame["type"] for frame in await client.hear_frames()]


def from_beginning(core: Core) -> dict[str, Any]:
    """The cursor of who was told nothing of the lobby."""
    return {"room": LOBBY, "after": 0, "epoch": core.lobby.epoch}


@pytest.mark.parametrize("how", ["join", "follow"])
async def test_who_joins_after_a_deletion_is_told_no_text_whenever_they_connected(
    autojump_clock: MockClock, how: str
) -> None:
    async with open_nodes() as (store, one, two):
        ada, bob = await one.open_person("Ada"), await two.open_person("Bob")
        secret = await say(ada, SECRET)
        late = await two.open_v1()
        await late.ask("hello")
        await trio.sleep(0.1)
        await bob.tell("join", **from_beginning(two))  # the room looks at its log, with the text in it
        assert SECRET in str(await bob.hear_frames())
        store.lose_hints()
        await trio.sleep(0.1)
        await delete(ada, secret)
        cursor = from_beginning(two)
        await (late.tell("join", **cursor) if how == "join" else late.tell("follow", rooms=[cursor]))
        frames = await late.hear_frames()
        assert [frame["seq"] for frame in frames if "seq" in frame] == [1, 2]
        assert SECRET not in str(frames)


async def test_what_was_written_here_long_ago_is_told_as_the_log_has_it_now(
    autojump_clock: MockClock,
) -> None:
    """The answer to a commit comes late, and others have read and deleted what was committed."""
    async with open_nodes() as (store, one, two):
        ada = await one.open_person("Ada")
        bob, bob_elsewhere = await two.open_v1(), await one.open_v1()
        welcome = await bob.ask("hello", name="Bob")
        await bob_elsewhere.ask("hello", token=welcome["token"])
        bob_elsewhere.ids = 100  # each id of a person is used once
        for connection in (bob, bob_elsewhere):
            await connection.tell("join", room=LOBBY)
            await connection.hear_frames()
        append = two.store.append

        async def append_slowly(room: str, drafts: Sequence[Draft], *, at_ms: int) -> list[Outcome]:
            outcomes = await append(room, drafts, at_ms=at_ms)
            await trio.sleep(FRESH_S + 1)
            return outcomes

        two.store.append = append_slowly  # type: ignore[method-assign]
        await bob.tell("send", room=LOBBY, text=SECRET)
        await trio.sleep(0.1)
        assert SECRET in str(await ada.hear_frames())
        store.lose_hints()
        await delete(bob_elsewhere, 1)
        await trio.sleep(FRESH_S + 2)
        frames = await bob.hear_frames()
        assert ("ack", 1) in [(frame["type"], frame.get("seq")) for frame in frames]
        assert [frame["seq"] for frame in frames if frame["type"] == "message"] == [1]
        assert SECRET not in str(frames)


async def test_a_page_that_came_slowly_is_read_again(autojump_clock: MockClock) -> None:
    async with open_nodes() as (store, one, two):
        ada, bob = await one.open_person("Ada"), await two.open_person("Bob")
        _answer_slowly(two, lambda n_reads: FRESH_S + 1 if n_reads == 1 else 0.0)
        secret = await say(ada, SECRET)
        store.lose_hints()
        await delete(ada, secret)
        await trio.sleep(FRESH_S + 2)
        frames = await bob.hear_frames()
        assert [frame["seq"] for frame in frames if frame["type"] == "message"] == [1]
        assert SECRET not in str(frames)


async def test_a_log_that_is_always_slow_is_told_nevertheless(autojump_clock: MockClock) -> None:
    async with open_nodes() as (_, one, two):
        ada, bob = await one.open_person("Ada"), await two.open_person("Bob")
        _answer_slowly(two, lambda n_reads: 3 * FRESH_S)
        await say(ada, "a text")
        await trio.sleep(20 * FRESH_S)
        assert "a text" in str(await bob.hear_frames())


def _answer_slowly(core: Core, seconds: Callable[[int], float]) -> None:
    """Let each answer of the log come so late, by how many were asked for."""
    read_after = core.store.read_after
    n_reads = 0

    async def read_slowly(room: str, after: int, *, limit: int, max_bytes: int) -> list[Event]:
        nonlocal n_reads
        n_reads += 1
        late_s = seconds(n_reads)
        events = await read_after(room, after, limit=limit, max_bytes=max_bytes)
        await trio.sleep(late_s)
        return events

    core.store.read_after = read_slowly  # type: ignore[assignment,method-assign]


async def test_who_catches_up_is_not_told_for_long_what_the_room_remembers(
    autojump_clock: MockClock,
) -> None:
    async with open_nodes() as (store, one, two):
        ada, bob = await one.open_person("Ada"), await two.open_person("Bob")
        secret = await say(ada, SECRET)
        assert SECRET in str(await bob.hear_frames())
        slow = await two.open_v1()
        await slow.ask("hello")
        slow.tap.stall()
        await slow.tell("join", **from_beginning(two))
        await trio.testing.wait_all_tasks_blocked()
        store.lose_hints()
        await delete(ada, secret)
        await trio.sleep(FRESH_S + 0.5)
        slow.tap.flow()
        frames = await slow.hear_frames()
        assert [frame["seq"] for frame in frames if "seq" in frame] == [1, 2]
        assert SECRET not in str(frames)


async def test_a_page_that_is_being_read_while_a_message_is_deleted_lacks_it(
    autojump_clock: MockClock,
) -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        secret = await say(ada, SECRET)
        await ada.tell("edit", room=LOBBY, seq=secret, text=f"{SECRET}, too")
        await ada.hear_frames()
        core.lobby.subscribers.go_back(core.lobby.head)  # what it remembers it forgets
        _answer_slowly(core, lambda n_reads: 0.5)
        late = await core.open_v1()
        await late.ask("hello")
        await late.tell("join", **from_beginning(core))
        await trio.sleep(0.1)
        await delete(ada, secret)
        await trio.sleep(5)
        frames = await late.hear_frames()
        assert [frame["seq"] for frame in frames if "seq" in frame] == [1, 2, 3]
        assert SECRET not in str(frames)


# Looks that are shared


async def test_who_asks_while_somebody_looks_shares_the_next_look(autojump_clock: MockClock) -> None:
    begun: list[float] = []

    async def look() -> None:
        begun.append(trio.current_time())
        await trio.sleep(1)

    looks = SharedLooks(look)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(looks.look)
        await trio.sleep(0.5)
        for _ in range(10):
            nursery.start_soon(looks.look)
    assert begun == [0.0, 1.0]
    assert trio.current_time() == 2.0


async def test_a_look_that_fails_fails_for_all_who_share_it(autojump_clock: MockClock) -> None:
    n_looks = 0

    async def look() -> None:
        nonlocal n_looks
        n_looks += 1
        await trio.sleep(1)
        raise StoreUnavailable("away")

    looks = SharedLooks(look)
    failed = 0

    async def ask() -> None:
        nonlocal failed
        with pytest.raises(StoreUnavailable, match="away"):
            await looks.look()
        failed += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await trio.sleep(0.5)
        for _ in range(10):
            nursery.start_soon(ask)
    assert (failed, n_looks) == (11, 2)


async def test_who_is_cancelled_while_they_look_leaves_it_to_others(autojump_clock: MockClock) -> None:
    n_looks = 0

    async def look() -> None:
        nonlocal n_looks
        n_looks += 1
        await trio.sleep(1)

    looks = SharedLooks(look)
    others_looked_at: list[float] = []

    async def look_as_well() -> None:
        await looks.look()
        others_looked_at.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        with trio.move_on_after(0.5):
            nursery.start_soon(look_as_well)
            await looks.look()
        await trio.sleep(0.1)
    assert n_looks <= 2
    assert others_looked_at == ([1.0] if n_looks == 1 else [1.5])
