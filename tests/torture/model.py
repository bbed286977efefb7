"""Model of a room: the state that follows from its log, and the rules of what may be logged.

It implements docs/protocol.md a second time, and shares no code with the server. The state is a pure fold over events
in the order of their numbers, pages with their newest changes, or both in any order: it must come out the same.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.torture.events import Counted, Event
    from tests.torture.history import Told

LOBBY = "lobby"

MAX_PINS = 100
MAX_REACTIONS = 20
FIRST_NAMES = 5

CHANGES = frozenset({"edit", "delete", "reaction", "pin"})
PERSONAL = frozenset({"star", "hide", "level", "unread"})


def is_public(room: str) -> bool:
    """Whether the room of this name is public."""
    return not room.startswith("~")


def is_personal(room: str) -> bool:
    """Whether the room of this name is a person's own."""
    return room.startswith("~p-")


@attrs.define(eq=False)
class Reactions:
    """Reactions to a message with one emoji. Two are equal if they may be the same, as it is not always known of all
    who they are."""

    count: int
    since: int
    """Number of the event by which the emoji came to the message."""
    people: list[str] = attrs.field(factory=list)
    """Who gave the first of them that hold, as far as known."""

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Reactions)
            and (self.count, self.since) == (other.count, other.since)
            and all(one == another for one, another in zip(self.people, other.people, strict=False))
        )

    __hash__ = None  # type: ignore[assignment]

    def apply(self, person: str, *, is_on: bool) -> None:
        """Apply a reaction of this emoji; each changes something."""
        if is_on and len(self.people) == self.count:
            self.people.append(person)
        elif not is_on and person in self.people:
            self.people.remove(person)
        self.count += 1 if is_on else -1


@attrs.define
class Message:
    """A message with its changes applied."""

    author: str
    name: str
    text: str
    when: str
    reply_to: int = 0
    detail: str = ""
    rev: int = attrs.field(default=0, eq=False)
    """Number up to which its changes are applied."""
    edited: int = 0
    """Number of the newest edit; 0: none."""
    deleted: bool = False
    reactions: dict[str, Reactions] = attrs.field(factory=dict)
    """By emoji."""
    pinned: int = 0
    """Number of the event that pinned it; 0: not pinned."""

    def apply(self, event: Event) -> None:
        """Apply a change, unless it is applied already."""
        if event.seq <= self.rev:
            return
        self.rev = event.seq
        if self.deleted:
            return
        match event.kind:
            case "edit" if not event.deleted:
                self.text, self.edited = event.text, event.seq
            case "delete":
                self.delete()
            case "reaction":
                emoji = event.details["emoji"]
                reactions = self.reactions.setdefault(emoji, Reactions(0, event.seq))
                reactions.apply(event.sender, is_on=event.details["on"])
                if not reactions.count:
                    del self.reactions[emoji]
            case "pin":
                self.pinned = event.seq if event.details["on"] else 0

    def delete(self) -> None:
        """Take away the text and all that was about it."""
        self.deleted = True
        self.text = self.detail = ""
        self.reply_to = self.edited = self.pinned = 0
        self.reactions.clear()


def _message_from(event: Event) -> Message:
    message = Message(event.sender, event.name, event.text, event.when, event.target, event.detail, event.seq)
    if event.deleted:
        message.delete()
    return message


