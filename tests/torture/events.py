"""Events as a history records them: one form for those that frames deliver and those that the database holds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec


class Content(NamedTuple):
    """Content of an event, or of the command for it: equal if and only if both say the same."""

    kind: str
    """As in frames: ``message`` (also for the database's ``post``), ``edit``, ``delete``, ``reaction``, …"""
    target: int
    """Number of the message that it changes or replies to; 0: none."""
    text: str
    detail: str
    """All other fields, as JSON with sorted keys; empty if there are none."""


class Event(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One event of a log, with every field that clients are told."""

    seq: int
    key: str | None
    sender: str
    name: str
    text: str
    when: str
    kind: str = "message"
    target: int = 0
    detail: str = ""
    deleted: bool = False
    """The text was deleted, and the other content with it."""

    @property
    def content(self) -> Content:
        """The content alone, to be compared with a command's."""
        return Content(self.kind, self.target, self.text, self.detail)

    @property
    def details(self) -> dict[str, Any]:
        """The fields in `detail`."""
        found: dict[str, Any] = json.loads(self.detail) if self.detail else {}
        return found

    def as_deleted(self) -> Event:
        """The event as it is read after its deletion."""
        return msgspec.structs.replace(self, text="", target=0, detail="", deleted=True)


class Counted(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The reactions to a message with one emoji, as a page of history tells them."""

    target: int
    emoji: str
    count: int
    since: int
    is_mine: bool
    people: list[str]
    """Who gave the first of them, in order."""


def counted_from(reactions: dict[str, Any]) -> Counted:
    """The reactions with one emoji of a page of history."""
    people = [person["id"] for person in reactions.get("people", ())]
    is_mine = reactions.get("mine", False)
    return Counted(
        reactions["target"], reactions["emoji"], reactions["count"], reactions["since"], is_mine, people
    )


def encode_detail(**fields: object) -> str:
    """Fields as a `Content.detail`."""
    return json.dumps(fields, sort_keys=True, ensure_ascii=False) if fields else ""


EVENT_TYPES = frozenset(
    {
        "message",
        "damaged",
        "edit",
        "delete",
        "reaction",
        "pin",
        "created",
        "settings",
        "member",
        "ban",
        "star",
        "hide",
        "level",
        "unread",
    }
)
"""Types of frames that are events of a log."""

_OWN = {
    "message": ("mentions", "forwarded"),
    "edit": ("mentions",),
    "delete": (),
    "reaction": ("emoji", "on"),
    "pin": ("on",),
    "created": ("kind", "title", "topic", "members"),
    "settings": ("title", "topic"),
    "member": ("person", "on"),
    "ban": ("person", "on"),
    "star": ("of", "target", "on"),
    "hide": ("of", "target", "on"),
    "level": ("of", "level", "until"),
    "unread": ("of", "from_seq"),
}
"""Fields of each kind of event beside text and target."""

_CHANGES = frozenset({"edit", "delete", "reaction", "pin"})


def event_from_frame(content: dict[str, Any]) -> Event:
    """The event of a frame. One that the server calls damaged becomes an event that is in no log."""
    if content["type"] == "damaged":
        return Event(content["seq"], None, "", "", "(damaged)", "", "damaged")
    event = _event(
        content["type"],
        content,
        content["seq"],
        content.get("id"),
        content["from"],
        content["name"],
        content["at"],
    )
    return event.as_deleted() if content.get("deleted") else event


def event_from_row(
    seq: int, kind: str, key: str | None, sender: str, name: str, at_ms: int, body: str | None
) -> Event:
    """The event of a row of the database."""
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    when = f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"
    told_as = "message" if kind == "post" else kind
    if body is None:
        return Event(seq, key, sender, name, "", when, told_as).as_deleted()
    fields: dict[str, Any] = {"text": body} if kind == "message" else json.loads(body)
    if "room" in fields:
        fields["of"] = fields.pop("room")
        fields["from_seq"] = fields.get("seq")
    return _event(told_as, fields, seq, key, sender, name, when)


def _event(
    kind: str, fields: dict[str, Any], seq: int, key: str | None, sender: str, name: str, when: str
) -> Event:
    target = fields.get("target", 0) if kind in _CHANGES else fields.get("reply_to", 0)
    own = {key: fields[key] for key in _OWN[kind] if fields.get(key) not in (None, "", [])}
    if kind == "unread":
        own["from_seq"] = fields.get("from_seq")
    if kind == "settings":  # an empty topic means: removed
        own = {key: fields[key] for key in _OWN[kind] if fields.get(key) is not None}
    if kind == "member":
        own["person"] = own["person"]["id"]
    if "members" in own:
        own["members"] = [who["id"] for who in own["members"]]
    return Event(seq, key, sender, name, fields.get("text", ""), when, kind, target, encode_detail(**own))
