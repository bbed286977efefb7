"""How events look in a history: as `Line`, whether they were told in a frame or read from the database."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec


class Said(NamedTuple):
    """What an event says, in a form in which two that say the same are equal: what a command asks for, too."""

    kind: str
    """``message`` (with more than a text as well), ``edit``, ``delete``, ``reaction``, …: as it is told."""
    target: int
    """The number of the message it changes, or answers; 0: none."""
    text: str
    detail: str
    """Everything else, as JSON with sorted keys; empty where there is nothing else."""


class Line(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One event of a log, with everything that a client is told of it."""

    seq: int
    command: str | None
    sender: str
    name: str
    text: str
    when: str
    kind: str = "message"
    target: int = 0
    detail: str = ""
    deleted: bool = False
    """The text is gone, and with it whatever stood beside it."""

    @property
    def said(self) -> Said:
        """What it says."""
        return Said(self.kind, self.target, self.text, self.detail)

    @property
    def details(self) -> dict[str, Any]:
        """What stands in `detail`."""
        found: dict[str, Any] = json.loads(self.detail) if self.detail else {}
        return found

    def blanked(self) -> Line:
        """What is told of it once it was deleted."""
        return msgspec.structs.replace(self, text="", target=0, detail="", deleted=True)


def detail(**fields: object) -> str:
    """A `Said.detail`."""
    return json.dumps(fields, sort_keys=True, ensure_ascii=False) if fields else ""


EVENTS = frozenset(
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
        "star",
        "hide",
        "level",
        "unread",
    }
)
"""The types of frames that are events of a log."""

_OWN = {
    "message": ("mentions", "forwarded"),
    "edit": ("mentions",),
    "delete": (),
    "reaction": ("emoji", "on"),
    "pin": ("on",),
    "created": ("kind", "title", "topic", "members"),
    "settings": ("title", "topic"),
    "member": ("person", "on"),
    "star": ("of", "target", "on"),
    "hide": ("of", "target", "on"),
    "level": ("of", "level", "until"),
    "unread": ("of", "from_seq"),
}
"""What stands in an event of each kind beside its text and what it is about."""

_ABOUT_A_MESSAGE = frozenset({"edit", "delete", "reaction", "pin"})


def line_of(said: dict[str, Any]) -> Line:
    """An event that was told. One that the server says is damaged becomes a line that no log has."""
    if said["type"] == "damaged":
        return Line(said["seq"], None, "", "", "(damaged)", "", "damaged")
    line = _line(said["type"], said, said["seq"], said.get("id"), said["from"], said["name"], said["at"])
    return line.blanked() if said.get("deleted") else line


def line_of_row(
    seq: int, kind: str, command: str | None, sender: str, name: str, at_ms: int, body: str | None
) -> Line:
    """An event as the database has it."""
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    when = f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"
    told_as = "message" if kind == "post" else kind
    if body is None:
        return Line(seq, command, sender, name, "", when, told_as).blanked()
    fields: dict[str, Any] = {"text": body} if kind == "message" else json.loads(body)
    if "room" in fields:
        fields["of"] = fields.pop("room")
        fields["from_seq"] = fields.get("seq")
    return _line(told_as, fields, seq, command, sender, name, when)


def _line(
    kind: str, fields: dict[str, Any], seq: int, command: str | None, sender: str, name: str, when: str
) -> Line:
    target = fields.get("target", 0) if kind in _ABOUT_A_MESSAGE else fields.get("reply_to", 0)
    own = {key: fields[key] for key in _OWN[kind] if fields.get(key) not in (None, "", [])}
    if kind == "unread":
        own["from_seq"] = fields.get("from_seq")
    if kind == "settings":  # an empty topic is one that was taken away
        own = {key: fields[key] for key in _OWN[kind] if fields.get(key) is not None}
    if "person" in own:
        own["person"] = own["person"]["id"]
    if "members" in own:
        own["members"] = [who["id"] for who in own["members"]]
    return Line(seq, command, sender, name, fields.get("text", ""), when, kind, target, detail(**own))