@attrs.define
class RoomModel:
    """A room as one client, or the log, shows it."""

    name: str
    kind: str = ""
    title: str = ""
    topic: str = ""
    owner: str | None = None
    members: set[str] = attrs.field(factory=set)
    pair: frozenset[str] = frozenset()
    """The two people of a direct room, in it or not."""
    banned: set[str] = attrs.field(factory=set)
    messages: dict[int, Message] = attrs.field(factory=dict)
    personal: dict[str, Event] = attrs.field(factory=dict)
    """In a person's own room, the newest event of each change key."""
    head: int = 0
    knows_facts: bool = False
    """Whether the facts are known: from the room's first event, or from its info."""
    _rev: int = 0
    """Number up to which the facts are known."""
    _fact_events: list[Event] = attrs.field(factory=list)
    """Events that changed the facts."""
    _waiting: defaultdict[int, list[Event]] = attrs.field(factory=lambda: defaultdict(list))
    """Changes of messages that are not known yet, by message."""
    _ever_pinned: set[int] = attrs.field(factory=set)

    def __attrs_post_init__(self) -> None:
        self.kind = "public" if is_public(self.name) else "personal" if is_personal(self.name) else "private"

    def apply(self, event: Event) -> None:
        """Apply a delivered event, perhaps not for the first time."""
        self.knows_facts = self.knows_facts or event.seq == 1 > self.head
        self.head = max(self.head, event.seq)
        if event.kind == "message":
            known = self.messages.get(event.seq)
            if known is None:
                self.messages[event.seq] = _message_from(
                    event
                )  # its changes are still to be delivered, perhaps again
            elif event.deleted and not known.deleted:
                known.delete()
        elif event.kind in CHANGES:
            about = self.messages.get(event.target)
            if event.kind == "pin":
                self._ever_pinned.add(event.target)
            if about is not None:
                about.apply(event)
            elif not event.deleted:
                self._waiting[event.target].append(event)
        elif event.kind in PERSONAL:
            self._apply_personal(event)
        elif event.seq > self._rev:
            self._rev = event.seq
            self._fact_events.append(event)
            self._apply_fact(event)

    def apply_page(
        self, events: Sequence[Event], changes: Iterable[Event], reactions: Iterable[Counted], upto: int
    ) -> None:
        """Apply a page of history with its newest changes and its reactions at number ``upto``."""
        by_target = defaultdict(list)
        for apply in changes:
            by_target[apply.target].append(apply)
            if apply.kind == "pin":
                self._ever_pinned.add(apply.target)
        for event in events:
            known = self.messages.get(event.seq)
            if event.kind != "message" or (known is not None and known.rev >= upto):
                continue
            self.messages[event.seq] = message = _message_from(event)
            for apply in by_target[event.seq]:
                message.apply(apply)
            for one in reactions:
                if one.target == event.seq and not message.deleted:
                    message.reactions[one.emoji] = Reactions(one.count, one.since, list(one.people))
            message.rev = max(message.rev, upto)
            for apply in self._waiting.get(event.seq, ()):
                message.apply(apply)

    def apply_info(self, told: Told) -> None:
        """Apply the room's info."""
        self.knows_facts = True
        self.kind, self.title, self.topic, self.owner = told.kind, told.title, told.topic, told.owner
        self.members = set(told.members)
        self._rev = max(self._rev, told.upto)
        for event in self._fact_events:
            if event.seq > told.upto:  # delivered before the info
                self._apply_fact(event)

    def _apply_personal(self, event: Event) -> None:
        details = event.details
        what = f"{event.kind}:{details['of']}" + (f":{details['target']}" if "target" in details else "")
        if what not in self.personal or self.personal[what].seq < event.seq:
            self.personal[what] = event

    def _apply_fact(self, event: Event) -> None:
        details = event.details
        match event.kind:
            case "created":
                self.kind = details["kind"]
                self.title, self.topic = details.get("title", ""), details.get("topic", "")
                self.owner = None if self.kind == "direct" else event.sender
                self.members.update(details["members"])
                if self.kind == "direct":
                    self.pair = frozenset(details["members"])
            case "settings":
                self.title, self.topic = details.get("title", self.title), details.get("topic", self.topic)
            case "member" if details["on"]:
                self.members.add(details["person"])
            case "ban" if details["on"]:
                self.members.discard(details["person"])
                self.banned.add(details["person"])
            case "ban":
                self.banned.discard(details["person"])
            case "member":
                self.members.discard(details["person"])

    # -- state --

    @property
    def pins(self) -> list[int]:
        """Numbers of the pinned messages, in the order of pinning."""
        pinned = [(self.messages[seq].pinned, seq) for seq in self._ever_pinned if seq in self.messages]
        return [seq for at, seq in sorted(pinned) if at]

    def facts(self) -> dict[str, Any]:
        """Kind, title, topic, owner and members."""
        return {
            "kind": self.kind,
            "title": self.title,
            "topic": self.topic,
            "owner": self.owner,
            "members": sorted(self.members),
        }

    # -- rules --

    def forbids(self, event: Event) -> str | None:
        """The error code for which this event must not be logged next; None if it may."""
        if event.kind in PERSONAL or self.kind == "personal":
            is_theirs = event.kind in PERSONAL and self.name == f"~{event.sender}"
            return None if is_theirs else "no_such_room"
        if event.kind == "created":
            wrong = self.head or self.name == LOBBY
            if wrong:
                return "already_there"
            return None if (event.details["kind"] == "public") == is_public(self.name) else "no_such_room"
        if event.kind == "member":
            return "banned" if event.sender in self.banned else self._forbids_membership(event)
        if self.kind != "public" and event.sender not in self.members:
            return "no_such_room"
        if event.sender in self.banned:
            return "banned"
        if event.kind == "ban":
            may_ban = event.sender == self.owner != event.details["person"] and self.kind != "direct"
            return None if may_ban else "not_yours"
        if event.kind == "settings":
            return self._forbids_settings(event)
        return self._forbids_about(event)

    def _forbids_membership(self, event: Event) -> str | None:
        person, is_on = event.details["person"], event.details["on"]
        if self.kind == "direct":
            return self._forbids_membership_of_two(event.sender, person, is_on)
        is_there = person in self.members or self.name == LOBBY
        if person != event.sender:
            return "not_yours"
        if is_on:
            return "already_there" if is_there else None
        if not is_there:
            return "not_member" if self.kind == "public" else "no_such_room"
        return "not_yours" if self.name == LOBBY else None

    def _forbids_membership_of_two(self, sender: str, person: str, is_on: bool) -> str | None:
        if not {sender, person} <= self.pair or not (sender in self.members or (is_on and sender == person)):
            return "no_such_room"
        if is_on:  # of members as well, who were asked and accept by that
            return None
        return None if person == sender else "not_yours"

    def _forbids_settings(self, event: Event) -> str | None:
        if self.kind == "direct":
            return "not_yours"
        may_name = self.kind == "private" or self.owner in (None, event.sender)
        return "not_yours" if "title" in event.details and not may_name else None

    def _forbids_about(self, event: Event) -> str | None:
        if not event.target and event.kind == "message":
            return None
        message = self.messages.get(event.target)
        if message is None:
            return "no_such_message"
        if event.kind == "message":
            return None
        if event.kind == "edit" and message.author != event.sender:
            return "not_yours"
        if event.kind == "delete" and event.sender not in (message.author, self.owner):
            return "not_yours"
        if message.deleted:
            return "deleted"
        if event.kind == "reaction":
            return self._forbids_reaction(message, event)
        if event.kind == "pin" and event.details["on"]:
            return "too_many" if len(self.pins) >= MAX_PINS else None
        return None

    def _forbids_reaction(self, message: Message, event: Event) -> str | None:
        given = {emoji for emoji, reactions in message.reactions.items() if event.sender in reactions.people}
        if (event.details["emoji"] in given) == event.details["on"]:
            return "unchanged"
        return "too_many" if event.details["on"] and len(given) >= MAX_REACTIONS else None
