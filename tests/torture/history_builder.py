"""History builder: writes a good history as a server would cause it, with every command; for tests of the checker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.torture import commands
from tests.torture.events import Counted, Event
from tests.torture.history import (
    Acked,
    Began,
    CommandRecord,
    Delivered,
    Greeted,
    Held,
    Invited,
    Joined,
    Joining,
    Listed,
    Loaded,
    Log,
    Marked,
    MarksTold,
    Paged,
    Refused,
    RoomListed,
    Submitted,
    Told,
)
from tests.torture.model import FIRST_NAMES, RoomModel

if TYPE_CHECKING:
    from tests.torture.commands import Command
    from tests.torture.history import AnyRecord

LOBBY, CLUB, EPOCH = "lobby", "~club", "e1"
LINK = commands.invitation_hash("link")
ADA, BOB, EVE = "p-ada", "p-bob", "p-eve"


class HistoryBuilder:
    """Records of a run without faults, and the logs that they make; each client has its person's name."""

    def __init__(self) -> None:
        self.records: list[AnyRecord] = []
        self.logs: dict[str, list[Event]] = {}
        self.invites: dict[int, str] = {}
        self._connections: dict[str, int] = {}
        self._joined: dict[str, list[str]] = {}
        self._n_connections = self._n_commands = 0

    def about(self, person: str) -> dict[str, Any]:
        """The fields of a person's records: client and connection."""
        return {"client": person, "connection": self._connections[person]}

    def connect(self, person: str) -> None:
        """Connect, or reconnect, without subscriptions."""
        self._n_connections += 1
        self._connections[person] = self._n_connections
        for listeners in self._joined.values():
            if person in listeners:
                listeners.remove(person)
        self.records += [Began(**self.about(person)), Greeted(**self.about(person), person=person)]

    def join(self, person: str, room: str, after: int | None = None) -> None:
        """Join a room from its beginning, or after a number."""
        log = self.logs.setdefault(room, [])
        asked: dict[str, Any] = {} if after is None else {"asked_after": after, "asked_epoch": EPOCH}
        place: dict[str, Any] = {"room": room, "epoch": EPOCH, "head": len(log), "after": after or 0}
        self.records += [
            Joining(**self.about(person), room=room),
            Joined(**self.about(person), **place, **asked),
        ]
        for event in log[after or 0 :]:
            self.records.append(Delivered(**self.about(person), room=room, event=event))
        self._joined.setdefault(room, []).append(person)

    def submit(self, person: str, room: str, command: Command) -> int:
        """Submit a command that is logged, delivered and acked; returns the event's number."""
        log = self.logs.setdefault(room, [])
        key = self._next_key()
        event = Event(
            len(log) + 1, key, person, person, command.content.text, "at", *_kind_target_detail(command)
        )
        self.records.append(self._of(Submitted, person, command, command.room, key))
        if event.kind == "delete":
            for place, other in enumerate(log):
                if event.target in (other.seq, other.target) and other.kind in {"message", "edit"}:
                    log[place] = other.as_deleted()
        log.append(event)
        for listener in self._joined.get(room, []):
            self.records.append(Delivered(**self.about(listener), room=room, event=event))
        self.records.append(self._of(Acked, person, command, room, key, seq=event.seq))
        if command.invite:
            self.invites[event.seq] = command.invite
        if event.kind == "member" and not event.details["on"]:
            self._joined[room].remove(person)
        if event.kind == "ban" and event.details["on"] and event.details["person"] in self._joined[room]:
            self._joined[room].remove(event.details["person"])
        return event.seq

    def refuse(self, person: str, command: Command, code: str) -> None:
        """Submit a command that is refused."""
        key = self._next_key()
        self.records.append(self._of(Submitted, person, command, command.room, key))
        self.records.append(self._of(Refused, person, command, command.room, key, code=code))

    def mark(self, person: str, room: str, seq: int, *watchers: str) -> None:
        """Move a read marker up to a number, which watchers are told."""
        about: dict[str, Any] = {"room": room, "person": person, "delivered": seq, "read": seq}
        self.records.append(Marked(**self.about(person), **about))
        for watcher in watchers:
            self.watch(watcher, room, (person, seq, seq))

    def watch(self, person: str, room: str, *marks: tuple[str, int, int]) -> None:
        """Watch a room's read markers."""
        self.records.append(MarksTold(**self.about(person), room=room, marks=list(marks), whole=True))

    def page(self, person: str, room: str, before: int) -> None:
        """Ask for the page of five events before a number."""
        log = self.logs[room]
        events = log[max(0, before - 6) : before - 1]
        self.records.append(
            Paged(
                **self.about(person),
                room=room,
                before=before,
                events=events,
                more=events[0].seq > 1,
                changes=self._changes(room, {event.seq for event in events}),
                reactions=self._reactions(room, {event.seq for event in events}, person),
                upto=len(log),
            )
        )

    def request_info(self, person: str, room: str) -> Told:
        """Ask for a room's info."""
        view = RoomModel(room)
        for event in self.logs[room]:
            view.apply(event)
        told = Told(**self.about(person), room=room, upto=view.head, pins=view.pins, **view.facts())
        self.records.append(told)
        return told

    def finish(self, holding: dict[str, list[str]], rooms_of: dict[str, list[RoomListed]]) -> None:
        """End the run: what clients hold, what fresh clients load, and the logs."""
        for person, rooms in holding.items():
            for room in rooms:
                events = [
                    record.event
                    for record in self.records
                    if isinstance(record, Delivered) and (record.client, record.room) == (person, room)
                ]
                held = list({event.seq: event for event in events}.values())
                self.records.append(Held(client=person, room=room, epoch=EPOCH, events=held))
        for person, listed in rooms_of.items():
            kept = [event for event in self.logs.get(f"~{person}", []) if event.kind == "star"]
            self.records.append(Listed(person=person, rooms=listed, mine=kept))
        for room, log in self.logs.items():
            told = self.request_info(ADA if room != f"~{BOB}" else BOB, room)
            changes = self._changes(room, {event.seq for event in log})
            about: dict[str, Any] = {"room": room, "epoch": EPOCH, "events": log}
            reactions = self._reactions(room, {event.seq for event in log}, "")
            self.records.append(
                Loaded(**about, changes=changes, reactions=reactions, upto=len(log), told=told)
            )
            invites = self.invites if room == CLUB else {}
            marks = [(BOB, 3, 3)] if room == LOBBY else []
            self.records.append(Log(**about, invites=invites, marks=marks))

    def _changes(self, room: str, seqs: set[int]) -> list[Event]:
        newest: dict[tuple[object, ...], Event] = {}
        log = self.logs[room]
        gone = {event.target for event in log if event.kind == "delete"}
        for event in log:
            is_told = event.target not in gone or event.kind == "delete"
            if event.target in seqs and event.kind in {"edit", "delete", "pin"} and is_told:
                newest[event.target, event.kind] = event
        return sorted(newest.values(), key=lambda event: event.seq)

    def _reactions(self, room: str, seqs: set[int], person: str) -> list[Counted]:
        view = RoomModel(room)
        for event in self.logs[room]:
            view.apply(event)
        return counted(view, seqs, person)

    def _next_key(self) -> str:
        self._n_commands += 1
        return str(self._n_commands)

    def _of(
        self,
        kind: type[CommandRecord],
        person: str,
        command: Command,
        room: str,
        key: str,
        **more: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        return kind(
            **self.about(person),
            person=person,
            key=key,
            room=room,
            invite=command.invite,
            **command.content._asdict(),
            **more,
        )


def counted(view: RoomModel, seqs: set[int], person: str, *, names: int = FIRST_NAMES) -> list[Counted]:
    """The reactions to these messages, as the server tells them to a person, with so many names."""
    return sorted(
        (
            Counted(seq, emoji, one.count, one.since, person in one.people, one.people[:names])
            for seq in seqs & view.messages.keys()
            for emoji, one in view.messages[seq].reactions.items()
        ),
        key=lambda one: one.since,
    )


def _kind_target_detail(command: Command) -> tuple[str, int, str]:
    return command.content.kind, command.content.target, command.content.detail


def complete_history() -> HistoryBuilder:
    """A good history with a private room, an invitation for one, changed and deleted messages, a leave, read markers, a
    star, and refusals."""
    builder = HistoryBuilder()
    for person in (ADA, BOB, EVE):
        builder.connect(person)
        builder.join(person, LOBBY)
    builder.submit(ADA, CLUB, commands.create(ADA, "Club"))
    builder.join(ADA, CLUB)
    builder.records.append(Invited(**builder.about(ADA), room=CLUB, invite=LINK, uses=1))
    builder.submit(BOB, CLUB, commands.accept(BOB, "link"))
    builder.refuse(EVE, commands.accept(EVE, "link"), "bad_invite")
    builder.refuse(BOB, commands.enter(BOB, CLUB), "already_there")
    builder.refuse(BOB, commands.accept(BOB, "link"), "already_there")
    builder.join(BOB, CLUB)
    _change_messages(builder)
    builder.submit(BOB, CLUB, commands.part(BOB, CLUB))
    builder.submit(ADA, CLUB, commands.send(CLUB, "ada: among us"))
    builder.refuse(BOB, commands.send(CLUB, "bob: am I here?"), "no_such_room")
    builder.submit(ADA, CLUB, commands.ban(CLUB, EVE, True))
    builder.refuse(EVE, commands.accept(EVE, "link"), "banned")
    builder.refuse(ADA, commands.ban(CLUB, ADA, True), "not_yours")
    builder.refuse(EVE, commands.part(EVE, "workshop"), "not_member")
    builder.submit(BOB, f"~{BOB}", commands.star(BOB, LOBBY, 1, True))
    builder.join(BOB, f"~{BOB}")
    builder.mark(BOB, LOBBY, 3, ADA)
    builder.connect(ADA)
    for room in (LOBBY, CLUB):
        builder.join(ADA, room, len(builder.logs[room]))
    builder.watch(ADA, LOBBY, (BOB, 3, 3))
    builder.request_info(ADA, LOBBY)
    lobby = RoomListed(
        room=LOBBY,
        kind="public",
        title="",
        topic="What we say",
        head=len(builder.logs[LOBBY]),
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
        head=len(builder.logs[CLUB]),
        members=1,
        read=0,
        delivered=0,
        unread=1,
        last=len(builder.logs[CLUB]) - 1,
    )
    builder.finish(
        {ADA: [LOBBY, CLUB], BOB: [LOBBY, f"~{BOB}"], EVE: [LOBBY]}, {ADA: [lobby, club], BOB: [lobby]}
    )
    return builder


def _change_messages(builder: HistoryBuilder) -> None:
    """Send, edit, react, pin and delete; and submit what the rules forbid."""
    builder.submit(ADA, LOBBY, commands.send(LOBBY, "ada: one"))
    deleted = builder.submit(ADA, LOBBY, commands.send(LOBBY, "ada: two, a mistake"))
    builder.submit(
        BOB,
        LOBBY,
        commands.edit(LOBBY, builder.submit(BOB, LOBBY, commands.send(LOBBY, "bob: three")), "bob: 3"),
    )
    builder.submit(ADA, LOBBY, commands.edit(LOBBY, deleted, "ada: two, still a mistake"))
    builder.submit(BOB, LOBBY, commands.react(LOBBY, 1, "👍", True))
    builder.submit(EVE, LOBBY, commands.react(LOBBY, 1, "👍", True))
    builder.submit(BOB, LOBBY, commands.pin(LOBBY, 1, True))
    builder.submit(ADA, LOBBY, commands.delete(LOBBY, deleted))
    builder.submit(EVE, LOBBY, commands.react(LOBBY, 1, "👍", False))
    builder.submit(EVE, LOBBY, commands.settings(LOBBY, topic="What we say"))
    builder.refuse(BOB, commands.react(LOBBY, 1, "👍", True), "unchanged")
    builder.refuse(EVE, commands.react(LOBBY, 1, "👍", False), "unchanged")
    builder.refuse(BOB, commands.edit(LOBBY, 1, "bob: no, one"), "not_yours")
    builder.refuse(ADA, commands.edit(LOBBY, deleted, "ada: two, again"), "deleted")
    builder.refuse(ADA, commands.delete(LOBBY, 4), "no_such_message")
    builder.connect(EVE)
    builder.join(EVE, LOBBY, len(builder.logs[LOBBY]))
    builder.page(EVE, LOBBY, 6)
    secret = builder.submit(BOB, CLUB, commands.send(CLUB, "bob: nobody hears us", mentions=["all"]))
    builder.submit(ADA, CLUB, commands.send(CLUB, "ada: nobody", reply_to=secret))
    builder.submit(ADA, CLUB, commands.settings(CLUB, title="The club"))
