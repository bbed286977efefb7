"""All kinds of events, and what can be asked of an event of any kind.

A new kind is a module with its `Kind`, and its place in `KINDS`: see CONTRIBUTING.md.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trio_chat.kinds import (
    messages,
    moderation,
    modes,
    personal,
    pins,
    reactions,
    releases,
    reports,
    roles,
    rooms,
)
from trio_chat.kinds.forms import write_body
from trio_chat.kinds.kind import Writers
from trio_chat.kinds.messages import Edit, Post
from trio_chat.model.events import MESSAGE

if TYPE_CHECKING:
    from trio_chat.kinds.forms import Body
    from trio_chat.kinds.kind import Kind
    from trio_chat.model.events import Draft, Event

_SUBJECTS: Final = (messages, reactions, pins, rooms, roles, moderation, modes, reports, releases, personal)

KINDS: Final[dict[str, Kind[Any]]] = {kind.name: kind for subject in _SUBJECTS for kind in subject.KINDS}
"""Every kind of event by its name in the log."""

MESSAGES: Final = frozenset(kind.name for kind in KINDS.values() if kind.is_message)
"""The kinds that people read as messages."""

PERSONAL: Final = frozenset(kind.name for kind in KINDS.values() if kind.written_by is Writers.THEMSELVES)
"""The kinds of a person's own room."""

DELETABLE: Final = frozenset(kind.name for kind in KINDS.values() if kind.deleted is not None)
"""The kinds whose bodies may be deleted."""

CHANGE_ACCESS: Final = frozenset(kind.name for kind in KINDS.values() if kind.changes_access)
"""The kinds that change who may hear the room, or come to the server: each ends its batch, so that nothing stands
behind it that somebody hears who may not."""

COMMANDS: Final = frozenset(kind.command for kind in KINDS.values() if kind.command is not None)
"""The commands that do nothing but write an event."""


def read_body(kind: str, body: str) -> Body:
    """The body of an event, as the struct of its kind (`Kind.body`).

    Raises `KeyError` for a kind that this program does not know, `msgspec.MsgspecError` for what is no body of it.
    """
    found: Body = KINDS[kind].read(body)
    return found


def change_key(kind: str, sender: str, body: Body) -> tuple[int, str] | None:
    """What of which message this event is the newest word on: (target, key); None if it is about no message.

    Of all events with one key only the newest matters. Personal events are about target 0 of the person's own room.
    """
    return KINDS[kind].change_key(sender, body)


def needs_no_space(draft: Draft) -> bool:
    """Whether the draft may be written when the disk is full or a quota is used up (`Kind.needs_no_space`)."""
    kind = KINDS[draft.kind]
    return kind.needs_no_space(kind.read(draft.body))


def renamed(kind: str, body: str, person: str, name: str) -> str:
    """The body as it would be if this person were called so."""
    rename = KINDS[kind].renamed
    return body if rename is None else write_body(rename(read_body(kind, body), person, name))


def plain_text_of(message: Event, *, edit: Event | None = None) -> str:
    """What a message says to who is told texts only: its text (after this edit of it, if one is given), and a line for
    each of its files, such as ``[image: kite.jpg]``."""
    lines = [text_of(message if edit is None else edit)]
    if message.kind != MESSAGE and message.body is not None:
        body = read_body(message.kind, message.body)
        if isinstance(body, Post):
            lines += [f"[{file.kind}: {file.name}]" for file in body.files]
    return "\n".join(filter(None, lines))


def text_of(event: Event) -> str:
    """What a message or an edit says, as it was first written; empty if it was deleted."""
    if event.body is None:
        return ""
    if event.kind == MESSAGE:
        return event.body
    body = read_body(event.kind, event.body)
    assert isinstance(body, Post | Edit)
    return body.text
