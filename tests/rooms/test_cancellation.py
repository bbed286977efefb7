"""Cancellation: a connection that is cancelled at any point leaves nothing behind and affects no other."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import pytest
import trio
import trio.testing

from tests.support.core import Core, open_core
from tests.support.raw import TEXT, RawPeer, close_frame, frame, upgrade
from trio_chat.model.lookalikes import name_forms
from trio_chat.model.names import normal_name
from trio_chat.protocol.encoding import V1
from trio_chat.rooms import subscribers as subscribers_module

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trio.lowlevel import Task
    from trio.testing import MockClock

    Talk = Callable[[Core, RawPeer], Awaitable[None]]


class CancelAtStep(trio.abc.Instrument):
    """Cancels a scope after so many steps of the task that opened it and of the tasks below it. At that moment each of
    them waits at some await point, so that trying all numbers of steps cancels every await point in turn."""

    def __init__(self, step: int) -> None:
        self.scope = trio.CancelScope()
        self._root = trio.lowlevel.current_task()
        self._steps_left = step

    @property
    def has_cancelled(self) -> bool:
        return self._steps_left == 0

    def after_task_step(self, task: Task) -> None:
        if self._steps_left and self._is_below(task):
            self._steps_left -= 1
            if self.has_cancelled:
                self.scope.cancel()

    def _is_below(self, task: Task | None) -> bool:
        while task is not None and task is not self._root:
            nursery = task.parent_nursery or task.eventual_parent_nursery
            task = None if nursery is None else nursery.parent_task
        return task is not None


async def serve_until(core: Core, stream: trio.abc.Stream, step: int, done: list[bool]) -> None:
    """Serve this stream, cancelled at this step; appends to ``done`` whether it ended before."""
    cancel = CancelAtStep(step)
    trio.lowlevel.add_instrument(cancel)
    try:
        with cancel.scope:
            await core.server.serve_connection(stream)
    finally:
        trio.lowlevel.remove_instrument(cancel)
    done.append(not cancel.has_cancelled)


async def as_far_as_it_gets(talk: Talk, core: Core, peer: RawPeer) -> None:
    """Talk until the server is gone."""
    with suppress(trio.BrokenResourceError):
        await talk(core, peer)
        await peer.receive_to_the_end()
    await peer.stream.aclose()


async def talk_plain(core: Core, peer: RawPeer) -> None:
    """A conversation of a plain client."""
    await peer.send(upgrade())
    if await peer.receive_head():
        await peer.send(frame(TEXT, b"one") + frame(TEXT, b"two"))
        if await peer.receive_frame():
            await peer.send(close_frame())


async def talk_v1(core: Core, peer: RawPeer) -> None:
    """A conversation of a v1 client that uses most commands."""
    await peer.send(upgrade(sec_websocket_protocol=V1))
    if await peer.receive_head():
        for command in (
            {"type": "hello"},
            {"type": "join", "id": "1", "room": "lobby", "after": 0, "epoch": core.lobby.epoch},
            {"type": "send", "id": "2", "room": "lobby", "text": "from v1"},
            {"type": "history", "id": "3", "room": "lobby", "before": 9},
            {"type": "rename", "id": "4", "name": "The same name each time"},
            {"type": "join", "id": "5", "room": "garden"},
            {"type": "send", "id": "6", "room": "garden", "text": "in the garden"},
            {"type": "leave", "id": "7", "room": "lobby"},
            {"type": "ping", "id": "8"},
        ):
            await peer.send(frame(TEXT, json.dumps(command).encode()))
        while (heard := await peer.receive_frame()) is not None:
            if b'"pong"' in heard.payload:
                await peer.send(close_frame())
                break


@pytest.mark.parametrize("talk", [talk_plain, talk_v1])
async def test_each_await_point_of_a_connection_can_be_cancelled(
    talk: Callable[[Core, RawPeer], Awaitable[None]],
    autojump_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subscribers_module, "RECENT_EVENTS", 2)
    monkeypatch.setattr(subscribers_module, "PAGE_BYTES", 100)
    async with open_core() as core:
        await core.fill([f"line {number}" for number in range(5)])
        witness = await core.open_plain()
        garden = await core.rooms.get("garden")
        heard: list[str] = []
        done: list[bool] = []
        while not any(done):
            near, far = trio.testing.memory_stream_pair()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serve_until, core, near, len(done) + 1, done)
                nursery.start_soon(as_far_as_it_gets, talk, core, RawPeer(cast("trio.SocketStream", far)))
            # Every task has ended, or we were not here.
            assert (
                core.lobby.statistics().subscriptions
                == core.server.statistics().connected
                == core.limits.total
                == 1
            )
            assert garden.statistics().subscriptions == 0
            await witness.say(f"after {len(done)}")
            heard += await witness.hear_rest()
            assert heard[-1] == f"after {len(done)}"
        assert len(done) > 20
        assert core.server.statistics().faults == 0
        log = await core.store.read_after("lobby", 5, limit=10**6, max_bytes=10**9)
        assert [event.body for event in log] == heard
        assert core.people._claimed_forms == name_forms(*normal_name(log[-1].name))


async def test_a_server_that_is_cancelled_leaves_no_task_behind(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        clients = [await core.open_person(), await core.open_plain()]
        await core.open_raw(b"GET /")
        with core.store.holding_commits():
            for client in clients:
                await client.say("hello")
            await trio.testing.wait_all_tasks_blocked()
            core.connections.cancel_scope.cancel()
            await trio.testing.wait_all_tasks_blocked()
        assert not core.connections.child_tasks
        assert (
            core.lobby.statistics().subscriptions
            == core.server.statistics().connected
            == core.limits.total
            == 0
        )
