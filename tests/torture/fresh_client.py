"""Fresh client: joins at the end of a run, holding nothing, and loads everything there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.torture.events import EVENT_TYPES, Counted, Event, counted_from, event_from_frame
from tests.torture.history import Listed, Loaded, RoomListed, Told
from tests.torture.process import ServerDied
from tests.torture.v1_connection import info_fields
from tests.torture.websocket import ConnectionLost, WebSocket, open_websocket

if TYPE_CHECKING:
    from collections.abc import Container

FRESH_CLIENT = "somebody new"


async def load_room(port: int, room: str, token: str | None) -> Loaded:
    """Load a room: the latest page, all older pages, and the room's info. Raises `ServerDied`."""
    try:
        async with open_websocket(port) as websocket:
            await _say_hello(websocket, token)
            await websocket.send_json(type="join", id="join", room=room)
            joined = await _receive(websocket, {"joined"})
            latest: list[Event] = []
            while joined["head"] > (latest[-1].seq if latest else 0):
                latest.append(event_from_frame(await _receive(websocket, EVENT_TYPES)))
            events: list[Event] = []
            changes: list[Event] = []
            reactions: list[Counted] = []
            upto, before = joined["head"], joined["head"] + 1
            while before > 1:
                await websocket.send_json(type="history", id="page", room=room, before=before, limit=200)
                page = await _receive(websocket, {"history"})
                events[:0] = map(event_from_frame, page["events"])
                changes += map(event_from_frame, page.get("changes", ()))
                reactions += map(counted_from, page.get("reactions", ()))
                upto, before = page["upto"], events[0].seq
            if latest != events[len(events) - len(latest) :]:
                raise ConnectionLost(f"the latest page of {room} is not what its history is")
            await websocket.send_json(type="info", id="info", room=room)
            fields = info_fields(await _receive(websocket, {"info"}))
            del fields["record"]
            return Loaded(
                room=room,
                epoch=joined["epoch"],
                events=events,
                changes=sorted(changes, key=lambda event: event.seq),
                reactions=reactions,
                upto=upto,
                told=Told(client=FRESH_CLIENT, connection=0, **fields),
            )
    except ConnectionLost as lost:
        raise ServerDied(f"somebody new was not served: {lost}") from lost


async def load_room_list(port: int, person: str, token: str) -> Listed:
    """Load a person's room list and requests, and their own room's events. Raises `ServerDied`."""
    try:
        async with open_websocket(port) as websocket:
            welcome = await _say_hello(websocket, token, lists=True)
            await websocket.send_json(type="requests", id="requests")
            requests = (await _receive(websocket, {"requests"}))["requests"]
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
                for item in [*welcome["rooms"], *requests]
            ]
            return Listed(
                person=person, rooms=rooms, mine=list(map(event_from_frame, welcome["mine"]["events"]))
            )
    except ConnectionLost as lost:
        raise ServerDied(f"{person} was not served: {lost}") from lost


async def _say_hello(websocket: WebSocket, token: str | None, **more: object) -> dict[str, Any]:
    await websocket.send_json(type="hello", **({"token": token} if token else {}), **more)
    return await _receive(websocket, {"welcome"})


async def _receive(websocket: WebSocket, kinds: Container[str]) -> dict[str, Any]:
    """Receive the next frame of one of these types, leaving out others. Raises `ConnectionLost` on an error frame."""
    while True:
        frame = await websocket.receive_json()
        if frame["type"] in kinds:
            return frame
        if frame["type"] == "error":
            raise ConnectionLost(f"was told {frame}")
