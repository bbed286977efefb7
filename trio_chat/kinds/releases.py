"""Releases of names: the operator has set a name free from the command line. Events of the server room, written by the
server itself.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trio_chat.errors import Refused
from trio_chat.kinds.facts import SERVER, SYSTEM
from trio_chat.kinds.forms import Body, ChangeFrame
from trio_chat.kinds.kind import Kind, takes_away

if TYPE_CHECKING:
    from trio_chat.kinds.facts import Facts

RELEASE: Final = "release"


class Release(Body, frozen=True):
    """The name ``freed`` is free: the person was called so, and is called ``now``; None: they were called so until
    lately, and it is kept for them no longer."""

    person: str
    freed: str
    now: str | None = None


class ReleaseFrame(ChangeFrame, tag="release", kw_only=True):
    """The operator has set a name free, which was this person's."""

    person: str
    freed: str
    now: str | None = None


def check_release(sender: str, body: Release, facts: Facts, at_ms: int) -> None:
    """Only the server says so, of what was done on its machine."""
    if sender != SYSTEM or facts.kind != SERVER:
        raise Refused("not_yours", "Names are set free on the server's machine only.")


KINDS: Final = (
    Kind(
        name=RELEASE,
        body=Release,
        frame=ReleaseFrame,
        check=check_release,
        needs_no_space=takes_away,
    ),
)
