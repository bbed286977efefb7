"""Album: the messages of a room that have pictures, files or links, newest first. Synchronous, over any connection.

Pictures and files are looked up in the table `files`, from which a deletion takes them. Links are found by the search
(`trio_chat.store.sql.search`), whose index has them.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import partial
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from trio_chat.kinds.files import AUDIO, FILE, IMAGE, VIDEO
from trio_chat.model.records import AlbumPage
from trio_chat.search.query import Query
from trio_chat.store.sql.batches import to_json
from trio_chat.store.sql.history import events_at, find_room_id
from trio_chat.store.sql.search import find_before
from trio_chat.store.sql.search_candidates import LAST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trio_chat.kinds.files import Album
    from trio_chat.store.sql.connection import Connection

_KINDS: Final[dict[Album, tuple[str, ...]]] = {"pictures": (IMAGE, VIDEO), "files": (AUDIO, FILE)}
"""Of which kind one of a message's files is."""

_LINKS: Final = Query(has=frozenset({"link"}))


def album(
    connection: Connection, room: str, only: Album, *, before: int, limit: int, max_bytes: int
) -> AlbumPage:
    """See `Store.album`."""
    with connection.snapshot():
        room_id = find_room_id(connection, room)
        if room_id is None:
            return AlbumPage([], None)
        if only == "links":
            found, following = _with_links(connection, room, room_id, before, limit)
        else:
            found, following = _with_files(connection, room_id, _KINDS[only], before, limit)
        fitting = _fitting(connection, room_id, found, max_bytes)
        if len(fitting) < len(found):
            following = fitting[-1]
        return AlbumPage(events_at(connection, [(room, room_id, seq) for seq in fitting]), following)


def _with_files(
    connection: Connection, room_id: int, kinds: Sequence[str], before: int, limit: int
) -> tuple[list[int], int | None]:
    """Numbers of messages with files of these kinds, newest first, and before which number there are more."""
    of_each: Iterator[list[Any]] = (
        connection.execute(
            "SELECT DISTINCT seq FROM files WHERE room_id = ? AND kind = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
            (room_id, kind, before, limit + 1),
        ).fetchall()
        for kind in kinds
    )
    seqs = dict.fromkeys(seq for (seq,) in merge(*of_each, reverse=True))
    found = list(islice(seqs, limit))
    return found, found[-1] if len(seqs) > limit else None


def _with_links(
    connection: Connection, room: str, room_id: int, before: int, limit: int
) -> tuple[list[int], int | None]:
    """The same for messages with links."""
    matches = find_before(connection, room, _LINKS, before, limit=limit)
    found = [match.seq for match in matches.found]
    if matches.cursor is None:
        return found, None
    if found and len(found) == limit:
        return found, found[-1]
    number, is_in_room, _ = matches.cursor.partition("@")
    return found, int(number) if is_in_room else _first_from(connection, room_id, int(number), before)


def _first_from(connection: Connection, room_id: int, doc_id: int, before: int) -> int:
    """The first number in the room below which the index has only lower numbers than this: both ascend together."""
    numbers_from = partial(_number_from, connection, room_id)
    return 1 + bisect_left(range(1, before), doc_id, key=numbers_from)


def _number_from(connection: Connection, room_id: int, seq: int) -> int:
    """What number the index has for the first message of the room from this one on."""
    found = connection.execute(
        "SELECT id FROM docs WHERE room_id = ? AND seq >= ? ORDER BY seq LIMIT 1", (room_id, seq)
    ).get
    assert found is None or isinstance(found, int)
    return LAST if found is None else found


def _fitting(connection: Connection, room_id: int, seqs: Sequence[int], max_bytes: int) -> list[int]:
    """The first of these messages whose bodies fit; at least one, if there is any."""
    sizes: dict[int, int] = dict(
        connection.execute(
            f"SELECT seq, coalesce(octet_length(body), 0) FROM events "
            f"WHERE room_id = ? AND seq IN {connection.dialect.ints}",
            (room_id, to_json(list(seqs))),
        )
    )
    fitting: list[int] = []
    for seq in seqs:
        max_bytes -= sizes.get(seq, 0)
        if fitting and max_bytes < 0:
            break
        fitting.append(seq)
    return fitting
