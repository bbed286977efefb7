"""One connection of a v1 client: what it waits for, and how what it hears is written down."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any

import trio

from tests.torture.commands import hash_of
from tests.torture.context import name_of, spelled
from tests.torture.events import EVENTS, line_of
from tests.torture.history import (
    PASSING,
    Acked,
    Began,
    Delivered,
    Forgotten,
    Greeted,
    Invited,
    Joined,
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
from tests.torture.refusals import NOT_THEIRS
from tests.torture.websocket import Lost

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.torture.commands import Deed
    from tests.torture.context import Timeline
    from tests.torture.history import OfCommand
    from tests.torture.raw_client import RawClient
    from tests.torture.websocket import Link


class V1Connection:
    """One connection of a client, perhaps of its other device."""

    def __init__(
        self, link: Link, client: RawClient, name: str, timelines: defaultdict[str, Timeline]
    ) -> None:
        self.link = link
        self.client = client
        self.name = name
        self.ending = ""
        """How it was lost."""
        self.number = client.world.recorder.new_connection()
        self.joined: set[str] = set()
        """The rooms that it hears."""
        self.to_join: dict[str, float] = {}
        """The rooms to be joined, and when."""
        self._timelines = timelines
        self._sent: defaultdict[str, deque[Deed]] = defaultdict(deque)
        self._joins: dict[str, dict[str, tuple[int | None, str | None]]] = {}
        self._pages: dict[str, int] = {}
        self._asked: dict[str, str] = {}
        """The rooms of what it asked for beside."""
        self._ids = 0

    # -- what it says --

    async def greet(self) -> None:
        """Say hello as the client's person, who is made if there is none yet. Raises `Lost`."""
        client = self.client
        self._record(Began)
        if client.token is None:
            client.introductions += 1
            await self.link.say(type="hello", name=f"{client.name} {client.introductions}", lists=True)
        else:
            await self.link.say(type="hello", token=client.token, lists=True)
        said = await self.link.hear()
        if said["type"] == "welcome":
            client.heed_welcome(said)
            self._record(Greeted, person=client.person)
            return
        if said["code"] == "unknown_token":
            self._record(Forgotten, person=client.person)
            client.forget_person()
        raise Lost(f"not welcome: {said['code']}")

    async def follow(self, rooms: Iterable[str], *, epoch: str | None = None) -> None:
        """Join many rooms with one command, or, where an ``epoch`` is invented, pretend to come from there."""
        cursors = {name_of(room): self._cursor(room, epoch) for room in rooms}
        command = self._new_id("follow")
        self._joins[command] = cursors
        self.joined -= cursors.keys()
        frames = [{"room": spelled(room), **_asking(*cursor)} for room, cursor in cursors.items()]
        await self.link.say(type="follow", id=command, rooms=frames)

    async def join(self, room: str, *, after: int | None = None, epoch: str | None = None) -> None:
        """Ask to be told what happens in a room: from where one stands in it, or from an earlier number, or with an
        invented epoch."""
        name = name_of(room)
        cursor = self._cursor(name, epoch)
        if after is not None:
            cursor = after, cursor[1]
        command = self._new_id("join")
        self._joins[command] = {name: cursor}
        self.joined.discard(name)
        self.to_join.pop(name, None)
        await self.link.say(type="join", id=command, room=spelled(name), **_asking(*cursor))

    def _cursor(self, room: str, epoch: str | None) -> tuple[int | None, str | None]:
        timeline = self._timelines[name_of(room)]
        return (None, None) if timeline.epoch is None else (timeline.last, epoch or timeline.epoch)

    async def join_again(self) -> None:
        """Join the rooms whose time has come."""
        for room, at in list(self.to_join.items()):
            if at <= trio.current_time():
                await self.join(room)

    async def ask_page(self, room: str, before: int) -> None:
        """Ask for a page of what was before."""
        command = self._ask("page", room)
        self._pages[command] = before
        await self.link.say(type="history", id=command, room=room, before=before, limit=20)

    async def ask(self, what: str, room: str, **fields: object) -> None:
        """Ask for something that is not answered with an ack: ``info``, ``watch``, ``invite``, ``uninvite``."""
        if what == "uninvite":
            self._record(Uninviting, room=name_of(room))
        await self.link.say(type=what, id=self._ask(what, room), room=room, **fields)

    async def rename(self, name: str) -> None:
        """Be called otherwise."""
        await self.link.say(type="rename", id=self._new_id("rename"), name=name)

    async def mark(self, room: str, *, delivered: int, read: int) -> None:
        """Say how far the person has come."""
        about = {"room": name_of(room), "delivered": delivered, "read": read}
        self._record(Marked, person=self.client.person, **about)
        await self.link.say(type="mark", id=self._ask("mark", room), **about)

    def waits_for(self, command: str) -> bool:
        """Whether an answer to this command is still to come here."""
        return bool(self._sent.get(command))

    async def submit(self, command: str, deed: Deed) -> None:
        """Send a command, perhaps again. Of different ones under one id only one may wait for its answer."""
        self._sent[command].append(deed)
        self.client.heed_submission(command)
        self.client.world.recorder.add(self._about(Submitted, command, name_of(deed.room), deed))
        await self.link.say(id=command, **deed.frame)

    # -- what it hears --

    async def hear(self) -> None:
        """Take in what the server says, until the connection is lost (`Lost`)."""
        while True:
            said = await self.link.hear()
            kind = said["type"]
            if kind in EVENTS:
                self._hear_event(said)
            elif kind in {"ack", "error"} and said.get("id") in self._sent:
                self._hear_answer(said)
            elif kind == "error":
                self._hear_error(said)
            else:
                self._hear_more(said)
            await self.client.attend()

    def _hear_more(self, said: dict[str, Any]) -> None:
        match said["type"]:
            case "joined":
                self._hear_joined(said)
            case "history":
                self._record(
                    Paged,
                    room=said["room"],
                    before=self._pages.pop(said["id"]),
                    lines=list(map(line_of, said["events"])),
                    more=said["more"],
                    changes=list(map(line_of, said.get("changes", ()))),
                    upto=said.get("upto", 0),
                )
            case "info":
                self._record(**told_of(said))
            case "invited":
                uses = said.get("uses", 0)
                self._record(Invited, room=said["room"], invite=hash_of(said["token"]), uses=uses)
                self.client.heed_invited(said["room"], said["token"], uses)
            case "done":
                self._record(Uninviting, room=self._asked[said["id"]], done=True)
            case "watching" | "marks" if said["room"] is not None:
                marks = [(mark["person"], mark["delivered"], mark["read"]) for mark in said.get("marks", ())]
                self._record(MarksTold, room=said["room"], marks=marks, whole=said["type"] == "watching")
            case "room_added":
                self.client.heed_room(said["item"]["room"], is_in=True)
                self._want(said["item"]["room"])
            case "room_removed":
                self.client.heed_room(said["room"], is_in=False)

    def _hear_event(self, said: dict[str, Any]) -> None:
        line, room = line_of(said), said["room"]
        self._record(Delivered, room=room, line=line)
        self._timelines[room].add(line)
        if line.kind == "member" and line.details["person"] == self.client.person:
            if not line.details["on"] and not is_public(room):
                self.joined.discard(room)
            self.client.heed_room(room, is_in=line.details["on"])

    def _hear_joined(self, said: dict[str, Any]) -> None:
        room = said["room"]
        after, epoch = self._joins[said["id"]].pop(room)
        about: dict[str, Any] = {key: said[key] for key in ("room", "epoch", "head", "after", "reset")}
        joined = Joined(
            client=self.name, connection=self.number, asked_after=after, asked_epoch=epoch, **about
        )
        self.client.world.recorder.add(joined)
        self._timelines[room].begin(joined)
        self.joined.add(room)

    def _hear_error(self, said: dict[str, Any]) -> None:
        command, code = said.get("id"), said["code"]
        waiting = self._joins.get(command, {}) if isinstance(command, str) else {}
        room = name_of(said["room"]) if "room" in said else next(iter(waiting), "")
        if room in waiting and (code in PASSING or code == "no_such_room"):
            del waiting[room]
            self._hear_not_joined(room, said)
        elif code == "name_taken" and str(command).startswith("rename"):
            pass  # said twice, over two connections, at the same moment
        elif code in NOT_THEIRS and not is_public(self._asked.get(command or "", "")):
            pass
        elif code not in PASSING:
            self.client.world.recorder.add(Trouble(what=f"{self.name} was told {said}"))

    def _hear_not_joined(self, room: str, said: dict[str, Any]) -> None:
        """What was sent to the room meanwhile is refused as well. Try again here, or on another connection."""
        self._record(JoinRefused, room=room, code=said["code"])
        if said["code"] not in PASSING:
            self.client.heed_room(room, is_in=False)
            return
        if not self.client.is_patient():
            raise Lost(f"cannot join: {said['code']}")
        self.to_join[room] = trio.current_time() + (said.get("retry_after") or 0.0)

    def _hear_answer(self, said: dict[str, Any]) -> None:
        command: str = said["id"]
        deed = self._sent[command].popleft()
        recorder = self.client.world.recorder
        if said["type"] == "ack":
            recorder.add(self._about(Acked, command, said["room"], deed, seq=said["seq"]))
            self.client.heed_ack(command, deed)
            if not deed.room:
                self.client.heed_room(said["room"], is_in=True)
                self._want(said["room"])
        else:
            recorder.add(self._about(Refused, command, name_of(deed.room), deed, code=said["code"]))
            self.client.heed_refusal(command, deed, said["code"], said.get("retry_after") or 0.0)

    def _want(self, room: str) -> None:
        """Join a room, unless it is heard."""
        if room not in self.joined and not any(room in waiting for waiting in self._joins.values()):
            self.to_join.setdefault(room, 0.0)

    # -- how it is written down --

    def _record(self, record: type, **fields: Any) -> None:  # noqa: ANN401
        self.client.world.recorder.add(record(client=self.name, connection=self.number, **fields))

    def _about(self, record: type[OfCommand], command: str, room: str, deed: Deed, **more: Any) -> Any:  # noqa: ANN401
        return record(
            client=self.name,
            connection=self.number,
            room=room,
            person=self.client.person,
            command=command,
            invite=deed.invite,
            **deed.said._asdict(),
            **more,
        )

    def _ask(self, what: str, room: str) -> str:
        command = self._new_id(what)
        self._asked[command] = name_of(room)
        return command

    def _new_id(self, what: str) -> str:
        self._ids += 1
        return f"{what}-{self.number}-{self._ids}"


def _asking(after: int | None, epoch: str | None) -> dict[str, Any]:
    return {} if after is None else {"after": after, "epoch": epoch}


def told_of(said: dict[str, Any]) -> dict[str, Any]:
    """The fields of a `Told`."""
    return {
        "record": Told,
        "room": said["room"],
        "upto": said["upto"],
        "kind": said["kind"],
        "title": said.get("title", ""),
        "topic": said.get("topic", ""),
        "owner": said.get("owner"),
        "members": [member["id"] for member in said.get("members", ())],
        "pins": list(said.get("pins", ())),
    }
