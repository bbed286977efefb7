"""Scripted server: a ``trio-chat.v1`` server in memory whose answers a test chooses, for tests of the client.

Left alone it is honest, which is checked: the tests of what a server promises run against it and the real one. A
test makes it deviate with `ScriptedServer.next_time`, and by acting on a `Visitor` itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import trio
import trio.testing
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_server_stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Deviation = Callable[["Visitor", dict[str, Any]], Awaitable[None]]

PAGE = 50


class ScriptedServer:
    """People, rooms, logs, and all frames that were received. Its connections live in ``nursery``."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.epoch = "e1"
        self.log: dict[str, list[dict[str, Any]]] = {"lobby": []}
        self.people: dict[str, dict[str, Any]] = {}
        self.visitors: list[Visitor] = []
        """All connections ever, in the order in which they began."""
        self.is_down = False
        self.attempts: list[float] = []
        """Times of all attempts to connect."""
        self.make_pair: Callable[[], tuple[Any, Any]] = trio.testing.memory_stream_pair
        self.deviations: dict[str, list[Deviation]] = {}
        self._nursery = nursery

    async def connect(self) -> trio.abc.Stream:
        """A stream to this server, for ``open_chat(connect=…)``."""
        await trio.lowlevel.checkpoint()
        self.attempts.append(trio.current_time())
        if self.is_down:
            raise OSError("nobody is at home")
        theirs, ours = self.make_pair()
        network = StickySendStream(theirs.send_stream)
        self._nursery.start_soon(self._serve, ours, network)
        return trio.StapledStream(network, theirs.receive_stream)

    async def _serve(self, stream: trio.abc.Stream, network: StickySendStream) -> None:
        """Serve one stream, whose other end is on the network."""
        await self._visit(Visitor(self, stream, network))

    async def _visit(self, visitor: Visitor) -> None:
        self.visitors.append(visitor)
        await visitor.run()

    @property
    def visitor(self) -> Visitor:
        """The latest connection."""
        return self.visitors[-1]

    def heard(self, kind: str) -> list[dict[str, Any]]:
        """All frames of a type, whichever connection they came over."""
        return [frame for visitor in self.visitors for frame in visitor.heard if frame["type"] == kind]

    def next_time(self, kind: str, deviation: Deviation) -> None:
        """Do this with the next frame of this type, instead of answering by the protocol."""
        self.deviations.setdefault(kind, []).append(deviation)

    def write(
        self,
        text: str,
        *,
        room: str = "lobby",
        sender: str = "p-0",
        client_id: str | None = None,
        **more: object,
    ) -> int:
        """Log a message, with ``more`` fields, and deliver it to all who are in the room."""
        log = self.log.setdefault(room, [])
        event = {"type": "message", "room": room, "seq": len(log) + 1, "id": client_id, "from": sender}
        event |= {"name": "Somebody", "text": text, "at": "2026-11-22T21:00:00.123Z"}
        event |= more
        log.append(event)
        for visitor in self.visitors:
            if room in visitor.rooms:
                visitor.say(event)
        return len(log)

    def replace_log(self) -> None:
        """Begin a new epoch, with empty logs."""
        self.epoch += "x"
        self.log = {"lobby": []}

    def texts(self, room: str = "lobby") -> list[str]:
        """The messages in the log."""
        return [event["text"] for event in self.log[room]]


