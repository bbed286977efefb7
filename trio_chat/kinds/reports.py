"""Reports of messages and people to those who run the server, and what moderators did about them.

They stand in the server room. The text that a report brings is deleted when the report is done.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from trio_chat.errors import Refused
from trio_chat.kinds.facts import SERVER, no_such_room
from trio_chat.kinds.forms import Body, ChangeFrame
from trio_chat.kinds.kind import Kind, Writers, takes_away
from trio_chat.kinds.standing import check_rank, is_known

if TYPE_CHECKING:
    from trio_chat.kinds.facts import Facts

REPORT: Final = "report"
RESOLVE: Final = "resolve"
WIPE: Final = "wipe"

MAX_OPEN_REPORTS: Final = 1_000
"""So many reports can be open, half of them by newcomers: nobody fills the moderators' queue without end, or alone."""

MAX_WHY_CHARS: Final = 500

State = Literal["taken", "open", "done"]


# -- reports --


class Report(Body, frozen=True):
    """The sender reports a person, because of a message that they wrote, or not."""

    person: str
    room: str | None = None
    """The room of the message."""
    target: int | None = None
    """Its number there."""
    text: str = ""
    """What it said then."""
    why: str = ""


class ReportFrame(ChangeFrame, tag="report", kw_only=True):
    """Somebody reports a person, perhaps because of message ``target`` of the room ``of``."""

    person: str = ""
    of: str | None = None
    target: int | None = None
    text: str = ""
    why: str = ""
    deleted: bool = False
    """The report is done, and what it said is gone."""


def check_report(sender: str, body: Report, facts: Facts, at_ms: int) -> None:
    """Everybody reports to the server room, but themselves, and not without end."""
    if facts.kind != SERVER:
        raise no_such_room()
    if body.person == sender:
        raise Refused("not_yours", "That is you.")
    limit = MAX_OPEN_REPORTS
    if not is_known(sender, facts.known_ms(sender), facts.server, at_ms):
        limit //= 2  # whoever comes by the hundred leaves places to those who are known
    if len(facts.open_reports()) >= limit:
        raise Refused("too_many", "Those who run this server have too much to look at. Try again later.")


# -- what is done about them --


class Resolve(Body, frozen=True):
    """A moderator looks after report ``target`` (``taken``), leaves it to others again (``open``), or has done with it
    (``done``)."""

    target: int
    state: str
    how: str = ""
    """What was done, in words."""
    person: str = ""
    """Whom the report was about."""


class ResolveFrame(ChangeFrame, tag="resolve", kw_only=True):
    """A moderator has taken report ``target``, left it to others again, or is done with it."""

    target: int
    state: str
    how: str = ""
    person: str = ""


def check_resolve(sender: str, body: Resolve, facts: Facts, at_ms: int) -> None:
    """Those who run the server look after open reports."""
    if facts.kind != SERVER:
        raise no_such_room()
    check_rank(sender, facts)
    if body.target not in facts.open_reports():
        raise Refused("no_such_report", "This report is done already, or there is none of this number.")


# -- wiping --


class Wipe(Body, frozen=True):
    """A moderator has deleted messages of a person in the room; in the server room: in all public rooms."""

    person: str
    n: int
    """How many, by this command."""
    since_ms: int | None = None
    """Only those that were written since then."""


class WipeFrame(ChangeFrame, tag="wipe", kw_only=True):
    """A moderator has deleted ``n`` messages of a person."""

    person: str
    n: int


def check_wipe(sender: str, body: Wipe, facts: Facts, at_ms: int) -> None:
    """Moderators say what they have wiped. (The deletions themselves are judged one by one.)"""
    check_rank(sender, facts)


KINDS: Final = (
    Kind(
        name=REPORT,
        body=Report,
        frame=ReportFrame,
        fields=lambda body: {
            "person": body.person,
            "of": body.room,
            "target": body.target,
            "text": body.text,
            "why": body.why,
        },
        deleted={"deleted": True},
        written_by=Writers.ANYBODY,
        check=check_report,
        is_silenced=False,
    ),
    Kind(
        name=RESOLVE,
        body=Resolve,
        frame=ResolveFrame,
        check=check_resolve,
        change_key=lambda sender, body: (body.target, "delete" if body.state == "done" else "take"),
        needs_no_space=takes_away,
    ),
    Kind(
        name=WIPE,
        body=Wipe,
        frame=WipeFrame,
        check=check_wipe,
        needs_no_space=takes_away,
    ),
)
