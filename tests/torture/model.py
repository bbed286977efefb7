"""What follows from a room's log, and what may stand in it: docs/protocol.md in other words than the server's.

A pure fold. It takes events in the order of their numbers, or pages with the changes that count, or both in whatever
order they come; the state must come out the same.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.torture.events import Line
    from tests.torture.history import Told

LOBBY = "lobby"

MAX_PINS = 100
MAX_REACTIONS = 20

CHANGES = frozenset({"edit", "delete", "reaction", "pin"})
PERSONAL = frozenset({"star", "hide", "level", "unread"})


def is_public(room: str) -> bool:
    """Whether everybody may hear a room of this name."""
    return not room.startswith("~")


def is_personal(room: str) -> bool:
    """Whether it is a person's own."""
    return room.startswith("~p-")


@attrs.define
class Message:
    """A message as it is now."""

    author: str
    name: str
    text: str
    when: str
    reply_to: int = 0
    detail: str = ""
    rev: int = attrs.field(default=0, eq=False)
    """The number up to which its changes are known."""
    edited: int = 0
    """The number of the newest edit."""
    deleted: bool = False
    reactions: set[tuple[str, str]] = attrs.field(factory=set)
    """(emoji, person)."""
    pinned: int = 0
    """The number of the event that pinned it."""

    def change(self, line: Line) -> None:
        """Take in a change, unless it is known."""
        if line.seq <= self.rev:
            return
        self.rev = line.seq
        if self.deleted:
            return
        match line.kind:
            case "edit" if not line.deleted:
                self.text, self.edited = line.text, line.seq
            case "delete":
                self.delete()
            case "reaction":
                reaction = line.details["emoji"], line.sender
                if line.details["on"]:
                    self.reactions.add(reaction)
                else:
                    self.reactions.discard(reaction)
            case "pin":
                self.pinned = line.seq if line.details["on"] else 0

    def delete(self) -> None:
        """Nothing else counts any more."""
        self.deleted = True
        self.text = self.detail = ""
        self.reply_to = self.edited = self.pinned = 0
        self.reactions.clear()


def _message(line: Line) -> Message:
    message = Message(line.sender, line.name, line.text, line.when, line.target, line.detail, line.seq)
    if line.deleted:
        message.delete()
    return message


