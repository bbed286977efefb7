"""Who is who: people the server knows again by a token, and guests of the plain side."""

from __future__ import annotations

import hashlib
import random
import secrets
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import trio

from trio_chat.errors import NameTaken, Refused
from trio_chat.model.events import Person
from trio_chat.model.lookalikes import plain_twin
from trio_chat.model.names import generated_name, normal_name
from trio_chat.people.device_codes import Linking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trio_chat.model.records import Picture, Profile
    from trio_chat.store.base import Store

TOKEN_BYTES = 32
"""256 bits: not to be guessed. The store keeps only its SHA-256, which is enough for something that random."""

PLAIN_NAMES_TRIED = 3
"""How many generated names are tried before one is made unique by a number."""


class Identities:
    """Gives out identities. Names are unique among the people the store knows and the guests who are here."""

    def __init__(self, store: Store, *, now_ms: Callable[[], int], rng: random.Random | None = None) -> None:
        self._store = store
        self._rng = rng or random.SystemRandom()
        self._now_ms = now_ms
        self._linking = Linking(self._rng)
        self._claimed_keys: set[str] = set()
        """The names that guests have, and those that somebody is about to get."""

    async def authenticate(self, token: str) -> Person:
        """Who comes back with this token. Raises `Refused` if nobody does."""
        person = await self._store.find_person(_hash(token))
        if person is None:
            raise Refused("unknown_token", "Nobody is known here by this token. Say hello with a name.")
        return person

    async def register(self, name: str | None) -> tuple[Person, str]:
        """Somebody new, under this name or a generated one, and the token to come back with.

        Raises `Refused` when the name breaks a rule or is somebody's.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        for attempt in range(100):
            display, key = normal_name(self._generated(attempt) if name is None else name)
            person = Person(id=f"p-{secrets.token_urlsafe(9)}", name=display)
            try:
                await self._check_no_twin(key, display)
                with self._claimed(key, display):
                    await self._store.add_person(
                        person, name_key=key, token_hash=_hash(token), at_ms=self._now_ms()
                    )
            except NameTaken:
                if name is not None:
                    raise _name_taken(display) from None
            else:
                return person, token
        raise Refused("name_taken", "No free name could be made up. Choose one yourself.")

    async def rename(self, person: Person, name: str) -> Person:
        """Give a person another name. Raises `Refused` when it breaks a rule or is somebody's."""
        return person_of(await self.set_profile(person, name=name))

    async def set_profile(
        self,
        person: Person,
        *,
        name: str | None = None,
        colour: int | None = None,
        picture: Picture | None = None,
        no_picture: bool = False,
        shows_seen: bool | None = None,
    ) -> Profile:
        """Show a person like this; what is None stays. Raises `Refused` as `rename` does, and then nothing changed."""
        display, key = (None, None) if name is None else normal_name(name)
        try:
            if display is not None and key is not None:
                await self._check_no_twin(key, display)
            with nullcontext() if display is None or key is None else self._claimed(key, display):
                return await self._store.set_profile(
                    person.id,
                    name=display,
                    name_key=key,
                    colour=colour,
                    picture=picture,
                    no_picture=no_picture,
                    shows_seen=shows_seen,
                )
        except NameTaken:
            raise _name_taken(display or "") from None

    async def _check_no_twin(self, key: str, display: str) -> None:
        """Raises `NameTaken` if somebody's name looks the same in plain letters, and this one is not of those."""
        twin = plain_twin(key)
        if twin != key and (twin in self._claimed_keys or await self._store.is_name_known(twin)):
            raise NameTaken(display)

    def make_link(self, person: Person) -> str:
        """A code by which another device becomes this person's (`trio_chat.people.device_codes`)."""
        return self._linking.make(person.id, trio.current_time())

    async def authenticate_by_code(self, code: str) -> tuple[Person, str]:
        """Whose code this is, and a new token to come back with. Raises `Refused` if it is nobody's.

        The code is used up, even when the store cannot keep the token.
        """
        person_id = self._linking.use(code, trio.current_time())
        token = secrets.token_urlsafe(TOKEN_BYTES)
        await self._store.add_token(person_id, _hash(token))
        return await self.authenticate(token), token

    async def add_guest(self) -> Person:
        """A guest with a generated name that nobody has; `remove_guest` gives the name back."""
        for attempt in range(100):
            display, key = normal_name(self._generated(attempt))
            if key in self._claimed_keys:
                continue
            self._claimed_keys.add(key)  # before the checkpoint, so that no other guest gets it
            try:
                if not await self._store.is_name_known(key):
                    return Person(id=f"g-{secrets.token_urlsafe(9)}", name=display)
            except BaseException:
                self._claimed_keys.discard(key)
                raise
            self._claimed_keys.discard(key)
        raise Refused("name_taken", "No free name could be made up.")

    def remove_guest(self, guest: Person) -> None:
        """The guest has left."""
        self._claimed_keys.discard(normal_name(guest.name)[1])

    def _generated(self, attempt: int) -> str:
        name = generated_name(self._rng)
        return name if attempt < PLAIN_NAMES_TRIED else f"{name} {self._rng.randrange(2, 10_000)}"

    @contextmanager
    def _claimed(self, key: str, display: str) -> Iterator[None]:
        """Nobody gets this name while it is on its way into the store."""
        if key in self._claimed_keys:
            raise NameTaken(display)
        self._claimed_keys.add(key)
        try:
            yield
        finally:
            self._claimed_keys.discard(key)


def person_of(profile: Profile) -> Person:
    """The person of whom this is known."""
    return Person(profile.id, profile.name, profile.colour, profile.picture)


def _name_taken(display: str) -> Refused:
    return Refused("name_taken", f"Somebody is called {display} already, or looks so. Choose another name.")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
