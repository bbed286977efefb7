"""Moderation: banning people from a room, muting them in it, and letting in those who knock.

In the server room it holds for the whole server.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from trio_chat.errors import Refused
from trio_chat.kinds.facts import LOBBY, PRIVATE, SERVER, no_such_room
from trio_chat.kinds.forms import (
    END_MS,
    Body,
    ChangeFrame,
    EventCommand,
    Moment,
    ShortText,
    timestamp,
    write_body,
)
from trio_chat.kinds.kind import Kind, Writers, takes_away
from trio_chat.kinds.roles import PersonId  # noqa: TC001  (msgspec reads it)
from trio_chat.kinds.standing import ADMINISTERS, BAN, FOR_EVER, KNOCKING, MUTE, check_outranks, check_rank
from trio_chat.model.texts import check_length, normal_line

if TYPE_CHECKING:
    from typing import Any

    from trio_chat.kinds.facts import Facts
    from trio_chat.model.events import Person

KNOCK: Final = "knock"

MAX_RESTRICTED: Final = 1_000
"""So many people can be banned from a room or muted in it: all of them are read when it opens."""

MAX_RESTRICTED_ON_SERVER: Final = 10_000
"""Likewise on the server: more than can come new within an hour, or strangers could use up all bans."""

MAX_REASON_CHARS: Final = 200

MAX_KNOCKING: Final = 1_000
"""So many people can wait to be let into the server, or into a room; it is closed for further ones."""


# -- bans and mutes --


class Restriction(Body, frozen=True):
    """The person is banned (or muted: the same fields), or (``on`` false) no longer."""

    person: str
    on: bool
    until_ms: int | None = None
    """When it ends; None: never."""
    reason: str = ""
    addresses: bool = False
    """Bans from the server: whether the addresses that the person came from lately are banned as well."""

    @property
    def ends_ms(self) -> int:
        """When it ends, as it is compared; 0: it is over."""
        if not self.on:
            return 0
        return FOR_EVER if self.until_ms is None else self.until_ms


R = TypeVar("R", bound=Restriction)


class BanFrame(ChangeFrame, tag="ban", kw_only=True):
    """The person was banned, and is no member any more, or (``on`` false) may come again."""

    person: str
    on: bool
    until: str | None = None
    reason: str = ""
    addresses: bool = False


class MuteFrame(ChangeFrame, tag="mute", kw_only=True):
    """The person was muted, or (``on`` false) may write again."""

    person: str
    on: bool
    until: str | None = None
    reason: str = ""


class _Restrict(EventCommand):
    person: PersonId
    on: bool = True
    until: Moment | None = None
    """A moment and not a duration, as a repeat must say the same."""
    reason: ShortText = ""

    def _body(self, *, addresses: bool = False) -> str:
        until_ms = None if self.until is None else int(self.until.timestamp() * 1000)
        if until_ms is not None and not 0 < until_ms < END_MS:
            raise Refused("bad_field", "Say a moment to come, as until, or none.")
        reason = normal_line(self.reason, "bad_field", "A reason")
        check_length(reason, MAX_REASON_CHARS)
        return write_body(Restriction(self.person, self.on, until_ms, reason, addresses))


class BanCommand(_Restrict, tag="ban"):
    """Remove a person from the room, and let them not come back until then, or (``on`` false) let them come again."""

    addresses: bool = False

    def event(self, person: Person) -> tuple[str, str]:
        """See `EventCommand`. Raises `Refused` (``bad_field``, ``too_long``)."""
        return BAN, self._body(addresses=self.addresses and self.on)


class MuteCommand(_Restrict, tag="mute"):
    """Let a person write nothing until then, or (``on`` false) let them write again."""

    def event(self, person: Person) -> tuple[str, str]:
        """See `EventCommand`. Raises `Refused` (``bad_field``, ``too_long``)."""
        return MUTE, self._body()


def check_restriction(sender: str, body: Restriction, facts: Facts, at_ms: int) -> None:
    """Moderators restrict those of lower rank."""
    check_outranks(sender, body.person, facts)
    if body.on and body.ends_ms <= at_ms:
        raise Refused("bad_field", "Say a moment to come, as until, or none.")
    limit = MAX_RESTRICTED_ON_SERVER if facts.kind == SERVER else MAX_RESTRICTED
    if body.on and facts.count_restricted(at_ms) >= limit:
        raise Refused("too_many", f"{limit:,} people are banned or muted here. Lift some of it first.")


def check_ban(sender: str, body: Restriction, facts: Facts, at_ms: int) -> None:
    """As `check_restriction`; nobody is banned from the lobby alone."""
    check_restriction(sender, body, facts, at_ms)
    if facts.room == LOBBY:
        raise Refused("not_yours", "Everybody is in the lobby. Mute them, or ban them from the server.")
    if body.addresses and facts.kind != SERVER:
        raise Refused("bad_field", "Addresses can only be banned from the server.")
    if body.addresses:
        check_rank(sender, facts, ADMINISTERS)


def _mute_fields(body: Restriction) -> dict[str, Any]:
    until = None if body.until_ms is None else timestamp(body.until_ms)
    return {"person": body.person, "on": body.on, "until": until, "reason": body.reason}


def _ban_fields(body: Restriction) -> dict[str, Any]:
    return {**_mute_fields(body), "addresses": body.addresses}


# -- knocking --


class Knock(Body, frozen=True):
    """The person waits to be let in, or (``on`` false) no longer."""

    person: str
    on: bool
    invite: str | None = None
    """The hash of the invitation that they came with, in hexadecimal; not told to anybody."""


class KnockFrame(ChangeFrame, tag="knock", kw_only=True):
    """The person waits to be let in, or (``on`` false) no longer."""

    person: str
    on: bool


def check_knock(sender: str, body: Knock, facts: Facts, at_ms: int) -> None:
    """Who has a link to a private room knocks there, and who comes to the server while people knock; moderators send
    away who does."""
    if body.person != sender:
        if not facts.is_member(sender):
            raise no_such_room()
        check_rank(sender, facts)
        if body.on or not facts.has_knocked(body.person):
            raise Refused("not_waiting", "They do not wait here any more.")
        return
    if not body.on:
        if not facts.has_knocked(sender):
            raise no_such_room()
        return
    if facts.is_member(sender) or facts.has_knocked(sender):
        raise Refused("already_there", "You are in this room already, or wait to be let in.")
    if facts.kind == SERVER:
        _check_knock_at_server(facts)
        return
    if facts.kind != PRIVATE or body.invite is None or not facts.admits(body.invite, at_ms):
        raise Refused("bad_invite", "This invitation is not valid any more. Ask for a new one.")
    if facts.count_knocking() >= MAX_KNOCKING:
        raise too_many_knock()


def _check_knock_at_server(facts: Facts) -> None:
    if facts.server.mode != KNOCKING:
        raise no_such_room()
    if len(facts.server.knocking) >= MAX_KNOCKING:
        raise too_many_knock()


def too_many_knock() -> Refused:
    """Why nobody more can wait to be let into the server, or a room."""
    return Refused(
        "too_many", f"{MAX_KNOCKING:,} people wait to be let in here already. Come back another day."
    )


KINDS: Final = (
    Kind(
        name=BAN,
        body=Restriction,
        frame=BanFrame,
        fields=_ban_fields,
        command=BanCommand,
        check=check_ban,
        changes_access=True,
        needs_no_space=takes_away,
    ),
    Kind(
        name=MUTE,
        body=Restriction,
        frame=MuteFrame,
        fields=_mute_fields,
        command=MuteCommand,
        check=check_restriction,
        changes_access=True,
        needs_no_space=takes_away,
    ),
    Kind(
        name=KNOCK,
        body=Knock,
        frame=KnockFrame,
        written_by=Writers.ANYBODY,
        check=check_knock,
        changes_access=True,
        is_silenced=False,
    ),
)
