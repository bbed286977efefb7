"""Commands that are logged: the frame of each, and the content that its event must have."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import attrs

from tests.torture.events import Content, encode_detail

if TYPE_CHECKING:
    from collections.abc import Sequence


@attrs.frozen
class Command:
    """A command that is answered with an ack: its frame, and the expected content of its event."""

    frame: dict[str, Any]
    """Without its id, the idempotency key."""
    content: Content
    room: str
    """As the client spells it; empty where only the answer names the room."""
    invite: str = ""


def send(room: str, text: str, *, reply_to: int = 0, mentions: Sequence[str] = ()) -> Command:
    """Send a message."""
    more: dict[str, Any] = {"reply_to": reply_to} if reply_to else {}
    if mentions:
        more["mentions"] = list(mentions)
    content = Content("message", reply_to, text, encode_detail(mentions=list(mentions)) if mentions else "")
    return Command({"type": "send", "room": room, "text": text, **more}, content, room)


def edit(room: str, seq: int, text: str) -> Command:
    """Edit a message."""
    return Command(
        {"type": "edit", "room": room, "seq": seq, "text": text}, Content("edit", seq, text, ""), room
    )


def delete(room: str, seq: int) -> Command:
    """Delete a message."""
    return Command({"type": "delete", "room": room, "seq": seq}, Content("delete", seq, "", ""), room)


def react(room: str, seq: int, emoji: str, on: bool) -> Command:
    """Add a reaction to a message, or remove it."""
    frame = {"type": "react", "room": room, "seq": seq, "emoji": emoji, "on": on}
    return Command(frame, Content("reaction", seq, "", encode_detail(emoji=emoji, on=on)), room)


def pin(room: str, seq: int, on: bool) -> Command:
    """Pin a message, or unpin it."""
    return Command(
        {"type": "pin", "room": room, "seq": seq, "on": on},
        Content("pin", seq, "", encode_detail(on=on)),
        room,
    )


def settings(room: str, **fields: str) -> Command:
    """Change a room's title or topic."""
    return Command(
        {"type": "settings", "room": room, **fields},
        Content("settings", 0, "", encode_detail(**fields)),
        room,
    )


def create(person: str, title: str) -> Command:
    """Create a private room."""
    content = Content("created", 0, "", encode_detail(kind="private", title=title, members=[person]))
    return Command({"type": "create", "kind": "private", "title": title}, content, "")


def direct(person: str, other: str) -> Command:
    """Open the direct conversation with another person."""
    content = Content("created", 0, "", encode_detail(kind="direct", members=[person, other]))
    return Command({"type": "direct", "person": other}, content, "")


def accept(person: str, token: str) -> Command:
    """Accept an invitation."""
    content = Content("member", 0, "", encode_detail(person=person, on=True))
    return Command({"type": "accept", "token": token}, content, "", invite=invitation_hash(token))


def enter(person: str, room: str) -> Command:
    """Become a member of a public room."""
    return Command(
        {"type": "enter", "room": room}, Content("member", 0, "", encode_detail(person=person, on=True)), room
    )


def part(person: str, room: str) -> Command:
    """Leave a room."""
    return Command(
        {"type": "part", "room": room}, Content("member", 0, "", encode_detail(person=person, on=False)), room
    )


def ban(room: str, person: str, on: bool) -> Command:
    """Remove a person from a room, or let them come again."""
    return Command(
        {"type": "ban", "room": room, "person": person, "on": on},
        Content("ban", 0, "", encode_detail(person=person, on=on)),
        room,
    )


def star(person: str, of: str, target: int, on: bool, *, what: str = "star") -> Command:
    """Star or hide a message, or undo that; logged in the person's own room."""
    frame = {"type": "mine", "what": what, "room": of, "target": target, "on": on}
    return Command(
        frame, Content(what, 0, "", encode_detail(of=of.lower(), target=target, on=on)), f"~{person}"
    )


def level(person: str, of: str, chosen: str) -> Command:
    """Set the notification level of a room; logged in the person's own room."""
    frame = {"type": "mine", "what": "level", "room": of, "level": chosen}
    return Command(frame, Content("level", 0, "", encode_detail(of=of.lower(), level=chosen)), f"~{person}")


def unread(person: str, of: str, seq: int | None) -> Command:
    """Mark a room as unread from a message on, or as read; logged in the person's own room."""
    frame: dict[str, Any] = {"type": "mine", "what": "unread", "room": of}
    if seq is not None:
        frame["seq"] = seq
    return Command(frame, Content("unread", 0, "", encode_detail(of=of.lower(), from_seq=seq)), f"~{person}")


def invitation_hash(token: str) -> str:
    """Hash of an invitation's token, as it is logged."""
    return sha256(token.encode()).hexdigest()