class Visitor:
    """One connection of a client."""

    def __init__(self, server: ScriptedServer, stream: trio.abc.Stream, network: StickySendStream) -> None:
        self.heard: list[dict[str, Any]] = []
        self.rooms: set[str] = set()
        self.close_code: int | None = None
        """How the client ended it; 1006 for not at all."""
        self.is_gone = trio.Event()
        self.user: dict[str, Any] = {}
        self.said = 0
        """Number of frames that the transport took."""
        self.server = server
        self.network = network
        self._stream = stream
        self._outbox, self._unsaid = trio.open_memory_channel[str | int](float("inf"))

    async def run(self) -> None:
        """Answer frames until either side ends the connection."""
        try:
            async with trio.open_nursery() as nursery:
                request = await wrap_server_stream(nursery, self._stream)
                websocket = await request.accept(subprotocol="trio-chat.v1")
                nursery.start_soon(self._speak, websocket)
                await self._hear(websocket)
                nursery.cancel_scope.cancel()
        except* (ConnectionClosed, trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client may go as it likes
        self.rooms.clear()
        self.is_gone.set()

    async def _hear(self, websocket: WebSocketConnection) -> None:
        try:
            while True:
                frame = json.loads(await websocket.get_message())
                self.heard.append(frame)
                waiting = self.server.deviations.get(frame["type"])
                await (waiting.pop(0)(self, frame) if waiting else self.handle(frame))
        except ConnectionClosed as closed:
            self.close_code = closed.reason.code if closed.reason else None

    def say(self, frame: dict[str, Any]) -> None:
        """Send a frame, after those before it."""
        self._outbox.send_nowait(json.dumps(frame))

    def refuse(self, frame: dict[str, Any], code: str, **fields: object) -> None:
        """Answer a frame with an error."""
        self.say({"type": "error", "code": code, "message": f"No: {code}.", **fields} | ids(frame))

    def close(self, code: int) -> None:
        """Close the WebSocket, after what was said before."""
        self._outbox.send_nowait(code)

    async def cut(self) -> None:
        """Break the connection without a close."""
        await trio.aclose_forcefully(self._stream)

    async def _speak(self, websocket: WebSocketConnection) -> None:
        async for item in self._unsaid:
            if isinstance(item, int):
                await websocket.aclose(item)
            else:
                await websocket.send_message(item)
                self.said += 1

    # -- what is right --

    async def handle(self, frame: dict[str, Any]) -> None:
        """Answer by the protocol. Frames of clients are taken to be right."""
        await trio.lowlevel.checkpoint()
        answer = getattr(self, f"_on_{frame['type']}")(frame)
        if answer is not None:
            self.say(answer | ids(frame))

    def _on_hello(self, frame: dict[str, Any]) -> dict[str, Any] | None:
        people, token, name = self.server.people, frame.get("token"), frame.get("name", "Nobody")
        if token is None:
            if any(person["name"] == name for person in people.values()):
                self.refuse(frame, "name_taken")
                return None
            token = f"token-{len(people)}"
            people[token] = {"id": f"p-{len(people) + 1}", "name": name}
            self.say({"type": "welcome", "user": people[token], "token": token, "rooms": []})
        elif token in people:
            self.say({"type": "welcome", "user": people[token], "rooms": []})
        else:
            self.refuse(frame, "unknown_token")
            return None
        self.user = people[token]
        return None

    def _on_join(self, frame: dict[str, Any]) -> None:
        room = frame["room"].lower()
        log = self.server.log.setdefault(room, [])
        after, is_reset = frame.get("after"), False
        if after is None or frame.get("epoch") != self.server.epoch or after > len(log):
            after, is_reset = max(0, len(log) - PAGE), after is not None
        joined = {"head": len(log), "epoch": self.server.epoch, "after": after, "reset": is_reset}
        self.say({"type": "joined", "id": frame["id"], "room": room} | joined)
        for event in log[after:]:
            self.say(event)
        self.rooms.add(room)

    def _on_leave(self, frame: dict[str, Any]) -> dict[str, Any] | None:
        if frame["room"].lower() not in self.rooms:
            self.refuse(frame, "not_joined")
            return None
        self.rooms.remove(frame["room"].lower())
        return {"type": "left", "room": frame["room"].lower()}

    def _on_send(self, frame: dict[str, Any]) -> dict[str, Any] | None:
        room = frame["room"].lower()
        if room not in self.rooms:
            self.refuse(frame, "not_joined")
            return None
        for event in self.server.log[room]:
            if (event["from"], event["id"]) == (self.user["id"], frame["id"]):
                if event["text"] != frame["text"]:
                    self.refuse(frame, "id_conflict")
                    return None
                return {"type": "ack", "room": room, "seq": event["seq"]}
        more = self.more_of(frame)
        seq = self.server.write(
            frame["text"], room=room, sender=self.user["id"], client_id=frame["id"], **more
        )
        return {"type": "ack", "room": room, "seq": seq}

    def more_of(self, frame: dict[str, Any]) -> dict[str, Any]:
        """Further fields of the message that this command writes."""
        return {}

    def _on_history(self, frame: dict[str, Any]) -> dict[str, Any]:
        before = self.server.log[frame["room"]][: frame["before"] - 1]
        events = before[max(0, len(before) - frame["limit"]) :]
        return {"type": "history", "room": frame["room"], "events": events, "more": len(before) > len(events)}

    def _on_rename(self, frame: dict[str, Any]) -> dict[str, Any]:
        self.user["name"] = frame["name"]
        return {"type": "renamed", "user": self.user}

    def _on_ping(self, frame: dict[str, Any]) -> dict[str, Any]:
        return {"type": "pong"}


def ids(frame: dict[str, Any]) -> dict[str, Any]:
    """The command's id, for its answer; hello has none."""
    return {"id": frame["id"]} if "id" in frame else {}


class StickySendStream(trio.abc.SendStream):
    """The client's stream to the server, which a test can make stick in the middle of a write."""

    def __init__(self, stream: trio.abc.SendStream) -> None:
        self._stream = stream
        self.is_stuck = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything; half of it when stuck."""
        if self.is_stuck:
            await self._stream.send_all(data[: len(data) // 2])
            await trio.sleep_forever()
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until it might take something."""
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """Close it."""
        await self._stream.aclose()
