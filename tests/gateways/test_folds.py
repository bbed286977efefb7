"""What the server keeps in memory of rooms and of itself is what a restart would read, after whatever was decided."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.core import AT_MS, open_core
from tests.support.v1 import ack, become_owner, hello, make_room
from trio_chat.kinds.facts import SERVER_ROOM
from trio_chat.rooms.access import RoomAccess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio.testing import MockClock

    from tests.support.core import Core

STEPS = 200

UNTIL = ("2026-11-22T21:00:05Z", "2026-11-22T21:00:30Z", "2027-01-01T00:00:00Z")
"""Of these some have passed while the test lasts."""


def some_command(rng: Random, room: str, others: list[str], token: str) -> tuple[str, dict[str, Any]]:
    """A command that may change who may do what."""
    person, on = rng.choice(others), rng.random() < 0.6
    until: dict[str, Any] = {"until": rng.choice(UNTIL)} if on and rng.random() < 0.7 else {}
    policies: list[dict[str, Any]] = [
        {"slow_s": 1},
        {"slow_s": 0},
        {"writers": "moderators"},
        {"joining": "knock"},
    ]
    modes: list[dict[str, Any]] = [
        {"mode": "open"},
        {"mode": "probation"},
        {"mode": "invite"},
        {"quiet": False},
    ]
    role = rng.choice(["owner", *["moderator"] * 5, "member"])
    return rng.choice(
        [
            ("role", {"room": room, "person": person, "role": role}),
            ("ban", {"room": room, "person": person, "on": on, **until}),
            ("mute", {"room": room, "person": person, "on": on, **until}),
            ("admit", {"room": room, "person": person, "on": on}),
            ("settings", {"room": room, **rng.choice(policies)}),
            ("accept", {"token": token}),
            ("enter", {"room": "garden"}),
            ("part", {"room": room}),
            ("trust", {"room": SERVER_ROOM, "person": person, "on": on}),
            ("mode", {"room": SERVER_ROOM, **rng.choice(modes)}),
            ("direct", {"person": person}),
            ("answer_request", {"room": room, "accept": on}),
            ("send", {"room": room, "text": "hello"}),
        ]
    )


@pytest.mark.parametrize("seed", range(5))
async def test_memory_is_what_a_restart_would_read(autojump_clock: MockClock, seed: int) -> None:
    rng, now_ms = Random(seed), AT_MS

    def clock() -> int:
        return now_ms

    async with open_core(now_ms=clock) as core:
        people = [await hello(core, f"Person {number}") for number in range(5)]
        await become_owner(core, people[0][0])
        (ada, _), (_, bob_id) = people[1:3]
        private = await make_room(ada)
        await ack(ada, "create", kind="public", room="garden")
        token = (await ada.ask("invite", room=private))["token"]
        await ack(people[0][0], "accept", token=token)
        conversation = (await ack(ada, "direct", person=bob_id))["room"]
        rooms = ["garden", private, conversation, SERVER_ROOM]
        for _ in range(STEPS):
            # Mostly by the server's owner, who may do the most.
            client, _ = rng.choice([people[0]] * 8 + [one for one in people if one[0].closed is None])
            room = rng.choice([*rooms, SERVER_ROOM, SERVER_ROOM, SERVER_ROOM])
            await client.tell("join", room=room)
            kind, fields = some_command(rng, room, [person for _, person in people], token)
            await client.tell(kind, **fields)
            await client.hear_frames()
            now_ms += rng.randrange(1000)
            for name in rooms:
                kept = (await core.hub.rooms.get(name)).access
                read = RoomAccess(name, await core.store.state(name), now_ms=clock)
                assert facts(kept, people) == facts(read, people), (kind, fields)
            await check_server(core, now_ms)


def facts(access: RoomAccess, people: list[Any]) -> dict[str, Any]:
    """All that access to a room says."""
    roles = {person: (access.role_of(person), access.may_hear(person)) for _, person in people}
    return {"kind": access.kind, "owner": access.owner, "pair": access.pair, "policy": access.policy, **roles}


async def check_server(core: Core, now_ms: int) -> None:
    """The door's server is the store's, but for what has ended."""

    def held(ends: Mapping[str, int]) -> dict[str, int]:
        return {person: end_ms for person, end_ms in ends.items() if end_ms > now_ms}

    read, kept = await core.store.server(), core.hub.door.server
    assert (read.roles, held(read.bans), held(read.mutes)) == (kept.roles, held(kept.bans), held(kept.mutes))
    assert (read.mode, read.quiet_until_ms, read.knocking) == (kept.mode, kept.quiet_until_ms, kept.knocking)
