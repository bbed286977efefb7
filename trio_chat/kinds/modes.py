"""Modes: for whom the server is open, the emergency switch, and whom moderators have looked at. Events of the server
room; what follows from them: `trio_chat.kinds.newcomers`.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trio_chat.errors import Refused
from trio_chat.kinds import standing  # noqa: TC001  (msgspec reads it)
from trio_chat.kinds.facts import SERVER
from trio_chat.kinds.forms import END_MS, Body, ChangeFrame, EventCommand, Moment, timestamp, write_body
from trio_chat.kinds.kind import Kind, takes_away
from trio_chat.kinds.roles import PersonId  # noqa: TC001  (msgspec reads it)
from trio_chat.kinds.standing import ADMINISTERS, check_rank
from trio_chat.model.times import DAY_MS

if TYPE_CHECKING:
    from typing import Any

    from trio_chat.kinds.facts import Facts
    from trio_chat.model.events import Person

MODE: Final = "mode"
TRUST: Final = "trust"

MAX_QUIET_MS: Final = DAY_MS
"""The server can be quiet for so long at a time; it is for an emergency, and ends by itself."""


class Mode(Body, frozen=True):
    """The server has this mode now, or is quiet until then; None: as before."""

    mode: standing.Mode | None = None
    quiet_until_ms: int | None = None
    """Milliseconds since 1970 UTC; 0: it is not quiet any more."""


class ModeFrame(ChangeFrame, tag="mode", kw_only=True):
    """The server has this mode now, or is quiet until then, or (``quiet`` false) no longer."""

    mode: str | None = None
    quiet_until: str | None = None
    quiet: bool = True


class ModeCommand(EventCommand, tag="mode"):
    """Give the server another mode, or make it quiet until a moment, or (``quiet`` false) not quiet any more."""

    mode: standing.Mode | None = None
    quiet_until: Moment | None = None
    """A moment and not a duration, as a repeat must say the same."""
    quiet: bool = True

    def event(self, person: Person) -> tuple[str, str]:
        """See `EventCommand`. Raises `Refused` (``bad_field``)."""
        until_ms = None if self.quiet_until is None else int(self.quiet_until.timestamp() * 1000)
        if until_ms is not None and not (self.quiet and 0 < until_ms < END_MS):
            raise Refused("bad_field", "Say a moment to come, as quiet_until, or quiet false.")
        if not self.quiet:
            until_ms = 0
        if self.mode is None and until_ms is None:
            raise Refused("bad_field", "Say a mode, quiet_until, or quiet false.")
        return MODE, write_body(Mode(self.mode, until_ms))


def check_mode(sender: str, body: Mode, facts: Facts, at_ms: int) -> None:
    """Admins choose the mode; moderators can make the server quiet, for a day at most."""
    _check_server_room(facts)
    check_rank(sender, facts)
    if body.mode is not None:
        check_rank(sender, facts, ADMINISTERS)
    if body.quiet_until_ms and not at_ms < body.quiet_until_ms <= at_ms + MAX_QUIET_MS:
        raise Refused(
            "bad_field", "The server can be quiet for a day at most. Say a moment to come, as quiet_until."
        )


def _mode_fields(body: Mode) -> dict[str, Any]:
    until = timestamp(body.quiet_until_ms) if body.quiet_until_ms else None
    return {"mode": body.mode, "quiet_until": until, "quiet": body.quiet_until_ms != 0}


class Trust(Body, frozen=True):
    """The person was looked at and is not new any more, or (``on`` false) is as new as they are."""

    person: str
    on: bool


class TrustFrame(ChangeFrame, tag="trust", kw_only=True):
    """The person was looked at by a moderator, or (``on`` false) this was taken back."""

    person: str
    on: bool


class TrustCommand(EventCommand, tag="trust"):
    """Say that a person was looked at: lets in who waits, and ends their probation; or take that back."""

    person: PersonId
    on: bool = True

    def event(self, person: Person) -> tuple[str, str]:
        """See `EventCommand`."""
        return TRUST, write_body(Trust(self.person, self.on))


def check_trust(sender: str, body: Trust, facts: Facts, at_ms: int) -> None:
    """Moderators of the server look at people."""
    _check_server_room(facts)
    check_rank(sender, facts)
    if not facts.is_known(body.person):
        raise Refused("no_such_person", "There is nobody of this id. (Guests are always new.)")


def _check_server_room(facts: Facts) -> None:
    if facts.kind != SERVER:
        raise Refused("not_yours", "That is decided in the room of those who run the server.")


KINDS: Final = (
    Kind(
        name=MODE,
        body=Mode,
        frame=ModeFrame,
        fields=_mode_fields,
        command=ModeCommand,
        check=check_mode,
        changes_access=True,
        needs_no_space=takes_away,
    ),
    Kind(
        name=TRUST,
        body=Trust,
        frame=TrustFrame,
        command=TrustCommand,
        check=check_trust,
        changes_access=True,
        needs_no_space=takes_away,
    ),
)
