"""What is kept for a client that says nothing: there are thousands of them."""

from __future__ import annotations

import gc
import math
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from tests.support.core import open_core
from tests.support.raw import PONG, TEXT, RawPeer, frame
from trio_chat.rooms.submission import Submission
from trio_chat.server.http_connection import HttpConnection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trio.testing import MockClock

    from tests.support.core import Core

V1 = "trio-chat.v1"

AWAITED = 6
"""The functions of ours that wait, one for the other, in an idle connection's task; each is a quarter of a KiB."""


def alive(*types: type) -> int:
    """How many objects of these types there are."""
    gc.collect()
    return sum(isinstance(thing, types) for thing in gc.get_objects())


def scopes_without_deadline() -> int:
    """How many of those there are. (Trio keeps some of the others for a while when they are over.)"""
    gc.collect()
    return sum(
        isinstance(thing, trio.CancelScope) and thing.deadline == math.inf for thing in gc.get_objects()
    )


def awaited(task: trio.lowlevel.Task) -> list[str]:
    """The names of the functions of ours that wait in a task."""
    frames: Iterable[str] = (
        frame.f_globals["__name__"] + " " + frame.f_code.co_name for frame, _ in task.iter_await_frames()
    )
    return [name for name in frames if name.startswith("trio_chat.")]


async def open_and_talk(core: Core, subprotocol: str | None, name: str = "ada") -> RawPeer:
    """A client that has said something, and answered a ping."""
    peer = await core.open_raw_websocket(subprotocol)
    if subprotocol is None:
        await peer.send(frame(TEXT, b"hello"))
    else:
        await peer.say(type="hello", name=name)
        await peer.say(type="join", id="j", room="lobby")
        await peer.say(type="send", id="s", room="lobby", text="hello")
    await trio.testing.wait_all_tasks_blocked()
    await peer.send(frame(PONG, b""))
    await trio.testing.wait_all_tasks_blocked()
    return peer


@pytest.mark.parametrize("subprotocol", [None, V1])
async def test_an_idle_client_is_one_task_in_one_scope(
    subprotocol: str | None, autojump_clock: MockClock
) -> None:
    async with open_core() as core:
        await open_and_talk(core, subprotocol)
        scopes = scopes_without_deadline()
        await open_and_talk(core, subprotocol, "bob")
        assert scopes_without_deadline() == scopes + 1
        tasks = core.connections.child_tasks
        assert len(tasks) == 2
        for task in tasks:
            assert task.child_nurseries == []
            assert len(awaited(task)) <= AWAITED, awaited(task)
        assert alive(HttpConnection, Submission) == 0


async def test_what_waited_is_written_by_a_task_that_ends(autojump_clock: MockClock) -> None:
    async with open_core() as core:
        peer = await open_and_talk(core, None)
        await core.fill(["x" * 60_000] * 3)  # a stream in memory takes nothing at once
        assert len(core.connections.child_tasks) == 1
        with trio.move_on_after(1):
            while await peer.stream.receive_some():
                pass
        await trio.testing.wait_all_tasks_blocked()
        (task,) = core.connections.child_tasks
        assert awaited(task)[-1].endswith("receive_some")
