"""Identities: people, whom the server recognises by a token, and guests, who have only a name."""

from __future__ import annotations

import logging
import random
import secrets
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import trio

from trio_chat.errors import NameTaken, Refused, StoreError
from trio_chat.model.events import Person
from trio_chat.model.lookalikes import name_forms
from trio_chat.model.names import generated_name, normal_name
from trio_chat.model.records import Login
from trio_chat.model.reserved_names import check_not_reserved
from trio_chat.model.tokens import hash_of
from trio_chat.people.devices import new_device

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trio_chat.model.records import Picture, Profile
    from trio_chat.store.base import Store

LOGGER = logging.getLogger(__name__)

CLAIM_S = 180
"""So long the names of guests are kept from the people of other servers over the same store, if this one is gone."""

CLAIMED_AGAIN_S = 60

NAMES_WITHOUT_NUMBER = 3
"""How many generated names are tried before a number is added to make them unique."""


class Identities:
    """Identities of people and guests: registering, naming. Names are unique among all people and
    connected guests."""

    def __init__(self, store: Store, *, now_ms: Callable[[], int], rng: random.Random | None = None) -> None:
        self._store = store
        self._rng = rng or random.SystemRandom()
        self._now_ms = now_ms
        self._node = secrets.token_urlsafe(9)
        self._claimed_forms: set[str] = set()
        """Forms (`name_forms`) of the names that guests have, and of those that are being written to the store."""

    async def register(
        self,
        name: str | None,
        *,
        device_name: str = "",
        known_ms: int | None = None,
        invited_by: str | None = None,
    ) -> tuple[Login, str]:
        """Register a new person under this name, or a generated one; the token of their device, and what it stands for.
        For the rest see `Store.add_person`.

        Raises `Refused` when the name breaks a rule or is taken.
        """
        token, device = new_device(device_name, self._now_ms())
        for attempt in range(100):
            display, key = _requested_name(self._generated(attempt) if name is None else name)
            person = Person(id=f"p-{secrets.token_urlsafe(9)}", name=display)
            try:
                with self._claimed(display, key):
                    await self._store.add_person(
                        person,
                        name_key=key,
                        device=device,
                        token_hash=hash_of(token),
                        known_ms=known_ms,
                        invited_by=invited_by,
                    )
            except NameTaken:
                if name is not None:
                    raise _name_taken(display) from None
            else:
                since_ms = device.created_ms
                login = Login(
                    person,
                    device,
                    since_ms,
                    replaces_another=False,
                    has_recovery=False,
                    known_ms=since_ms if known_ms is None else known_ms,
                )
                return login, token
        raise Refused("name_taken", "No free name could be made up. Choose one yourself.")

    async def rename(self, person: Person, name: str) -> Person:
        """Give a person another name. Raises `Refused` when it breaks a rule or is taken."""
        return (await self.set_profile(person, name=name)).person

    async def set_profile(
        self,
        person: Person,
        *,
        name: str | None = None,
        colour: int | None = None,
        picture: Picture | None = None,
        upload: str = "",
        no_picture: bool = False,
        shows_seen: bool | None = None,
        shows_receipts: bool | None = None,
        shows_typing: bool | None = None,
    ) -> Profile:
        """Change a person's profile; None leaves a field as it is. Raises `Refused` as `rename` and the store do."""
        display, key = (None, None) if name in (None, person.name) else _requested_name(name)
        try:
            with nullcontext() if display is None or key is None else self._claimed(display, key):
                return await self._store.set_profile(
                    person.id,
                    at_ms=self._now_ms(),
                    name=display,
                    name_key=key,
                    colour=colour,
                    picture=picture,
                    upload=upload,
                    no_picture=no_picture,
                    shows_seen=shows_seen,
                    shows_receipts=shows_receipts,
                    shows_typing=shows_typing,
                )
        except NameTaken:
            raise _name_taken(display or "") from None

    async def add_guest(self) -> Person:
        """A guest with a generated name that nobody has, until `remove_guest`. Raises `Refused` if none is free."""
        for attempt in range(100):
            display, key = normal_name(self._generated(attempt))
            forms = name_forms(display, key)
            if not self._claimed_forms.isdisjoint(forms):
                continue
            self._claimed_forms |= forms  # before the checkpoint, so that no other guest gets it
            try:
                now_ms = self._now_ms()
                if await self._store.claim_name(
                    self._node, display, key, at_ms=now_ms, ends_ms=now_ms + CLAIM_S * 1000
                ):
                    return Person(id=f"g-{secrets.token_urlsafe(9)}", name=display)
            except BaseException:
                self._claimed_forms -= forms
                raise
            self._claimed_forms -= forms
        raise Refused("name_taken", "No free name could be made up.")

    def remove_guest(self, guest: Person) -> None:
        """Free the name of a guest who left; on other servers over the same store it is free within a minute."""
        self._claimed_forms -= name_forms(*normal_name(guest.name))

    async def keep_claims(self) -> None:
        """Keep the names of guests from the people of other servers, as long as the guests are here."""
        ends_ms = self._now_ms() + CLAIM_S * 1000
        await self._store.keep_claims(self._node, sorted(self._claimed_forms), ends_ms=ends_ms)

    async def run(self) -> None:
        """Do that again and again, until cancelled."""
        while True:
            await trio.sleep(CLAIMED_AGAIN_S)
            try:
                await self.keep_claims()
            except StoreError as error:
                LOGGER.error("the names of guests could not be kept: %s", error)

    def _generated(self, attempt: int) -> str:
        name = generated_name(self._rng)
        return name if attempt < NAMES_WITHOUT_NUMBER else f"{name} {self._rng.randrange(2, 10_000)}"

    @contextmanager
    def _claimed(self, display: str, key: str) -> Iterator[None]:
        """Reserve a name while it is being written to the store. Raises `NameTaken` if one that looks so is already."""
        forms = name_forms(display, key)
        if not self._claimed_forms.isdisjoint(forms):
            raise NameTaken(display)
        self._claimed_forms |= forms
        try:
            yield
        finally:
            self._claimed_forms -= forms


def _requested_name(raw: str) -> tuple[str, str]:
    """As `normal_name`, for a name that a person asks for."""
    name, key = normal_name(raw)
    check_not_reserved(name)
    return name, key


def _name_taken(display: str) -> Refused:
    return Refused(
        "name_taken",
        f"Somebody is called {display} already, or looks so, or was until lately. Choose another name.",
    )
