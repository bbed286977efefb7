"""Lists of rooms, and people, in the words of v1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import trio

from trio_chat.kinds.files import FileItem, VoiceItem
from trio_chat.kinds.forms import end_of, timestamp
from trio_chat.kinds.messages import EditFrame, MessageFrame
from trio_chat.kinds.standing import MEMBER
from trio_chat.presence.read_markers import FEW
from trio_chat.protocol.event_frames import EventFrame, to_frame
from trio_chat.protocol.parts import MarkOf, RoomItem, User

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trio_chat.model.events import Event
    from trio_chat.model.records import ListedRooms, Listing, Profile, ReadMarker
    from trio_chat.store.base import Store

LISTED_AT_ONCE = 100
"""Others are served after so many rooms."""

PREVIEW_CHARS = 200
PREVIEW_MENTIONS = 10


async def list_rooms(store: Store, person: str, *, only: str | None = None) -> list[RoomItem]:
    """The rooms in the list of a person, the lobby first, then the busiest; or only one of them.

    Raises `StoreError`."""
    return await tell_rooms(await store.listed(person, only=only, few=FEW))


async def tell_rooms(listed: ListedRooms) -> list[RoomItem]:
    """These rooms of the list of a person."""
    items = await _items(listed.rooms, listed.others)
    marks: dict[str, list[ReadMarker]] = {}
    for marker in listed.markers:
        marks.setdefault(marker.room, []).append(marker)
    return [
        msgspec.structs.replace(item, marks=marks_of(marks[item.room])) if item.room in marks else item
        for item in items
    ]


def marks_of(markers: Iterable[ReadMarker]) -> tuple[MarkOf, ...]:
    """Read markers, in the words of v1: marks."""
    return tuple(MarkOf(marker.person, marker.delivered, marker.read) for marker in markers)


async def items_of(store: Store, listings: Sequence[Listing]) -> list[RoomItem]:
    """These rooms as items, with the other people of direct rooms. Raises `StoreError`."""
    others = [listing.other for listing in listings if listing.other is not None]
    return await _items(listings, await store.people(others) if others else ())


async def _items(listings: Iterable[Listing], others: Iterable[Profile]) -> list[RoomItem]:
    profiles = {profile.id: profile for profile in others}
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
        picture=listing.picture,
        active=timestamp(listing.newest_ms) if listing.newest_ms else None,
    )


def _preview(event: Event | None) -> EventFrame | None:
    """What a list tells of a message, or of an edit: the beginning of a long text, few of many mentions, and what its
    files are."""
    frame = None if event is None else to_frame(event)
    if not isinstance(frame, MessageFrame | EditFrame):
        return frame
    text = frame.text if len(frame.text) <= PREVIEW_CHARS else frame.text[: PREVIEW_CHARS - 1] + "…"
    short = msgspec.structs.replace(frame, text=text, mentions=frame.mentions[:PREVIEW_MENTIONS])
    if isinstance(short, MessageFrame) and short.files:
        return msgspec.structs.replace(short, files=tuple(map(_named, short.files)))
    return short


def _named(file: FileItem) -> FileItem:
    """What a file is, without what it looks and sounds like."""
    voice = None if file.voice is None else VoiceItem(file.voice.ms, "")
    return msgspec.structs.replace(file, blur="", previews=(), voice=voice, alt="")


def user_of(profile: Profile | None, person: str) -> User:
    """A person's name and looks; of guests and the forgotten only the id is known."""
    if profile is None:
        return User(person, "")
    return User(profile.id, profile.name, profile.colour, profile.picture)
