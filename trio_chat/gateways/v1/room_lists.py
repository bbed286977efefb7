"""Lists of rooms, and people, in the words of v1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import trio

from trio_chat.kinds.forms import end_of
from trio_chat.kinds.messages import EditFrame, MessageFrame
from trio_chat.kinds.standing import MEMBER
from trio_chat.protocol.event_frames import EventFrame, to_frame
from trio_chat.protocol.parts import RoomItem, User

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.model.events import Event
    from trio_chat.model.records import Listing, Profile
    from trio_chat.store.base import Store

LISTED_AT_ONCE = 100
"""Others are served after so many rooms."""

PREVIEW_CHARS = 200
PREVIEW_MENTIONS = 10


async def list_rooms(store: Store, person: str, *, only: str | None = None) -> list[RoomItem]:
    """The rooms in a person's list, the lobby first, then the busiest; or only one of them. Raises `StoreError`."""
    return await items_of(store, await store.listing(person, only=only))


async def items_of(store: Store, listings: Sequence[Listing]) -> list[RoomItem]:
    """These rooms as items, with the other people of direct rooms. Raises `StoreError`."""
    others = [listing.other for listing in listings if listing.other is not None]
    profiles = {profile.id: profile for profile in await store.people(others)} if others else {}
    items: list[RoomItem] = []
    for listing in listings:
        if len(items) % LISTED_AT_ONCE == LISTED_AT_ONCE - 1:
            await trio.lowlevel.checkpoint()
        items.append(item_of(listing, profiles.get(listing.other or "")))
    return items


def item_of(listing: Listing, other: Profile | None) -> RoomItem:
    """A room as an item of a list; ``other`` is the other person of a direct room, as far as known."""
    return RoomItem(
        room=listing.room,
        head=listing.position.seq,
        epoch=listing.position.epoch,
        kind=listing.kind,
        title=listing.title,
        topic=listing.topic,
        owner=listing.owner,
        with_=None if listing.other is None else user_of(other, listing.other),
        unread=listing.unread,
        mentions=listing.mentions,
        read=listing.read,
        delivered=listing.delivered,
        members=listing.n_members,
        joined=listing.is_member,
        role=None if listing.role == MEMBER else listing.role,
        policy=listing.policy,
        muted_until=end_of(listing.muted_ms),
        last=_preview(listing.last),
        last_edit=_preview(listing.last_edit),
    )


def _preview(event: Event | None) -> EventFrame | None:
    """What a list tells of a message, or of an edit: the beginning of a long text, and few of many mentions."""
    frame = None if event is None else to_frame(event)
    if not isinstance(frame, MessageFrame | EditFrame):
        return frame
    text = frame.text if len(frame.text) <= PREVIEW_CHARS else frame.text[: PREVIEW_CHARS - 1] + "…"
    return msgspec.structs.replace(frame, text=text, mentions=frame.mentions[:PREVIEW_MENTIONS])


def user_of(profile: Profile | None, person: str) -> User:
    """A person's name and looks; of guests and the forgotten only the id is known."""
    if profile is None:
        return User(person, "")
    return User(profile.id, profile.name, profile.colour, profile.picture)