@attrs.define
class Room:
    """A room as somebody sees it."""

    name: str
    kind: str = ""
    title: str = ""
    topic: str = ""
    owner: str | None = None
    members: set[str] = attrs.field(factory=set)
    messages: dict[int, Message] = attrs.field(factory=dict)
    mine: dict[str, Line] = attrs.field(factory=dict)
    """In a person's own room: the newest event of each key."""
    head: int = 0
    knows_what_it_is: bool = False
    """Whether it was told what the room was at its beginning, or at some number."""
    _rev: int = 0
    """The number up to which is known what the room is, its messages aside."""
    _became: list[Line] = attrs.field(factory=list)
    """The events that changed that."""
    _waiting: defaultdict[int, list[Line]] = attrs.field(factory=lambda: defaultdict(list))
    """Changes of messages that are not known yet."""
    _ever_pinned: set[int] = attrs.field(factory=set)

    def __attrs_post_init__(self) -> None:
        self.kind = "public" if is_public(self.name) else "personal" if is_personal(self.name) else "private"

    def take(self, line: Line) -> None:
        """Take in an event, as it is told while one listens, perhaps not for the first time."""
        self.knows_what_it_is = self.knows_what_it_is or line.seq == 1 > self.head
        self.head = max(self.head, line.seq)
        if line.kind == "message":
            known = self.messages.get(line.seq)
            if known is None:
                self.messages[line.seq] = _message(line)  # what changed it since follows, once more perhaps
            elif line.deleted and not known.deleted:
                known.delete()
        elif line.kind in CHANGES:
            about = self.messages.get(line.target)
            if line.kind == "pin":
                self._ever_pinned.add(line.target)
            if about is not None:
                about.change(line)
            elif not line.deleted:
                self._waiting[line.target].append(line)
        elif line.kind in PERSONAL:
            self._take_personal(line)
        elif line.seq > self._rev:
            self._rev = line.seq
            self._became.append(line)
            self._become(line)

    def take_page(self, lines: Sequence[Line], changes: Iterable[Line], upto: int) -> None:
        """Take in a page, of which this is what counts at ``upto``."""
        by_target = defaultdict(list)
        for change in changes:
            by_target[change.target].append(change)
            if change.kind == "pin":
                self._ever_pinned.add(change.target)
        for line in lines:
            known = self.messages.get(line.seq)
            if line.kind != "message" or (known is not None and known.rev >= upto):
                continue
            self.messages[line.seq] = message = _message(line)
            for change in by_target[line.seq]:
                message.change(change)
            message.rev = max(message.rev, upto)
            for change in self._waiting.get(line.seq, ()):
                message.change(change)

    def take_told(self, told: Told) -> None:
        """Take in what the room is said to be."""
        self.knows_what_it_is = True
        self.kind, self.title, self.topic, self.owner = told.kind, told.title, told.topic, told.owner
        self.members = set(told.members)
        self._rev = max(self._rev, told.upto)
        for line in self._became:
            if line.seq > told.upto:  # told before the answer came
                self._become(line)

    def _take_personal(self, line: Line) -> None:
        details = line.details
        what = f"{line.kind}:{details['of']}" + (f":{details['target']}" if "target" in details else "")
        if what not in self.mine or self.mine[what].seq < line.seq:
            self.mine[what] = line

    def _become(self, line: Line) -> None:
        details = line.details
        match line.kind:
            case "created":
                self.kind = details["kind"]
                self.title, self.topic = details.get("title", ""), details.get("topic", "")
                self.owner = None if self.kind == "direct" else line.sender
                self.members.update(details["members"])
            case "settings":
                self.title, self.topic = details.get("title", self.title), details.get("topic", self.topic)
            case "member" if details["on"]:
                self.members.add(details["person"])
            case "member":
                self.members.discard(details["person"])

    # -- what is to be seen --

    @property
    def pins(self) -> list[int]:
        """The pinned messages, the one pinned last at the end."""
        pinned = [(self.messages[seq].pinned, seq) for seq in self._ever_pinned if seq in self.messages]
        return [seq for at, seq in sorted(pinned) if at]

    def facts(self) -> dict[str, Any]:
        """What the room is, its messages aside."""
        return {
            "kind": self.kind,
            "title": self.title,
            "topic": self.topic,
            "owner": self.owner,
            "members": sorted(self.members),
        }

    # -- what may be --

    def forbids(self, line: Line) -> str | None:
        """Why this event must not stand next in the log (as a code of docs/protocol.md); None if it may."""
        if line.kind in PERSONAL or self.kind == "personal":
            is_theirs = line.kind in PERSONAL and self.name == f"~{line.sender}"
            return None if is_theirs else "no_such_room"
        if line.kind == "created":
            wrong = self.head or self.name == LOBBY
            if wrong:
                return "already_there"
            return None if (line.details["kind"] == "public") == is_public(self.name) else "no_such_room"
        if line.kind == "member":
            return self._forbids_membership(line)
        if self.kind != "public" and line.sender not in self.members:
            return "no_such_room"
        if line.kind == "settings":
            return self._forbids_settings(line)
        return self._forbids_about(line)

    def _forbids_membership(self, line: Line) -> str | None:
        person, is_on = line.details["person"], line.details["on"]
        is_there = person in self.members or self.name == LOBBY
        if person != line.sender:
            return "not_yours"
        if is_on:
            return "already_there" if is_there else "no_such_room" if self.kind == "direct" else None
        if not is_there:
            return "not_member" if self.kind == "public" else "no_such_room"
        return "not_yours" if self.kind == "direct" or self.name == LOBBY else None

    def _forbids_settings(self, line: Line) -> str | None:
        if self.kind == "direct":
            return "not_yours"
        may_name = self.kind == "private" or self.owner in (None, line.sender)
        return "not_yours" if "title" in line.details and not may_name else None

    def _forbids_about(self, line: Line) -> str | None:
        if not line.target and line.kind == "message":
            return None
        message = self.messages.get(line.target)
        if message is None:
            return "no_such_message"
        if line.kind == "message":
            return None
        if line.kind == "edit" and message.author != line.sender:
            return "not_yours"
        if line.kind == "delete" and line.sender not in (message.author, self.owner):
            return "not_yours"
        if message.deleted:
            return "deleted"
        if line.kind == "reaction" and line.details["on"]:
            count = sum(person == line.sender for _, person in message.reactions)
            return "too_many" if count >= MAX_REACTIONS else None
        if line.kind == "pin" and line.details["on"]:
            return "too_many" if len(self.pins) >= MAX_PINS else None
        return None
