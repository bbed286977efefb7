"""Standing: the roles of people, how a server and a room are run, and who is muted or banned there.

It all follows from events: those of the room, and for the whole server those of the server room (`SERVER_ROOM`).

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

import attrs
import msgspec

from trio_chat.errors import Refused
from trio_chat.kinds.facts import DIRECT, PERSONAL_ROOM
from trio_chat.kinds.forms import END_MS, timestamp
from trio_chat.model.times import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_chat.kinds.facts import Facts

# -- roles --

OWNER: Final = "owner"
ADMIN: Final = "admin"
MODERATOR: Final = "moderator"
MEMBER: Final = "member"
ASKED: Final = "asked"
"""The role of who was asked into a direct room and has not answered (`trio_chat.kinds.direct`)."""

MODERATES: Final = 1
"""The lowest rank that may moderate."""

OWNS: Final = 2
"""The rank of a room's owner."""

ADMINISTERS: Final = 4
"""The rank of a server's admin."""

ROOM_RANKS: Final[Mapping[str, int]] = {MODERATOR: MODERATES, OWNER: OWNS}
SERVER_RANKS: Final[Mapping[str, int]] = {MODERATOR: 3, ADMIN: ADMINISTERS, OWNER: 5}
"""Ranks by role. Who has a role on the server has its rank in all rooms that they are in; everybody else is 0."""


def rank(person: str, facts: Facts) -> int:
    """The rank of a person in a room."""
    role = OWNER if person == facts.owner else facts.role_of(person)
    return room_rank(facts.kind, role, facts.server.roles.get(person))


def room_rank(kind: str, role: str | None, server_role: str | None) -> int:
    """The rank in a room of this kind, by the role there and on the server. In a conversation of two nobody has any."""
    if kind in (DIRECT, PERSONAL_ROOM):
        return 0
    return max(ROOM_RANKS.get(role or MEMBER, 0), SERVER_RANKS.get(server_role or MEMBER, 0))


def check_rank(person: str, facts: Facts, least: int = MODERATES) -> None:
    """Raises `Refused` (``not_yours``) unless the person has at least this rank."""
    if rank(person, facts) < least:
        raise Refused("not_yours", "Your role does not allow that. Ask who looks after this room or server.")


def check_outranks(sender: str, person: str, facts: Facts, least: int = MODERATES) -> None:
    """Raises `Refused` (``not_yours``) unless the sender has at least this rank, and a higher one than the person."""
    check_rank(sender, facts, least)
    if rank(person, facts) >= rank(sender, facts):
        raise Refused(
            "not_yours", "Nobody can do that to themselves, to their equals, or to those above them."
        )


# -- how a room is run --

Allowed: TypeAlias = Literal["members", "moderators"]
Joining: TypeAlias = Literal["open", "knock"]

MAX_SLOW_S: Final = 6 * 3600

SlowS = Annotated[int, msgspec.Meta(ge=0, le=MAX_SLOW_S)]

MAX_RETENTION_DAYS: Final = 3650

RetentionDays = Annotated[int, msgspec.Meta(ge=0, le=MAX_RETENTION_DAYS)]


