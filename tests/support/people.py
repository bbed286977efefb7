"""People in a store, with a token and no more said about their devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.model.records import Device

if TYPE_CHECKING:
    from trio_chat.model.events import Person
    from trio_chat.store.base import Store


async def add_person(
    store: Store,
    person: Person,
    *,
    name_key: str,
    token_hash: bytes,
    at_ms: int,
    invited_by: str | None = None,
) -> None:
    """Register a person with a first token."""
    device = Device(f"d-{token_hash.hex()}", "", at_ms, at_ms)
    await store.add_person(
        person, name_key=name_key, device=device, token_hash=token_hash, invited_by=invited_by
    )


async def add_token(store: Store, person_id: str, token_hash: bytes) -> None:
    """Log a person in on one more device."""
    device = Device(f"d-{token_hash.hex()}", "", 1, 1)
    await store.add_device(person_id, device, token_hash=token_hash, max_devices=50)


async def find_person(store: Store, token_hash: bytes) -> Person | None:
    """The person with a token of this hash."""
    login = await store.find_login(token_hash)
    return None if login is None else login.person
