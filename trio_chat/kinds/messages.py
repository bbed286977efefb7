"""Messages: writing, editing and deleting them.

Pure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec

from trio_chat.errors import Refused, moment_in
from trio_chat.kinds.facts import DIRECT, SYSTEM, author_of, check_not_deleted
from trio_chat.kinds.files import MAX_FILES, File, FileItem, FileToSend
from trio_chat.kinds.forms import (
    Body,
    ChangeFrame,
    EventCommand,
    EventFrame,
    Ids,
    Number,
    ShortText,
    write_body,
)
from trio_chat.kinds.kind import Kind, takes_away
from trio_chat.kinds.standing import MODERATES, rank
from trio_chat.model.events import MESSAGE
from trio_chat.model.texts import empty, is_visible, normal_line

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from trio_chat.kinds.facts import Facts
    from trio_chat.model.events import Person

POST: Final = "post"
EDIT: Final = "edit"
DELETE: Final = "delete"

EVERYBODY: Final = "all"
"""What a mention of everybody in the room says in the place of a person's id."""

MAX_EDITS: Final = 1_000
"""So often a message can be edited: all of its versions are kept."""

MAX_FORWARDED_CHARS: Final = 40
"""A name's length."""

MAX_MENTIONS: Final = 20
"""So many people can be mentioned in a message."""

MENTIONS_OF_ALL: Final = {60_000: (1, 5), 3_600_000: (10, 60)}
"""Within so many milliseconds a person can mention everybody in a room so often, and the room's owner so often. Edits
notify nobody, and do not count."""


# -- messages --


class Post(Body, frozen=True):
    """A message. One that is only a text stands in the log as that text, with the kind `MESSAGE`."""

    text: str
    reply_to: int | None = None
    mentions: tuple[str, ...] = ()
    """Ids of people, or `EVERYBODY`."""
    forwarded: str | None = None
    """The name of who said it elsewhere."""
    files: tuple[File, ...] = ()


class MessageFrame(EventFrame, tag="message", kw_only=True, rename={"sender": "from"}):
    """Somebody wrote a message."""

    id: str | None = None
    sender: str
    name: str
    text: str
    at: str
    reply_to: int | None = None
    mentions: tuple[str, ...] = ()
    forwarded: str | None = None
    files: tuple[FileItem, ...] = ()
    deleted: bool = False


class Send(EventCommand, tag="send"):
    """Write a message. With files its text may be empty."""

    text: str
    reply_to: Number | None = None
    mentions: Ids = ()
    forwarded: ShortText | None = None
    files: Annotated[tuple[FileToSend, ...], msgspec.Meta(max_length=MAX_FILES)] = ()

    def event(self, person: Person) -> tuple[str, str]:
        """See `EventCommand`, of a message without files. Raises `Refused` (``bad_field``, ``too_many``)."""
        return self.event_with(())

    def event_with(self, files: tuple[File, ...]) -> tuple[str, str]:
        """The same of a message with these files, which are its uploads."""
        check_mentions(self.mentions)
        if self.reply_to is None and not self.mentions and self.forwarded is None and not files:
            return MESSAGE, self.text
        forwarded = None if self.forwarded is None else _normal_forwarded(self.forwarded)
        return POST, write_body(Post(self.text, self.reply_to, self.mentions, forwarded, files))


def _normal_forwarded(raw: str) -> str:
    """Who said it elsewhere, or an empty text: somebody."""
    name = normal_line(raw, "bad_field", "The name of who said it")[:MAX_FORWARDED_CHARS].rstrip()
    return name if is_visible(name) else ""


def _told(body: Post) -> Mapping[str, Any]:
    return {
        "text": body.text,
        "reply_to": body.reply_to,
        "mentions": body.mentions,
        "forwarded": body.forwarded,
        "files": tuple(map(FileItem.of, body.files)),
    }


def check_mentions(mentions: Collection[str]) -> None:
    """Raises `Refused` (``too_many``) if too many people are mentioned."""
    if len(mentions) > MAX_MENTIONS:
        raise Refused(
            "too_many", f"A message can mention {MAX_MENTIONS} people at most. Mention @all, or fewer people."
        )


def check_post(sender: str, body: Post, facts: Facts, at_ms: int) -> None:
    """One replies to a message that is there; it may be deleted. Everybody is mentioned now and then. Files are sent
    once, by who uploaded them."""
    _check_files(sender, body.files, facts)
    if body.reply_to is not None:
        author_of(body.reply_to, facts)
    if EVERYBODY in body.mentions:
        _check_mention_of_all(sender, facts, at_ms)


