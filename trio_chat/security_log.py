"""The security log: who came, who was refused and why, and what was taken from whom, one line for each.

    trio_chat.security joined person=p-3vH8cYk2 address=192.0.2.7 by=token
    trio_chat.security refused why=host address=192.0.2.7 host=evil.example

Ids, addresses and fixed words, never texts, names or tokens. Whatever a stranger could have chosen is quoted and cut,
so nobody forges a field, or a line.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LOGGER = logging.getLogger("trio_chat.security")

QUIET_S: Final = 60.0
"""After a line about a refusal the next of the same kind, person and address comes only then, with their number."""

MAX_KEYS: Final = 10_000
"""So many such kinds of refusals are known; the oldest is forgotten, and then told again."""

MAX_VALUE_CHARS: Final = 100

_BARE: Final = re.compile(r"[\w.:/~@+-]+", re.ASCII)

DENIED: Final = frozenset({"unknown_token", "bad_link", "bad_invite", "banned", "invite_only", "closed"})
"""Codes of refusals (`trio_chat.errors.Refused`) by which somebody was not let in."""

HINTS: Final = {
    "origin": "let the proxy pass Host on, or name the page with --public-url or --allow-origin",
    "upgrade": "let the proxy pass Upgrade and Connection on",
}
"""What an operator has to mend, where the fault is most often theirs."""

LIMITED: Final = frozenset({"rate_limited", "too_many", "too_many_rooms", "slow", "quota"})
"""Codes of refusals because it was too much."""


class SecurityLog:
    """Writes the lines. All methods are sync; ``address`` is where somebody comes from, as limits count it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._quiet: OrderedDict[tuple[str, ...], tuple[float, int]] = OrderedDict()

    def joined(self, person: str, address: str, *, by: str) -> None:
        """Somebody logged in: ``by`` a ``name`` (as somebody new), a ``token``, a device ``code``, their ``recovery``
        code, or as a ``guest``; the first time in a minute, or whoever comes back all the time would fill the disk."""
        self._write_seldom("joined", person=person, address=address, by=by)

    def refused(
        self,
        why: str,
        address: str,
        *,
        person: str | None = None,
        origin: str | None = None,
        host: str | None = None,
    ) -> None:
        """Somebody was not let in: ``why`` is a code, or ``forwarded``, ``handshake``, ``host``, ``origin``, ``path``,
        ``places``, ``plain``, ``subprotocol``, ``upgrade``."""
        hint = HINTS.get(why)
        self._write_seldom(
            "refused", why=why, address=address, person=person, origin=origin, host=host, hint=hint
        )

    def cut(self, why: str, address: str) -> None:
        """A connection was cut for what it did, or did not do; the first time in a minute."""
        self._write_seldom("cut", why=why, address=address)

    def limited(self, why: str, address: str, *, person: str | None = None) -> None:
        """Somebody did too much; the first time in a minute."""
        self._write_seldom("limited", why=why, address=address, person=person)

    def answered(self, code: str, address: str, *, person: str | None = None) -> None:
        """A command was refused with this code: a line, if it is one of `DENIED` or `LIMITED`."""
        if code in DENIED:
            self.refused(code, address, person=person)
        elif code in LIMITED:
            self.limited(code, address, person=person)

    def token_revoked(self, person: str, *, by: str, device: str) -> None:
        """A device of a person, or ``all others``, was logged out by somebody."""
        _write("token_revoked", person=person, by=by, device=device)

    def banned(
        self, person: str, *, by: str, room: str, is_on: bool = True, until: str | None = None
    ) -> None:
        """Somebody was banned from a room, of which the server room is the whole server, or is no longer."""
        _write("banned" if is_on else "unbanned", person=person, by=by, room=room, until=until)

    def mode_changed(self, mode: str | None, *, by: str, quiet_until: str | None) -> None:
        """The server has another mode, or is quiet until a moment."""
        _write("mode_changed", mode=mode, quiet_until=quiet_until, by=by)

    def address_banned(self, address: str, *, by: str, is_on: bool = True, until: str | None = None) -> None:
        """An address was banned, or is no longer."""
        _write("banned" if is_on else "unbanned", address=address, by=by, until=until)

    def role_changed(self, person: str, role: str, *, by: str, room: str) -> None:
        """Somebody has another role in a room, of which the server room is the whole server."""
        _write("role_changed", person=person, role=role, by=by, room=room)

    def _write_seldom(self, event: str, **fields: str | None) -> None:
        key = (event, *(fields.get(name) or "" for name in ("why", "by", "address", "person")))
        now = self._clock()
        quiet_until, missed = self._quiet.get(key, (0.0, 0))
        if now < quiet_until:
            self._quiet[key] = (quiet_until, missed + 1)
            return
        self._quiet[key] = (now + QUIET_S, 0)
        self._quiet.move_to_end(key)
        if len(self._quiet) > MAX_KEYS:
            self._quiet.popitem(last=False)
        _write(event, **fields, again=str(missed) if missed else None)


def _write(event: str, **fields: str | None) -> None:
    if LOGGER.isEnabledFor(logging.INFO):
        values = (f" {key}={_value(value)}" for key, value in fields.items() if value is not None)
        LOGGER.info("%s%s", event, "".join(values))


def _value(text: str) -> str:
    text = text[:MAX_VALUE_CHARS]
    return text if _BARE.fullmatch(text) else json.dumps(text)