class Policy(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """How a room is run. The fields of the settings that change it have the same names."""

    slow_s: int = 0
    """Each member may write one message in so many seconds; moderators as they like."""
    writers: Allowed = "members"
    """Who may write messages."""
    joining: Joining = "open"
    """Whether a link lets people in at once, or they knock and a moderator lets them in."""
    inviting: Allowed = "members"
    """Who may make, list and void links."""
    pinning: Allowed = "members"
    titling: Allowed = "members"
    """Who may change the topic, and the title of a private room."""
    retention_days: int = 0
    """After so many days messages are deleted; 0: as the server's retention says, which holds as well."""

    @property
    def limits_writing(self) -> bool:
        """Whether not all members may write as they like."""
        return self.slow_s > 0 or self.writers != "members"


DEFAULT_POLICY: Final = Policy()


# -- how the server is run --

Mode: TypeAlias = Literal["open", "probation", "knock", "invite", "closed"]
"""For whom the server is open, see `trio_chat.kinds.newcomers`."""

OPEN: Final = "open"
PROBATION: Final = "probation"
KNOCKING: Final = "knock"
INVITE: Final = "invite"
CLOSED: Final = "closed"


@attrs.frozen
class Server:
    """How the server is run: what follows from the events of the server room up to a moment."""

    roles: Mapping[str, str] = attrs.field(factory=dict)
    """The roles of those who run it, by person."""
    bans: Mapping[str, int] = attrs.field(factory=dict)
    mutes: Mapping[str, int] = attrs.field(factory=dict)
    """Who is banned, or muted, and until when: milliseconds since 1970 UTC, or `FOR_EVER`."""
    mode: Mode = OPEN
    quiet_until_ms: int = 0
    """Until then the server is quiet: nobody new comes, and who came lately does not write."""
    knocking: frozenset[str] = frozenset()
    """Those who wait to be let into the server."""
    reasons: Mapping[str, str] = attrs.field(factory=dict)
    """Why people are banned, where it was said."""

    def is_banned(self, person: str, at_ms: int) -> bool:
        """Whether the person is banned at this moment."""
        return at_ms < self.bans.get(person, 0)

    def refused(self, person: str) -> Refused:
        """What somebody who is banned is told: until when, and why, if that was said."""
        return banned("this server", ends_ms=self.bans[person], reason=self.reasons.get(person, ""))

    def is_muted(self, person: str, at_ms: int) -> bool:
        """Whether the person is muted everywhere at this moment."""
        return at_ms < self.mutes.get(person, 0)

    def is_quiet(self, at_ms: int) -> bool:
        """Whether the server is quiet at this moment."""
        return at_ms < self.quiet_until_ms

    def limits_newcomers(self, at_ms: int) -> bool:
        """Whether not everybody who has come may write as the others do."""
        return self.mode in (PROBATION, KNOCKING) or bool(self.knocking) or self.is_quiet(at_ms)

    def limits_writing(self, at_ms: int) -> bool:
        """Whether not everybody may write as they like at this moment."""
        return bool(self.bans or self.mutes) or self.limits_newcomers(at_ms)


NEW_MS: Final = DAY_MS
"""So long after they came people are new."""


def is_known(person: str, known_ms: int | None, server: Server, at_ms: int, *, for_ms: int = NEW_MS) -> bool:
    """Whether the person is known for so long, was looked at, or has a role (`trio_chat.kinds.newcomers`)."""
    return person in server.roles or (known_ms is not None and at_ms - known_ms >= for_ms)


FOR_EVER: Final = 2**53
"""When ends what has no end. (Programs in JavaScript can tell it exactly.)"""


# -- who may write now --


def check_allowed(person: str, allowed: Allowed, facts: Facts) -> None:
    """Raises `Refused` (``not_yours``) unless the room's policy allows something to this person, who is a member."""
    if allowed == "moderators":
        check_rank(person, facts)


def check_not_restricted(sender: str, facts: Facts, at_ms: int, *, is_silenced: bool) -> None:
    """Raises `Refused` (``banned``, ``muted``) if the sender is banned, or muted and wants to write what muted people
    may not (``is_silenced``)."""
    if facts.server.is_banned(sender, at_ms):
        raise facts.server.refused(sender)
    if facts.is_restricted(BAN, sender, at_ms):
        raise banned("this room")
    if is_silenced and (facts.server.is_muted(sender, at_ms) or facts.is_restricted(MUTE, sender, at_ms)):
        raise muted()


def check_may_write_message(sender: str, facts: Facts, at_ms: int) -> None:
    """Raises `Refused` (``announcements``, ``slow``) if the room's policy lets the sender write no message now."""
    policy = facts.policy
    if not policy.limits_writing or rank(sender, facts) >= MODERATES:
        return
    if policy.writers == "moderators":
        raise announcements()
    wait_ms = facts.last_message_ms(sender) + policy.slow_s * 1000 - at_ms
    if wait_ms > 0:
        wait_s = -(-wait_ms // 1000)
        raise Refused("slow", f"This room is slow: wait {wait_s} seconds.", retry_after_s=wait_s)


def announcements() -> Refused:
    """Why no message is taken from who does not moderate a room in which only moderators write."""
    return Refused("announcements", "Only moderators write here. You can read, and react.")


def muted() -> Refused:
    """Why nothing is taken from who is muted."""
    return Refused("muted", "A moderator has muted you. You can read, but not write for now.")


def banned(where: str, *, ends_ms: int = FOR_EVER, reason: str = "") -> Refused:
    """Why nothing is taken from, or told to, who is banned."""
    until = "" if ends_ms >= END_MS else f" until {timestamp(ends_ms)[:16].replace('T', ' ')} UTC"
    why = f": {reason}" if reason else ""
    end = "" if reason.endswith((".", "!", "?", "…")) else "."
    return Refused("banned", f"A moderator has removed you from {where}{until}{why}{end}")


BAN: Final = "ban"
MUTE: Final = "mute"
"""The kinds of restrictions, which are the kinds of the events that begin and end them."""
