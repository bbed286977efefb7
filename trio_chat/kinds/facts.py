"""What the rules ask of a room: its kind, its owner, its members, and what stands in its log.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from trio_chat.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from trio_chat.kinds.standing import Policy, Server

PUBLIC: Final = "public"
PRIVATE: Final = "private"
DIRECT: Final = "direct"
PERSONAL_ROOM: Final = "personal"
SERVER: Final = "server"
"""The kinds of rooms. Which one a room is cannot change."""

SERVER_ROOM: Final = "~server"
"""The room of those who run the server: its members, with their roles. What they decide for all rooms stands there."""

SYSTEM: Final = "system"
"""The id of the server itself, as the sender of what it writes by itself. People and guests have other ids."""

LOBBY: Final = "lobby"
"""The room where everybody is, always; nobody has created it."""


class Facts(Protocol):
    """What the rules ask of a room's log, as it stands before the event in question."""

    @property
    def room(self) -> str:
        """Its name."""
        ...

    @property
    def kind(self) -> str:
        """What kind of room it is; before its beginning (`CREATED`): `kind_of_new`."""
        ...

    @property
    def owner(self) -> str | None:
        """The id of who created it; None if nobody did, or if it is direct."""
        ...

    @property
    def head(self) -> int:
        """The number of its last event."""
        ...

    @property
    def policy(self) -> Policy:
        """How it is run."""
        ...

    @property
    def server(self) -> Server:
        """How the server is run."""
        ...

    def role_of(self, person: str) -> str | None:
        """The role of a member; None for everybody else."""
        ...

    def is_restricted(self, restriction: str, person: str, at_ms: int) -> bool:
        """Whether the person is banned from the room, or muted in it (a kind of restriction), at this moment."""
        ...

    def count_restricted(self, at_ms: int) -> int:
        """How many people are banned from the room or muted in it at this moment."""
        ...

    def was_banned_from_within(self, person: str) -> bool:
        """Whether the person, who is banned from the room, was a member or knocked there when that began."""
        ...

    def has_knocked(self, person: str) -> bool:
        """Whether the person waits to be let into the room."""
        ...

    def count_knocking(self) -> int:
        """How many people wait to be let into the room."""
        ...

    def last_message_ms(self, person: str) -> int:
        """When the person wrote the last message in the room, as far as that matters for slow mode; else 0."""
        ...

    def open_reports(self) -> Collection[int]:
        """The numbers of the reports in the server room that are not done."""
        ...

    def last_message_anywhere_ms(self, person: str) -> int:
        """When the person wrote the last message in whatever room, as far as that matters for newcomers; else 0."""
        ...

    def known_ms(self, person: str) -> int | None:
        """Since when the person is known (`trio_chat.kinds.newcomers`)."""
        ...

    def is_known(self, person: str) -> bool:
        """Whether there is a person of this id (who is no guest)."""
        ...

    def admits_owner(self, link: str, at_ms: int) -> bool:
        """Whether this link (its hash) makes an owner of the server at this moment."""
        ...

    def author_of(self, seq: int) -> str | None:
        """Who wrote message ``seq``; None if there is no such message."""
        ...

    def can_send(self, upload: str, person: str, *, as_picture: bool = False) -> bool:
        """Whether an upload for this room is the person's, is finished, and is in no message yet; or
        (``as_picture``) is to be the room's picture, and was not before."""
        ...

    def has_files(self, seq: int) -> bool:
        """Whether message ``seq`` has files."""
        ...

    def is_deleted(self, seq: int) -> bool:
        """Whether message ``seq`` was deleted."""
        ...

    def count_edits(self, seq: int) -> int:
        """How often message ``seq`` was edited."""
        ...

    def is_member(self, person: str) -> bool:
        """Whether the person is one of the members."""
        ...

    def reactions_to(self, seq: int) -> Mapping[str, Collection[str]]:
        """Who has put which emoji to message ``seq``."""
        ...

    def has_change(self, target: int, key: str) -> bool:
        """Whether there is a change of message ``target`` under this change key."""
        ...

    def count_changes(self, target: int) -> int:
        """How many change keys there are of message ``target`` (0: in a personal room, all)."""
        ...

    def count_pins(self) -> int:
        """How many messages are pinned."""
        ...

    @property
    def pair(self) -> frozenset[str]:
        """The two people of a direct room, in it or not; in other rooms nobody."""
        ...

    def asked_at(self, person: str) -> int | None:
        """The number of the event by which the person was asked into a direct room; None: they need not answer."""
        ...

    def has_declined(self, person: str) -> bool:
        """Whether the person left a direct room instead of answering."""
        ...

    def count_messages(self, after: int) -> int:
        """How many messages there are after number ``after``, which is not far from the head."""
        ...

    def are_strangers(self, one: str, other: str) -> bool:
        """Whether no private room has both as members."""
        ...

    def count_requests(self, person: str) -> int:
        """How many direct rooms the person was asked into, without an answer yet."""
        ...

    def blocks(self, person: str, other: str) -> bool:
        """Whether the person blocks the other one."""
        ...

    def count_blocks(self, person: str) -> int:
        """How many people the person blocks."""
        ...

    def admits(self, invite: str, at_ms: int) -> bool:
        """Whether this invitation (its hash) lets somebody into the room at this moment."""
        ...

    def mentions_of_all(self, person: str, since_ms: int) -> list[int]:
        """When the person's messages since this moment mentioned everybody, the latest first: of the newest events.
        One that was deleted counts, as nobody knows what it said."""
        ...

    def is_theirs_to_note(self, person: str, room: str, seq: int) -> bool:
        """Whether the person may hear another ``room``, and it has an event ``seq`` (0: any room, the lobby always)."""
        ...


def personal_room(person: str) -> str:
    """The name of a person's own room."""
    return f"~{person}"


def kind_of_new(room: str) -> str:
    """What kind of room one is that has no beginning: public, unless its name says otherwise.

    A private room has no members before it was created, so nobody writes or hears anything in one they guessed.
    """
    if not room.startswith("~"):
        return PUBLIC
    if room == SERVER_ROOM:
        return SERVER
    return PERSONAL_ROOM if room.startswith(("~p-", "~g-")) else PRIVATE


def no_such_room() -> Refused:
    """The same for a room that is not there and for one that is not theirs: nobody learns which it is."""
    return Refused("no_such_room", "There is no such room, or it is not yours to see.")


def no_such_message() -> Refused:
    """There is no message of this number."""
    return Refused("no_such_message", "There is no such message in this room.")


def author_of(seq: int, facts: Facts) -> str:
    """Who wrote message ``seq``. Raises `Refused` (``no_such_message``)."""
    author = facts.author_of(seq)
    if author is None:
        raise no_such_message()
    return author


def check_not_deleted(seq: int, facts: Facts) -> None:
    """Raises `Refused` (``deleted``) if message ``seq`` was deleted."""
    if facts.is_deleted(seq):
        raise Refused("deleted", "This message was deleted.")


def check_is_message(seq: int, facts: Facts) -> None:
    """Raises `Refused` (``no_such_message``, ``deleted``) unless number ``seq`` is a message that says something."""
    author_of(seq, facts)
    check_not_deleted(seq, facts)
