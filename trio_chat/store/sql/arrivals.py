"""What somebody needs who has logged in, as one question: six of them took as many hops into the thread that reads, and
over PostgreSQL more round trips. Synchronous."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.kinds.facts import PUBLIC, personal_room
from trio_chat.model.records import Arrival, ArrivalLists, ListedRooms
from trio_chat.store.sql import list_changes
from trio_chat.store.sql.changes import personal
from trio_chat.store.sql.files import files_left
from trio_chat.store.sql.people import blocks, people
from trio_chat.store.sql.read_markers import reached
from trio_chat.store.sql.rooms import listing, requests

if TYPE_CHECKING:
    from trio_chat.model.files import FileLimits
    from trio_chat.model.records import Listing
    from trio_chat.store.sql.connection import Connection


def arrival(
    connection: Connection,
    person: str,
    *,
    with_lists: bool,
    since: str | None = None,
    few: int,
    own_events: int,
    limits: FileLimits,
) -> Arrival:
    """See `Store.arrival`."""
    with connection.snapshot():
        lists = None
        if with_lists:
            number = None if since is None else list_changes.changes_since(connection, person, since)
            lists = ArrivalLists(
                list_changes.stamp(connection, person),
                listed(connection, person, since=number, few=few),
                requests(connection, person),
                None
                if _is_own_known(connection, person, number)
                else personal(connection, person, limit=own_events),
                is_whole=number is None,
            )
        return Arrival(blocks(connection, person), files_left(connection, person, limits), lists)


def _is_own_known(connection: Connection, person: str, number: int | None) -> bool:
    """Whether nothing was written to the person's own room behind this number."""
    if number is None:
        return False
    changed = connection.execute("SELECT changed FROM rooms WHERE name = ?", (personal_room(person),)).get
    return changed is None or changed <= number


def listed(
    connection: Connection, person: str, *, only: str | None = None, since: int | None = None, few: int
) -> ListedRooms:
    """See `Store.listed`; ``since``: see `listing`."""
    with connection.snapshot():
        rooms = listing(connection, person, only=only, since=since)
        others = [room.other for room in rooms if room.other is not None]
        places = [(room.room, room.last.seq) for room in rooms if room.last and _tells(room, person, few)]
        return ListedRooms(
            rooms,
            people(connection, others) if others else [],
            reached(connection, places, person=person) if places else [],
        )


def _tells(room: Listing, person: str, few: int) -> bool:
    """Whether the list tells who has received the newest message."""
    is_own = room.last is not None and room.last.sender == person
    return is_own and room.kind != PUBLIC and room.n_members <= few
