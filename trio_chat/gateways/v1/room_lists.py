"""Lists of rooms as clients are told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.protocol.event_frames import timestamp, to_frame
from trio_chat.protocol.replies import RoomItem, User

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from trio_chat.model.records import Listing, Profile
    from trio_chat.store.base import Store


async def list_rooms(store: Store, person: str, *, only: str | None = None) -> list[RoomItem]:
    """The rooms in a person's list, the lobby first, then the busiest; or only one of them."""
    return await items(store, await store.listing(person, only=only))


async def items(store: Store, listings: Sequence[Listing]) -> list[RoomItem]:
    """These rooms as they are told, with the people of the conversations of two."""
    others = [listing.other for listing in listings if listing.other is not None]
    profiles = {profile.id: profile for profile in await store.people(others)} if others else {}
    return [
        RoomItem(
            room=listing.room,
            head=listing.position.seq,
            epoch=listing.position.epoch,
            kind=listing.kind,
            title=listing.title,
            topic=listing.topic,
            owner=listing.owner,
            with_=None if listing.other is None else user_of(profiles.get(listing.other), listing.other),
            unread=listing.unread,
            mentions=listing.mentions,
            read=listing.read,
            delivered=listing.delivered,
            members=listing.n_members,
            joined=listing.is_member,
            last=None if listing.last is None else to_frame(listing.last),
            last_edit=None if listing.last_edit is None else to_frame(listing.last_edit),
        )
        for listing in listings
    ]


def user_of(
    profile: Profile | None, person: str, *, here: Container[str] | None = None, role: str | None = None
) -> User:
    """Somebody as others see them; of guests and the forgotten only the id is known.

    ``connected``: the ids of those who are, where it matters when somebody was here last.
    """
    if profile is None:
        return User(person, "", role=role)
    is_here = here is not None and person in here
    seen = None
    if here is not None and not is_here and profile.shows_seen and profile.seen_ms is not None:
        seen = timestamp(profile.seen_ms)
    return User(profile.id, profile.name, profile.colour, profile.picture, seen, here=is_here, role=role)
