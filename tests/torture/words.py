"""How events look in a history: as `Line`, whether they were told in a frame or read from the database."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tests.torture.history import Line, detail

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
