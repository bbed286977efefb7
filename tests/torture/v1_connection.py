"""v1 connection of a raw client: sends commands, receives frames, and records both in the history."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any

import trio

from tests.torture.commands import invitation_hash
from tests.torture.context import canonical_name, spelled_name
from tests.torture.events import EVENT_TYPES, counted_from, event_from_frame
from tests.torture.history import (
    RETRYABLE,
    Acked,
    Began,
    Delivered,
    Forgotten,
    Greeted,
    Invited,
    Joined,
    Joining,
    JoinRefused,
    Marked,
    MarksTold,
    Paged,
    Refused,
    Submitted,
    Told,
    Trouble,
    Uninviting,
)
from tests.torture.model import is_public
from tests.torture.refusals import HIDDEN
from tests.torture.websocket import ConnectionLost

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.torture.commands import Command
    from tests.torture.context import Timeline
    from tests.torture.history import CommandRecord
    from tests.torture.raw_client import RawClient
    from tests.torture.websocket import WebSocket


class V1Connection:
    """One connection of a raw client, of its first or its second device."""

    def __init__(
        self, websocket: WebSocket, client: RawClient, name: str, timelines: defaultdict[str, Timeline]
    ) -> None:
        self.websocket = websocket
        self.client = client
        self.name = name
        self.ending = ""
        """How it was lost, if it was."""
        self.number = client.context.recorder.new_connection()
        self.joined: set[str] = set()
        """Rooms that it is subscribed to."""
        self.to_join: dict[str, float] = {}
        """Rooms to join, and when, in trio's time."""
        self._coming: dict[str, int] = {}
        """Of rooms joined from a number on, up to which number events are still to come."""
        self._timelines = timelines
        self._sent: defaultdict[str, deque[Command]] = defaultdict(deque)
        self._joins: dict[str, dict[str, tuple[int | None, str | None]]] = {}
        self._pages: dict[str, int] = {}
        self._requested: dict[str, str] = {}
        """Rooms of the requests that are not logged, by id."""
        self._ids = 0

    # -- sending --

    async def say_hello(self) -> None:
        """Say hello as the client's person; without a token the server makes a new one. Raises `ConnectionLost`."""
        client = self.client
        self._record(Began)
        if client.token is None:
            client.n_identities += 1
            await self.websocket.send_json(
                type="hello", name=f"{client.name} {client.n_identities}", lists=True
            )
        else:
            await self.websocket.send_json(type="hello", token=client.token, lists=True)
        frame = await self.websocket.receive_json()
        if frame["type"] == "welcome":
            client.on_welcome(frame)
            self._record(Greeted, person=client.person)
            return
        if frame["code"] == "unknown_token":
            self._record(Forgotten, person=client.person)
            client.on_forgotten()
        raise ConnectionLost(f"not welcome: {frame['code']}")

    async def follow(self, rooms: Iterable[str], *, epoch: str | None = None) -> None:
        """Join many rooms with one command, from the client's cursors, or with another ``epoch`` than theirs."""
        cursors = {canonical_name(room): self._cursor(room, epoch) for room in rooms}
        key = self._new_id("follow")
        self._joins[key] = cursors
        self.joined -= cursors.keys()
        for room in cursors:
            self._record(Joining, room=room)
        frames = [
            {"room": spelled_name(room), **self._cursor_fields(room, *cursor)}
            for room, cursor in cursors.items()
        ]
        await self.websocket.send_json(type="follow", id=key, rooms=frames)

    async def join(self, room: str, *, after: int | None = None, epoch: str | None = None) -> None:
        """Join a room from the client's cursor, or with an earlier number or another epoch than the cursor's."""
        name = canonical_name(room)
        cursor = self._cursor(name, epoch)
        if after is not None:
            cursor = after, cursor[1]
        key = self._new_id("join")
        self._joins[key] = {name: cursor}
        self.joined.discard(name)
        self.to_join.pop(name, None)
        self._record(Joining, room=name)
        await self.websocket.send_json(
            type="join", id=key, room=spelled_name(name), **self._cursor_fields(name, *cursor)
        )

    def _cursor(self, room: str, epoch: str | None) -> tuple[int | None, str | None]:
        timeline = self._timelines[canonical_name(room)]
        return (None, None) if timeline.epoch is None else (timeline.last, epoch or timeline.epoch)

    def _cursor_fields(self, room: str, after: int | None, epoch: str | None) -> dict[str, Any]:
        """A cursor as it is said: with its proof, if it is up to where the client has seen the room."""
        if after is None:
            return {}
        timeline = self._timelines[room]
        return {"after": after, "epoch": epoch, "proof": timeline.proof if after == timeline.last else None}

    async def retry_joins(self) -> None:
        """Join the rooms in `to_join` that are due."""
        for room, at in list(self.to_join.items()):
            if at <= trio.current_time():
                await self.join(room)

    async def request_history(self, room: str, before: int) -> None:
        """Ask for the page of history before a number."""
        key = self._new_request("page", room)
        self._pages[key] = before
        await self.websocket.send_json(type="history", id=key, room=room, before=before, limit=20)

    async def request(self, what: str, room: str, **fields: object) -> None:
        """Send a command that is not answered with an ack: ``info``, ``watch``, ``invite``, ``uninvite``."""
        if what == "uninvite":
            self._record(Uninviting, room=canonical_name(room))
        await self.websocket.send_json(type=what, id=self._new_request(what, room), room=room, **fields)

    async def rename(self, name: str) -> None:
        """Take another name."""
        await self.websocket.send_json(type="rename", id=self._new_id("rename"), name=name)

    async def mark(self, room: str, *, delivered: int, read: int) -> None:
        """Move the person's read marker."""
        about = {"room": canonical_name(room), "delivered": delivered, "read": read}
        self._record(Marked, person=self.client.person, **about)
        await self.websocket.send_json(type="mark", id=self._new_request("mark", room), **about)

    def is_catching_up(self, room: str) -> bool:
        """Whether it was not told everything yet that was in the room when it joined."""
        return canonical_name(room) in self._coming

    def is_pending(self, key: str) -> bool:
        """Whether an answer to this key is still to come on this connection."""
        return bool(self._sent.get(key))

    async def submit(self, key: str, command: Command) -> None:
        """Send a command, perhaps a repeat. Of different commands under one key only one may be pending."""
        self._sent[key].append(command)
        self.client.on_submit(key)
        self.client.context.recorder.add(
            self._command_record(Submitted, key, canonical_name(command.room), command)
        )
        await self.websocket.send_json(id=key, **command.frame)

    # -- receiving --

    async def receive(self) -> None:
        """Receive frames until the connection is lost. Raises `ConnectionLost`."""
        while True:
            frame = await self.websocket.receive_json()
            kind = frame["type"]
            if kind in EVENT_TYPES:
                self._on_event(frame)
            elif kind in {"ack", "error"} and frame.get("id") in self._sent:
                self._on_outcome(frame)
            elif kind == "error":
                self._on_error(frame)
            else:
                self._on_reply(frame)
            await self.client.wait_while_not_reading()

    def _on_reply(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "joined":
                self._on_joined(frame)
            case "history":
                self._record(
                    Paged,
                    room=frame["room"],
                    before=self._pages.pop(frame["id"]),
                    events=list(map(event_from_frame, frame["events"])),
                    more=frame["more"],
                    changes=list(map(event_from_frame, frame.get("changes", ()))),
                    reactions=list(map(counted_from, frame.get("reactions", ()))),
                    upto=frame.get("upto", 0),
                )
            case "info":
                self._record(**info_fields(frame))
            case "invited":
                uses = frame.get("uses", 0)
                self._record(Invited, room=frame["room"], invite=invitation_hash(frame["token"]), uses=uses)
                self.client.on_invited(frame["room"], frame["token"], uses)
            case "done":
                self._record(Uninviting, room=self._requested[frame["id"]], done=True)
            case "watching" | "marks" if frame["room"] is not None:
                marks = [(mark["person"], mark["delivered"], mark["read"]) for mark in frame.get("marks", ())]
                self._record(MarksTold, room=frame["room"], marks=marks, whole=frame["type"] == "watching")
            case "room_added":
                self.client.on_room(frame["item"]["room"], is_in=True)
                self._join_later(frame["item"]["room"])
            case "room_removed":
                self.client.on_room(frame["room"], is_in=False)

    def _on_event(self, frame: dict[str, Any]) -> None:
        event, room = event_from_frame(frame), frame["room"]
        self._record(Delivered, room=room, event=event)
        if event.seq >= self._coming.get(room, event.seq + 1):
            del self._coming[room]
        self._timelines[room].add(event, frame.get("proof"))
        if event.kind in {"member", "ban"} and event.details["person"] == self.client.person:
            is_in = event.details["on"] and event.kind == "member"
            if not is_in and not is_public(room):
                self.joined.discard(room)
            if event.kind == "member" or event.details["on"]:
                self.client.on_room(room, is_in=is_in)

    def _on_joined(self, frame: dict[str, Any]) -> None:
        room = frame["room"]
        after, epoch = self._joins[frame["id"]].pop(room)
        about: dict[str, Any] = {key: frame[key] for key in ("room", "epoch", "head", "after", "reset")}
        joined = Joined(
            client=self.name, connection=self.number, asked_after=after, asked_epoch=epoch, **about
        )
        self.client.context.recorder.add(joined)
        self._timelines[room].begin(joined, frame.get("proof"))
        self.joined.add(room)
        self._coming.pop(room, None)
        if joined.after < joined.head:
            self._coming[room] = joined.head

    def _on_error(self, frame: dict[str, Any]) -> None:
        key, code = frame.get("id"), frame["code"]
        waiting = self._joins.get(key, {}) if isinstance(key, str) else {}
        room = canonical_name(frame["room"]) if "room" in frame else next(iter(waiting), "")
        if room in waiting and (code in RETRYABLE or code == "no_such_room"):
            del waiting[room]
            self._on_join_refused(room, frame)
        elif code == "name_taken" and str(key).startswith("rename"):
            pass  # the proxy doubled it
        elif code in HIDDEN and not is_public(self._requested.get(key or "", "")):
            pass
        elif code not in RETRYABLE:
            self.client.context.recorder.add(Trouble(what=f"{self.name} was told {frame}"))

    def _on_join_refused(self, room: str, frame: dict[str, Any]) -> None:
        """Try again later, here or on another connection; commands sent to the room meanwhile are refused as well."""
        self._record(JoinRefused, room=room, code=frame["code"])
        if frame["code"] not in RETRYABLE:
            self.client.on_room(room, is_in=False)
            return
        if not self.client.stays_after_join_refusal():
            raise ConnectionLost(f"cannot join: {frame['code']}")
        self.to_join[room] = trio.current_time() + (frame.get("retry_after") or 0.0)

    def _on_outcome(self, frame: dict[str, Any]) -> None:
        key: str = frame["id"]
        command = self._sent[key].popleft()
        recorder = self.client.context.recorder
        if frame["type"] == "ack":
            recorder.add(self._command_record(Acked, key, frame["room"], command, seq=frame["seq"]))
            self.client.on_ack(key, command)
            if not command.room:
                self.client.on_room(frame["room"], is_in=True)
                self._join_later(frame["room"])
        else:
            recorder.add(
                self._command_record(Refused, key, canonical_name(command.room), command, code=frame["code"])
            )
            self.client.on_refusal(key, command, frame["code"], frame.get("retry_after") or 0.0)

    def _join_later(self, room: str) -> None:
        """Plan to join a room, unless it is joined or being joined."""
        if room not in self.joined and not any(room in waiting for waiting in self._joins.values()):
            self.to_join.setdefault(room, 0.0)

    # -- recording --

    def _record(self, record: type, **fields: Any) -> None:  # noqa: ANN401
        self.client.context.recorder.add(record(client=self.name, connection=self.number, **fields))

    def _command_record(
        self,
        record: type[CommandRecord],
        key: str,
        room: str,
        command: Command,
        **more: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        return record(
            client=self.name,
            connection=self.number,
            room=room,
            person=self.client.person,
            key=key,
            invite=command.invite,
            **command.content._asdict(),
            **more,
        )

    def _new_request(self, what: str, room: str) -> str:
        key = self._new_id(what)
        self._requested[key] = canonical_name(room)
        return key

    def _new_id(self, what: str) -> str:
        self._ids += 1
        return f"{what}-{self.number}-{self._ids}"


def info_fields(frame: dict[str, Any]) -> dict[str, Any]:
    """The fields of a `Told`, from an ``info`` frame."""
    return {
        "record": Told,
        "room": frame["room"],
        "upto": frame["upto"],
        "kind": frame["kind"],
        "title": frame.get("title", ""),
        "topic": frame.get("topic", ""),
        "owner": frame.get("owner"),
        "members": [member["id"] for member in frame.get("members", ())],
        "pins": list(frame.get("pins", ())),
    }
