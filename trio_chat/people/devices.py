"""Devices: what a person is logged in on. Each has a token of its own, got from a name, a device code or the recovery
code, and can be logged out.

**Tokens are replaced.** Who asks for it is given a new token once theirs is older than `TOKEN_LIFE_MS`, so that one
which was stolen or forgotten somewhere does not work for ever. Nobody must be locked out by that:

- The answer may be lost, and several tabs may ask at once: so the next token follows from the one before and a
  secret of the log, and everybody who asks with the old one is told the same.
- A device may lose what it has just saved (browsers write it out later): so the old token works until the new one is
  used `SETTLE_MS` or more after it was issued.
- A backup may be restored: so clients keep the token before the present one.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from trio_chat.errors import Refused, StoreError
from trio_chat.model.records import Device
from trio_chat.model.texts import normal_line
from trio_chat.model.times import DAY_MS, HOUR_MS
from trio_chat.model.tokens import hash_of
from trio_chat.people.device_codes import DeviceCodes, Guesses, normal_code, random_code
from trio_chat.store.node_messages import DevicesLoggedOut

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from random import Random

    from trio_chat.model.events import Person
    from trio_chat.model.records import Login, Profile, ServerIdentity
    from trio_chat.store.base import Store

TOKEN_BYTES: Final = 32
"""256 bits: cannot be guessed. The store keeps only its SHA-256, which is enough for something that random."""

TOKEN_LIFE_MS: Final = 30 * DAY_MS
"""The age from which a token is replaced: long enough that it happens seldom, short enough for a shared computer."""

SETTLE_MS: Final = HOUR_MS
USE_NOTED_MS: Final = HOUR_MS
"""How exactly it is known when a device was last used: each noting is a write."""

MAX_DEVICES: Final = 50
"""Devices of one person. One more takes the place of the one that was not used for longest."""

RECOVERY_CHARS: Final = 25
"""Characters of a recovery code: 114 bits. As that cannot be guessed either, its SHA-256 is enough."""
RECOVERY_GROUP: Final = 5


class Devices:
    """Devices of people, and the codes by which another one becomes the same person's.

    ``on_logged_out`` is told, at once, the person and the ids of devices that were logged out. Sync, and it must not
    raise.
    """

    def __init__(
        self,
        store: Store,
        server: ServerIdentity,
        *,
        now_ms: Callable[[], int],
        on_logged_out: Callable[[str, Collection[str]], object],
        rng: Random | None = None,
    ) -> None:
        self._store = store
        self._server = server
        self._now_ms = now_ms
        self._on_logged_out = on_logged_out
        self._rng = rng or secrets.SystemRandom()
        self._guesses = Guesses(store, server, now_ms=now_ms)
        self._codes = DeviceCodes(store, self._guesses, self._rng, now_ms=now_ms)
        self._logging_in: list[set[str]] = []

    # -- logging in --

    @contextmanager
    def logging_in(self) -> Iterator[set[str]]:
        """The ids of the devices that are logged out while the block lasts: of those, nobody may be logged in in it."""
        logged_out: set[str] = set()
        self._logging_in.append(logged_out)
        try:
            yield logged_out
        finally:
            self._logging_in = [other for other in self._logging_in if other is not logged_out]

    async def authenticate(self, token: str) -> Login:
        """What this token stands for. Raises `Refused` (``unknown_token``) if nobody has it."""
        login = await self._store.find_login(hash_of(token))
        if login is None:
            raise self.unknown_token()
        return login

    def unknown_token(self, server_id: str | None = None) -> Refused:
        """Why a token is refused that is nobody's; ``server_id`` is that of the server which it is said to be of."""
        is_other = server_id not in (None, self._server.id)
        refused = Refused(
            "unknown_token",
            "This token is another server's. Here, say hello with a name."
            if is_other
            else "Nobody is known here by this token (any more). Say hello with a name, or a code.",
        )
        refused.server_id = self._server.id
        return refused

    async def note_login(
        self, login: Login, token: str, *, name: str | None = None, may_replace: bool = False
    ) -> str | None:
        """Save that a device logged in, if that is not known already; returns the token that replaces its own, if
        ``may_replace`` and that is due. What cannot be saved is left for the next time."""
        now_ms = self._now_ms()
        age_ms = now_ms - login.issued_ms
        next_token = self._token_after(token) if may_replace and age_ms >= TOKEN_LIFE_MS else None
        is_settled = login.replaces_another and age_ms >= SETTLE_MS
        new_name = name if name is not None and name != login.device.name else None
        is_noted = now_ms - login.device.used_ms < USE_NOTED_MS
        if next_token is None and not is_settled and new_name is None and is_noted:
            return None
        try:
            is_saved = await self._store.use_device(
                hash_of(token),
                now_ms,
                name=new_name,
                next_hash=None if next_token is None else hash_of(next_token),
                is_settled=is_settled,
            )
        except StoreError:
            return None
        return next_token if is_saved else None

    def _token_after(self, token: str) -> str:
        digest = hmac.digest(self._server.token_key, token.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    # -- another device --

    async def make_device_code(self, person: Person) -> str:
        """A device code for this person (`trio_chat.people.device_codes`)."""
        return await self._codes.make(person.id)

    async def add_by_device_code(self, code: str, *, address: str, name: str = "") -> str:
        """The token of a new device of the person of a device code. Raises `Refused` if the code is not valid.

        The code is used up, even when the store cannot save the token.
        """
        return await self._add(await self._codes.redeem(code, address), name)

    async def make_recovery_code(self, person: Person) -> str:
        """A new recovery code, in place of an earlier one, as it is shown to the person."""
        code = random_code(self._rng, RECOVERY_CHARS)
        await self._store.set_recovery_code(person.id, hash_of(code), self._now_ms())
        return "-".join(code[at : at + RECOVERY_GROUP] for at in range(0, len(code), RECOVERY_GROUP))

    async def add_by_recovery_code(self, code: str, *, address: str, name: str = "") -> str:
        """The token of a new device of the person with this recovery code, which stays valid. Raises `Refused`."""
        return await self._add(await self._find_recovery_code(code, address), name)

    async def whose(self, *, device_code: str | None, recovery_code: str | None, address: str) -> Profile:
        """The person of a code, which is not used up. Raises `Refused` if it is not valid, or tried too often."""
        if recovery_code is not None:
            person = await self._find_recovery_code(recovery_code, address)
        else:
            person = await self._codes.peek(device_code or "", address)
        (profile,) = await self._store.people([person])
        return profile

    async def _find_recovery_code(self, code: str, address: str) -> str:
        await self._guesses.charge(address)
        person = await self._store.find_recovery_code(hash_of(normal_code(code)))
        if person is None:
            raise Refused("bad_link", "This recovery code is not good. Only the one made last is.")
        return person

    async def _add(self, person: str, name: str) -> str:
        token, device = new_device(name, self._now_ms())
        removed = await self._store.add_device(
            person, device, token_hash=hash_of(token), max_devices=MAX_DEVICES
        )
        self._tell(person, removed)
        return token

    # -- looking at them --

    async def of_person(self, person: Person) -> tuple[list[Device], int | None]:
        """The person's devices, the one used last first, and when their recovery code was made, if they have one."""
        return await self._store.devices(person.id), await self._store.recovery_code_made(person.id)

    async def log_out(self, person: Person, *, only: str | None = None, but: str | None = None) -> None:
        """Log out ``only`` this device, or all ``but`` this one: their tokens are void, their connections end, and the
        person's device codes are void, since it may have made one.

        Raises `Refused` (``no_such_device``).
        """
        removed = await self._store.remove_devices(person.id, only=only, but=but)
        if only is not None and not removed:
            raise Refused("no_such_device", "This device is logged out already.")
        self._tell(person.id, removed)

    def _tell(self, person: str, devices: Collection[str]) -> None:
        if devices:
            self._store.tell_nodes(DevicesLoggedOut(person, tuple(devices)))
            self.end(person, devices)

    def end(self, person: str, devices: Collection[str]) -> None:
        """Note that devices were logged out, here or at another node: their connections end. Sync."""
        for logged_out in self._logging_in:
            logged_out.update(devices)
        self._on_logged_out(person, devices)


def new_device(name: str, now_ms: int) -> tuple[str, Device]:
    """A new device, and its token."""
    device = Device(f"d-{secrets.token_urlsafe(9)}", name, now_ms, now_ms)
    return secrets.token_urlsafe(TOKEN_BYTES), device


def device_name(said: str | None) -> str | None:
    """The name that a device gives itself, in its normal form. Raises `Refused` (``bad_field``)."""
    return None if said is None else normal_line(said, "bad_field", "The name of a device")
