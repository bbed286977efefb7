"""Newcomers: who is new on the server, who has to wait outside, and what people may not write while they are new.

Since when somebody is known is a moment in milliseconds since 1970 UTC: when they came; 0 for who was looked at by a
moderator; `NOT_YET` for who came while people knocked, and was not let in; None for guests, who are always new.
Who has a role on the server is never new.

Pure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from trio_chat.errors import Refused, moment_in
from trio_chat.kinds.facts import DIRECT
from trio_chat.kinds.messages import EVERYBODY, Edit, Post
from trio_chat.kinds.moderation import KNOCK
from trio_chat.kinds.roles import ROLE
from trio_chat.kinds.rooms import Created, Settings
from trio_chat.kinds.standing import CLOSED, FOR_EVER, INVITE, KNOCKING, NEW_MS, PROBATION, is_known, muted
from trio_chat.model.links import has_address
from trio_chat.model.times import DAY_MS

if TYPE_CHECKING:
    from typing import Any

    from trio_chat.kinds.facts import Facts
    from trio_chat.kinds.forms import Body
    from trio_chat.kinds.kind import Kind
    from trio_chat.kinds.standing import Server

NOT_YET: Final = FOR_EVER

QUIET_MS: Final = 3 * DAY_MS
"""While the server is quiet, those write who are known for so long."""

_NO_FILES_YET: Final = "You are new here, and cannot send files yet."

PACE_S: Final = 5
"""Who is on probation may write one message in so many seconds, in all rooms together."""


def waits(person: str, known_ms: int | None, server: Server, at_ms: int) -> bool:
    """Whether the person must be let in by a moderator before they hear or write anything."""
    if server.mode == KNOCKING:
        return not is_known(person, known_ms, server, at_ms)
    return server.mode in (INVITE, CLOSED) and known_ms == NOT_YET and person not in server.roles


def limited_until_ms(person: str, known_ms: int | None, server: Server, at_ms: int) -> int | None:
    """Until when the person cannot write as others do, because the server is quiet or they are on probation; None if
    they can. Of a guest on probation: for ever."""
    if server.is_quiet(at_ms) and not is_known(person, known_ms, server, at_ms, for_ms=QUIET_MS):
        return min(server.quiet_until_ms, FOR_EVER if known_ms is None else known_ms + QUIET_MS)
    if server.mode == PROBATION and not is_known(person, known_ms, server, at_ms):
        return FOR_EVER if known_ms is None else known_ms + NEW_MS
    return None


def check_newcomer(sender: str, kind: Kind[Any], body: Body, facts: Facts, at_ms: int) -> None:
    """Raises `Refused` (``waiting``, ``quiet``, ``probation``, ``slow``) if the sender is too new to write this now."""
    server = facts.server
    if not server.limits_newcomers(at_ms) or sender in server.roles:
        return
    known_ms = facts.known_ms(sender)
    if waits(sender, known_ms, server, at_ms):
        if kind.name not in (KNOCK, ROLE):  # their own rules are as strict
            raise waiting()
        return
    until_ms = limited_until_ms(sender, known_ms, server, at_ms)
    if until_ms is None or not kind.is_silenced:
        return
    if server.is_quiet(at_ms):
        raise quiet(until_ms, at_ms)
    _check_probation(sender, kind, body, facts, at_ms, known_ms)


def check_may_upload(person: str, known_ms: int, server: Server, at_ms: int) -> None:
    """Raises `Refused` (``quiet``, ``probation``, ``muted``) if a message with a file would be refused now, in
    whatever room: so that nobody uploads in vain."""
    if server.is_muted(person, at_ms):
        raise muted()
    until_ms = limited_until_ms(person, known_ms, server, at_ms)
    if until_ms is None:
        return
    if server.is_quiet(at_ms):
        raise quiet(until_ms, at_ms)
    raise _probation(_NO_FILES_YET, known_ms, at_ms)


def _check_probation(
    sender: str, kind: Kind[Any], body: Body, facts: Facts, at_ms: int, known_ms: int | None
) -> None:
    if isinstance(body, Post | Edit):
        if has_address(body.text):
            raise _probation("You are new here, and cannot write links yet.", known_ms, at_ms)
        if isinstance(body, Post) and body.files:
            raise _probation(_NO_FILES_YET, known_ms, at_ms)
        if EVERYBODY in body.mentions:
            raise _probation("You are new here, and cannot mention everybody yet.", known_ms, at_ms)
    if isinstance(body, Created | Settings) and has_address(f"{body.title} {body.topic}"):
        raise _probation("You are new here, and cannot write links yet.", known_ms, at_ms)
    if isinstance(body, Created) and body.kind == DIRECT:
        raise _probation("You are new here, and cannot begin conversations yet.", known_ms, at_ms)
    if kind.is_message and known_ms is not None:  # guests are read more slowly instead
        wait_ms = facts.last_message_anywhere_ms(sender) + PACE_S * 1000 - at_ms
        if wait_ms > 0:
            wait_s = math.ceil(wait_ms / 1000)
            raise Refused(
                "slow",
                f"You are new here: write one message in {PACE_S} seconds. Wait {wait_s} seconds.",
                retry_after_s=wait_s,
            )


def _probation(sentence: str, known_ms: int | None, at_ms: int) -> Refused:
    if known_ms is None:
        return Refused("probation", f"{sentence} Come with a name to be known.")
    wait_s = math.ceil((known_ms + NEW_MS - at_ms) / 1000)
    return Refused(
        "probation",
        f"{sentence} It works {moment_in(wait_s)}, or when a moderator has looked at you.",
        retry_after_s=wait_s,
    )


def waiting() -> Refused:
    """Why nothing is taken from who waits to be let in."""
    return Refused(
        "waiting", "A moderator has to let you in. You have knocked; stay here, or come back later."
    )


def quiet(until_ms: int, at_ms: int) -> Refused:
    """Why somebody who came lately cannot write, or come, while the server is quiet."""
    wait_s = math.ceil((until_ms - at_ms) / 1000)
    return Refused(
        "quiet",
        "This server is quiet for a while: only those write who are known here for three days. "
        f"It works again {moment_in(wait_s)}; you can read.",
        retry_after_s=wait_s,
    )
