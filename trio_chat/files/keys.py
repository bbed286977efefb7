"""Who asks for a file: by the token of a device, or by the key that follows from it and stands in a browser's cookie.

Pictures, sound and what a browser fetches in ranges come without fields of our own, so there has to be a cookie. It
holds no token: who got it could read files and do nothing else. All tabs of a device make the same one, and it goes
with the token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

import attrs

from trio_chat.errors import Refused
from trio_chat.model.tokens import hash_of

if TYPE_CHECKING:
    from trio_chat.model.records import Login
    from trio_chat.moderation.door import Door
    from trio_chat.net.credentials import Credentials
    from trio_chat.store.base import Store

_PURPOSE = b"trio-chat files"


class Keys:
    """Finds out who asks."""

    def __init__(self, store: Store, door: Door) -> None:
        self._store = store
        self._door = door

    async def key_of(self, shown: Credentials) -> str:
        """The key that follows from a device's token; it works from now on. Raises `Refused` as `login` does."""
        await self.login(attrs.evolve(shown, key=None))
        assert shown.token is not None
        key = hmac.digest(shown.token.encode(), _PURPOSE, "sha256")
        key_hash = hashlib.sha256(key).digest()
        if (
            await self._store.find_file_key(key_hash) is None
        ):  # each page asks: mostly there is nothing to write
            await self._store.keep_file_key(hash_of(shown.token), key_hash)
        return base64.urlsafe_b64encode(key).rstrip(b"=").decode()

    async def login(self, shown: Credentials) -> Login:
        """Who asks. Raises `Refused` (``unknown_token``, ``banned``, ``waiting``) for whoever may have nothing now."""
        login = await self._find(shown)
        if login is None:
            raise Refused("unknown_token", "Nobody is known here by this token (any more).")
        self._door.check_person(login.person.id, login.known_ms, shown.address)
        if self._door.waits(login.person.id, login.known_ms):
            raise Refused("waiting", "You hear and write nothing here until a moderator has let you in.")
        return login

    async def check_address(self, person: str, address: str) -> None:
        """Raises `Refused` (``banned``) if this person may not come from this address. `login` asks the same: this is
        for requests that show nothing but the id of an upload."""
        try:
            self._door.check_address(address)
        except Refused:
            known_ms = await self._store.known_ms([person])
            self._door.check_person(person, known_ms.get(person, 0), address)

    async def _find(self, shown: Credentials) -> Login | None:
        if shown.token is not None:
            return await self._store.find_login(hash_of(shown.token))
        if shown.key is not None:
            try:
                key = base64.urlsafe_b64decode(shown.key + "=")
            except ValueError:
                return None
            return await self._store.find_file_key(hashlib.sha256(key).digest())
        return None