def _check_files(sender: str, files: Sequence[File], facts: Facts) -> None:
    """In the append, and not before it, so that a repeat of a message is its repeat although its uploads were sent."""
    uploads = {file.upload for file in files}
    if len(uploads) < len(files) or not all(
        file.name and facts.can_send(file.upload, sender) for file in files
    ):
        raise Refused(
            "no_such_upload",
            "Not all of these files are ready to be sent: each is uploaded for this room, and sent once. "
            "Upload them again.",
        )


def _check_mention_of_all(sender: str, facts: Facts, at_ms: int) -> None:
    """In the append, and not by a bucket, so that a repeat of a message is its repeat whenever it comes."""
    if facts.kind == DIRECT:
        return
    earlier = facts.mentions_of_all(sender, at_ms - max(MENTIONS_OF_ALL))
    for period_ms, (of_anybody, of_owner) in MENTIONS_OF_ALL.items():
        limit = of_owner if sender == facts.owner else of_anybody
        if len(earlier) >= limit and earlier[limit - 1] > at_ms - period_ms:
            wait_s = math.ceil((earlier[limit - 1] + period_ms - at_ms) / 1000)
            raise Refused(
                "too_many",
                f"You mentioned everybody in this room just now. It works again {moment_in(wait_s)};"
                " or send it without @all.",
            )


# -- edits --


class Edit(Body, frozen=True):
    """Message ``target`` says this now."""

    target: int
    text: str
    mentions: tuple[str, ...] = ()


class EditFrame(ChangeFrame, tag="edit", kw_only=True):
    """Message ``target`` says this now."""

    target: int
    text: str
    mentions: tuple[str, ...] = ()
    deleted: bool = False


class EditCommand(EventCommand, tag="edit"):
    """Edit my message ``seq``. If it has files its text may be empty."""

    seq: Number
    text: str
    mentions: Ids = ()

    def event(self, person: Person) -> tuple[str, str]:
        """See `EventCommand`. Raises `Refused` (``too_many``)."""
        check_mentions(self.mentions)
        return EDIT, write_body(Edit(self.seq, self.text, self.mentions))


def check_edit(sender: str, body: Edit, facts: Facts, at_ms: int) -> None:
    """Messages are edited by their authors."""
    if author_of(body.target, facts) != sender:
        raise Refused("not_yours", "Only who wrote a message can change it.")
    check_not_deleted(body.target, facts)
    if not is_visible(body.text) and not facts.has_files(body.target):
        raise empty()
    if facts.count_edits(body.target) >= MAX_EDITS:
        raise Refused("too_many", f"A message can be changed {MAX_EDITS:,} times at most. Write another one.")


# -- deletions --


class Delete(Body, frozen=True):
    """Message ``target`` is deleted, for everyone."""

    target: int


class DeleteFrame(ChangeFrame, tag="delete", kw_only=True):
    """Message ``target`` was deleted."""

    target: int


class DeleteCommand(EventCommand, tag="delete"):
    """Delete message ``seq``, for everyone."""

    seq: Number

    def event(self, person: Person) -> tuple[str, str]:
        """See `EventCommand`."""
        return DELETE, write_body(Delete(self.seq))


def check_delete(sender: str, body: Delete, facts: Facts, at_ms: int) -> None:
    """Messages are deleted by their authors, by the room's owner, by moderators if the author is of lower rank, and by
    the server itself when they have expired."""
    author = author_of(body.target, facts)
    own = rank(sender, facts)
    may = sender in (author, SYSTEM) or (
        own >= MODERATES and (sender == facts.owner or own > rank(author, facts))
    )
    if not may:
        raise Refused("not_yours", "Only who wrote a message, or a moderator, can delete it.")
    check_not_deleted(body.target, facts)


KINDS: Final = (
    Kind(
        name=MESSAGE,
        body=Post,
        frame=MessageFrame,
        fields=_told,
        deleted={"text": "", "deleted": True},
        command=Send,
        is_message=True,
        read=Post,
    ),
    Kind(
        name=POST,
        body=Post,
        frame=MessageFrame,
        fields=_told,
        deleted={"text": "", "deleted": True},
        command=Send,
        check=check_post,
        is_message=True,
    ),
    Kind(
        name=EDIT,
        body=Edit,
        frame=EditFrame,
        deleted={"target": 0, "text": "", "deleted": True},
        command=EditCommand,
        check=check_edit,
        change_key=lambda sender, body: (body.target, EDIT),
    ),
    Kind(
        name=DELETE,
        body=Delete,
        frame=DeleteFrame,
        command=DeleteCommand,
        check=check_delete,
        is_silenced=False,
        change_key=lambda sender, body: (body.target, DELETE),
        needs_no_space=takes_away,
    ),
)
