"""Somebody who comes at the end of a run, and asks for everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.torture.events import EVENTS, Line, line_of
from tests.torture.history import Listed, Loaded, RoomListed, Told
from tests.torture.process import ServerDied
from tests.torture.v1_connection import told_of
from tests.torture.websocket import Link, Lost, open_link

if TYPE_CHECKING:
    from collections.abc import Container

SOMEBODY_NEW = "somebody new"


async def load(port: int, room: str, token: str | None) -> Loaded:
    """What somebody who holds nothing is told of a room: the latest page, all older ones, and what the room is."""
    try:
        async with open_link(port) as link:
            await _greet(link, token)
            await link.say(type="join", id="join", room=room)
            joined = await _hear(link, {"joined"})
            latest: list[Line] = []
            while joined["head"] > (latest[-1].seq if latest else 0):
                latest.append(line_of(await _hear(link, EVENTS)))
            lines: list[Line] = []
            changes: list[Line] = []
            upto, before = joined["head"], joined["head"] + 1
            while before > 1:
                await link.say(type="history", id="page", room=room, before=before, limit=200)
                page = await _hear(link, {"history"})
                lines[:0] = map(line_of, page["events"])
                changes += map(line_of, page.get("changes", ()))
                upto, before = page["upto"], lines[0].seq
            if latest != lines[len(lines) - len(latest) :]:
                raise Lost(f"the latest page of {room} is not what its history is")
            await link.say(type="info", id="info", room=room)
            fields = told_of(await _hear(link, {"info"}))
            del fields["record"]
            return Loaded(
                room=room,
                epoch=joined["epoch"],
                lines=lines,
                changes=sorted(changes, key=lambda line: line.seq),
                upto=upto,
                told=Told(client=SOMEBODY_NEW, connection=0, **fields),
            )
    except Lost as lost:
        raise ServerDied(f"somebody new was not served: {lost}") from lost


async def list_of(port: int, person: str, token: str) -> Listed:
    """What a person is told of their rooms, and of what they keep for themselves."""
    try:
        async with open_link(port) as link:
            welcome = await _greet(link, token, lists=True)
            rooms = [
                RoomListed(
                    room=item["room"],
                    kind=item["kind"],
                    title=item.get("title", ""),
                    topic=item.get("topic", ""),
                    head=item["head"],
                    members=item.get("members", 0),
                    read=item.get("read", 0),
                    delivered=item.get("delivered", 0),
                    unread=item.get("unread", 0),
                    last=item["last"]["seq"] if "last" in item else 0,
                )
                for item in welcome["rooms"]
            ]
            return Listed(person=person, rooms=rooms, mine=list(map(line_of, welcome["mine"]["events"])))
    except Lost as lost:
        raise ServerDied(f"{person} was not served: {lost}") from lost


async def _greet(link: Link, token: str | None, **more: object) -> dict[str, Any]:
    await link.say(type="hello", **({"token": token} if token else {}), **more)
    return await _hear(link, {"welcome"})


async def _hear(link: Link, kinds: Container[str]) -> dict[str, Any]:
    """The next frame of one of these types; others are told as they come."""
    while True:
        said = await link.hear()
        if said["type"] in kinds:
            return said
        if said["type"] == "error":
            raise Lost(f"was told {said}")
