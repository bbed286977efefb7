"""What clients ask for: the frames of commands, and what the log must then say."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import attrs

from tests.torture.events import Said, detail

if TYPE_CHECKING:
    from collections.abc import Sequence


@attrs.frozen
class Deed:
    """A command that is answered with an ack."""

    frame: dict[str, Any]
    """Without its id."""
    said: Said
    room: str
    """As it is spelled; empty where the server says with its answer which it is."""
    invite: str = ""


def send(room: str, text: str, *, reply_to: int = 0, mentions: Sequence[str] = ()) -> Deed:
    """Write a message."""
    more: dict[str, Any] = {"reply_to": reply_to} if reply_to else {}
    if mentions:
        more["mentions"] = list(mentions)
    said = Said("message", reply_to, text, detail(mentions=list(mentions)) if mentions else "")
    return Deed({"type": "send", "room": room, "text": text, **more}, said, room)


def edit(room: str, seq: int, text: str) -> Deed:
    """Change a message."""
    return Deed({"type": "edit", "room": room, "seq": seq, "text": text}, Said("edit", seq, text, ""), room)


def delete(room: str, seq: int) -> Deed:
    """Delete a message."""
    return Deed({"type": "delete", "room": room, "seq": seq}, Said("delete", seq, "", ""), room)


def react(room: str, seq: int, emoji: str, on: bool) -> Deed:
    """Put an emoji to a message, or take it away."""
    frame = {"type": "react", "room": room, "seq": seq, "emoji": emoji, "on": on}
    return Deed(frame, Said("reaction", seq, "", detail(emoji=emoji, on=on)), room)


def pin(room: str, seq: int, on: bool) -> Deed:
    """Pin a message, or unpin it."""
    return Deed(
        {"type": "pin", "room": room, "seq": seq, "on": on}, Said("pin", seq, "", detail(on=on)), room
    )


def settings(room: str, **fields: str) -> Deed:
    """Give a room another title, or topic."""
    return Deed({"type": "settings", "room": room, **fields}, Said("settings", 0, "", detail(**fields)), room)


def create(person: str, title: str) -> Deed:
    """Begin a private room."""
    said = Said("created", 0, "", detail(kind="private", title=title, members=[person]))
    return Deed({"type": "create", "kind": "private", "title": title}, said, "")


def direct(person: str, other: str) -> Deed:
    """Go to the conversation with somebody."""
    said = Said("created", 0, "", detail(kind="direct", members=[person, other]))
    return Deed({"type": "direct", "person": other}, said, "")


def accept(person: str, token: str) -> Deed:
    """Go where a link leads."""
    said = Said("member", 0, "", detail(person=person, on=True))
    return Deed({"type": "accept", "token": token}, said, "", invite=hash_of(token))


def enter(person: str, room: str) -> Deed:
    """Put a public room into one's list."""
    return Deed({"type": "enter", "room": room}, Said("member", 0, "", detail(person=person, on=True)), room)


def part(person: str, room: str) -> Deed:
    """Be a member no more."""
    return Deed({"type": "part", "room": room}, Said("member", 0, "", detail(person=person, on=False)), room)


def star(person: str, of: str, target: int, on: bool, *, what: str = "star") -> Deed:
    """Star a message, or hide it."""
    frame = {"type": "mine", "what": what, "room": of, "target": target, "on": on}
    return Deed(frame, Said(what, 0, "", detail(of=of.lower(), target=target, on=on)), f"~{person}")


def level(person: str, of: str, chosen: str) -> Deed:
    """Say of what of a room one wants to be told."""
    frame = {"type": "mine", "what": "level", "room": of, "level": chosen}
    return Deed(frame, Said("level", 0, "", detail(of=of.lower(), level=chosen)), f"~{person}")


def unread(person: str, of: str, seq: int | None) -> Deed:
    """Mark a room as unread from a message on, or no more."""
    frame: dict[str, Any] = {"type": "mine", "what": "unread", "room": of}
    if seq is not None:
        frame["seq"] = seq
    return Deed(frame, Said("unread", 0, "", detail(of=of.lower(), from_seq=seq)), f"~{person}")


def hash_of(token: str) -> str:
    """The hash of a link's token, which is what the log says."""
    return sha256(token.encode()).hexdigest()
