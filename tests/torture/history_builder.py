"""A short history in which everything is done that people do in a chat, as it should be: for tests of the checker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.torture import commands
from tests.torture.events import Line
from tests.torture.history import (
    Acked,
    Began,
    Delivered,
    Greeted,
    Held,
    Invited,
    Joined,
    Listed,
    Loaded,
    Log,
    Marked,
    MarksTold,
    OfCommand,
    Paged,
    Refused,
    RoomListed,
    Submitted,
    Told,
)
from tests.torture.model import Room

if TYPE_CHECKING:
    from tests.torture.commands import Deed
    from tests.torture.history import AnyRecord

LOBBY, CLUB, EPOCH = "lobby", "~club", "e1"
LINK = commands.hash_of("link")
ADA, BOB, EVE = "p-ada", "p-bob", "p-eve"


class Scene:
    """What happens, written down as it happens; each client is named after its person."""

    def __init__(self) -> None:
        self.records: list[AnyRecord] = []
        self.logs: dict[str, list[Line]] = {}
        self.invites: dict[int, str] = {}
        self._connections: dict[str, int] = {}
        self._joined: dict[str, list[str]] = {}
        self._n_connections = self._n_commands = 0

    def about(self, person: str) -> dict[str, Any]:
        """Who, and on which connection."""
        return {"client": person, "connection": self._connections[person]}

    def connect(self, person: str) -> None:
        """Come, or come back on a new connection."""
        self._n_connections += 1
        self._connections[person] = self._n_connections
        for listeners in self._joined.values():
            if person in listeners:
                listeners.remove(person)
        self.records += [Began(**self.about(person)), Greeted(**self.about(person), person=person)]

    def join(self, person: str, room: str, after: int | None = None) -> None:
        """Hear a room from its beginning, or from a number on."""
        log = self.logs.setdefault(room, [])
        asked: dict[str, Any] = {} if after is None else {"asked_after": after, "asked_epoch": EPOCH}
        place: dict[str, Any] = {"room": room, "epoch": EPOCH, "head": len(log), "after": after or 0}
        self.records.append(Joined(**self.about(person), **place, **asked))
        for line in log[after or 0 :]:
            self.records.append(Delivered(**self.about(person), room=room, line=line))
        self._joined.setdefault(room, []).append(person)

    def do(self, person: str, room: str, deed: Deed) -> int:
        """Have something written to a room; its number."""
        log = self.logs.setdefault(room, [])
        command = self._command()
        line = Line(len(log) + 1, command, person, person, deed.said.text, "at", *_rest(deed))
        self.records.append(self._of(Submitted, person, deed, deed.room, command))
        if line.kind == "delete":
            for place, other in enumerate(log):
                if line.target in (other.seq, other.target) and other.kind in {"message", "edit"}:
                    log[place] = other.blanked()
        log.append(line)
        for listener in self._joined.get(room, []):
            self.records.append(Delivered(**self.about(listener), room=room, line=line))
        self.records.append(self._of(Acked, person, deed, room, command, seq=line.seq))
        if deed.invite:
            self.invites[line.seq] = deed.invite
        if line.kind == "member" and not line.details["on"]:
            self._joined[room].remove(person)
        return line.seq

    def refuse(self, person: str, deed: Deed, code: str) -> None:
        """Ask for something in vain."""
        command = self._command()
        self.records.append(self._of(Submitted, person, deed, deed.room, command))
        self.records.append(self._of(Refused, person, deed, deed.room, command, code=code))

    def mark(self, person: str, room: str, seq: int, *watchers: str) -> None:
        """Read up to a number; and others see it."""
        about: dict[str, Any] = {"room": room, "person": person, "delivered": seq, "read": seq}
        self.records.append(Marked(**self.about(person), **about))
        for watcher in watchers:
            self.watch(watcher, room, (person, seq, seq))

    def watch(self, person: str, room: str, *marks: tuple[str, int, int]) -> None:
        """See how far everybody is."""
        self.records.append(MarksTold(**self.about(person), room=room, marks=list(marks), whole=True))

    def page(self, person: str, room: str, before: int) -> None:
        """Ask for the five events before a number."""
        log = self.logs[room]
        lines = log[max(0, before - 6) : before - 1]
        self.records.append(
            Paged(
                **self.about(person),
                room=room,
                before=before,
                lines=lines,
                more=lines[0].seq > 1,
                changes=self._changes(room, {line.seq for line in lines}),
                upto=len(log),
            )
        )

    def ask(self, person: str, room: str) -> Told:
        """Ask what a room is."""
        view = Room(room)
        for line in self.logs[room]:
            view.take(line)
        told = Told(**self.about(person), room=room, upto=view.head, pins=view.pins, **view.facts())
        self.records.append(told)
        return told

    def end(self, holding: dict[str, list[str]], rooms_of: dict[str, list[RoomListed]]) -> None:
        """What everybody holds, and what the database has."""
        for person, rooms in holding.items():
            for room in rooms:
                lines = [
                    record.line
                    for record in self.records
                    if isinstance(record, Delivered) and (record.client, record.room) == (person, room)
                ]
                held = list({line.seq: line for line in lines}.values())
                self.records.append(Held(client=person, room=room, epoch=EPOCH, lines=held))
        for person, listed in rooms_of.items():
            kept = [line for line in self.logs.get(f"~{person}", []) if line.kind == "star"]
            self.records.append(Listed(person=person, rooms=listed, mine=kept))
        for room, log in self.logs.items():
            told = self.ask(ADA if room != f"~{BOB}" else BOB, room)
            changes = self._changes(room, {line.seq for line in log})
            about: dict[str, Any] = {"room": room, "epoch": EPOCH, "lines": log}
            self.records.append(Loaded(**about, changes=changes, upto=len(log), told=told))
            invites = self.invites if room == CLUB else {}
            marks = [(BOB, 3, 3)] if room == LOBBY else []
            self.records.append(Log(**about, invites=invites, marks=marks))

    def _changes(self, room: str, seqs: set[int]) -> list[Line]:
        newest: dict[tuple[object, ...], Line] = {}
        log = self.logs[room]
        gone = {line.target for line in log if line.kind == "delete"}
        for line in log:
            if line.target in seqs and line.kind in {"edit", "delete", "reaction", "pin"}:
                who = (line.sender, line.details["emoji"]) if line.kind == "reaction" else ()
                if line.target not in gone or line.kind == "delete":
                    newest[line.target, line.kind, who] = line
        return sorted(newest.values(), key=lambda line: line.seq)

    def _command(self) -> str:
        self._n_commands += 1
        return str(self._n_commands)

    def _of(
        self,
        kind: type[OfCommand],
        person: str,
        deed: Deed,
        room: str,
        command: str,
        **more: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        return kind(
            **self.about(person),
            person=person,
            command=command,
            room=room,
            invite=deed.invite,
            **deed.said._asdict(),
            **more,
        )


def _rest(deed: Deed) -> tuple[str, int, str]:
    return deed.said.kind, deed.said.target, deed.said.detail


def everything() -> Scene:
    """A private room with a link for one, messages that are changed and deleted, somebody who leaves, marks, a star."""
    scene = Scene()
    for person in (ADA, BOB, EVE):
        scene.connect(person)
        scene.join(person, LOBBY)
    scene.do(ADA, CLUB, commands.create(ADA, "Club"))
    scene.join(ADA, CLUB)
    scene.records.append(Invited(**scene.about(ADA), room=CLUB, invite=LINK, uses=1))
    scene.do(BOB, CLUB, commands.accept(BOB, "link"))
    scene.refuse(EVE, commands.accept(EVE, "link"), "bad_invite")
    scene.refuse(BOB, commands.enter(BOB, CLUB), "already_there")
    scene.refuse(BOB, commands.accept(BOB, "link"), "already_there")
    scene.join(BOB, CLUB)
    _talk(scene)
    scene.do(BOB, CLUB, commands.part(BOB, CLUB))
    scene.do(ADA, CLUB, commands.send(CLUB, "ada: among us"))
    scene.refuse(BOB, commands.send(CLUB, "bob: am I here?"), "no_such_room")
    scene.refuse(EVE, commands.part(EVE, "workshop"), "not_member")
    scene.do(BOB, f"~{BOB}", commands.star(BOB, LOBBY, 1, True))
    scene.join(BOB, f"~{BOB}")
    scene.mark(BOB, LOBBY, 3, ADA)
    scene.connect(ADA)
    for room in (LOBBY, CLUB):
        scene.join(ADA, room, len(scene.logs[room]))
    scene.watch(ADA, LOBBY, (BOB, 3, 3))
    scene.ask(ADA, LOBBY)
    lobby = RoomListed(
        room=LOBBY,
        kind="public",
        title="",
        topic="What we say",
        head=len(scene.logs[LOBBY]),
        members=3,
        read=0,
        delivered=0,
        unread=0,
        last=3,
    )
    club = RoomListed(
        room=CLUB,
        kind="private",
        title="The club",
        topic="",
        head=len(scene.logs[CLUB]),
        members=1,
        read=0,
        delivered=0,
        unread=1,
        last=len(scene.logs[CLUB]),
    )
    scene.end({ADA: [LOBBY, CLUB], BOB: [LOBBY, f"~{BOB}"], EVE: [LOBBY]}, {ADA: [lobby, club], BOB: [lobby]})
    return scene


def _talk(scene: Scene) -> None:
    """Say something, change it, delete it, and try what one may not."""
    scene.do(ADA, LOBBY, commands.send(LOBBY, "ada: one"))
    deleted = scene.do(ADA, LOBBY, commands.send(LOBBY, "ada: two, a mistake"))
    scene.do(
        BOB, LOBBY, commands.edit(LOBBY, scene.do(BOB, LOBBY, commands.send(LOBBY, "bob: three")), "bob: 3")
    )
    scene.do(ADA, LOBBY, commands.edit(LOBBY, deleted, "ada: two, still a mistake"))
    scene.do(BOB, LOBBY, commands.react(LOBBY, 1, "👍", True))
    scene.do(EVE, LOBBY, commands.react(LOBBY, 1, "👍", True))
    scene.do(BOB, LOBBY, commands.pin(LOBBY, 1, True))
    scene.do(ADA, LOBBY, commands.delete(LOBBY, deleted))
    scene.do(EVE, LOBBY, commands.react(LOBBY, 1, "👍", False))
    scene.do(EVE, LOBBY, commands.settings(LOBBY, topic="What we say"))
    scene.refuse(BOB, commands.edit(LOBBY, 1, "bob: no, one"), "not_yours")
    scene.refuse(ADA, commands.edit(LOBBY, deleted, "ada: two, again"), "deleted")
    scene.refuse(ADA, commands.delete(LOBBY, 4), "no_such_message")
    scene.connect(EVE)
    scene.join(EVE, LOBBY, len(scene.logs[LOBBY]))
    scene.page(EVE, LOBBY, 6)
    secret = scene.do(BOB, CLUB, commands.send(CLUB, "bob: nobody hears us", mentions=["all"]))
    scene.do(ADA, CLUB, commands.send(CLUB, "ada: nobody", reply_to=secret))
    scene.do(ADA, CLUB, commands.settings(CLUB, title="The club"))
