"""The album of a room: its messages with pictures, files or links, newest first, and never a deleted one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.memory_store import MemoryDisk, MemoryStore, open_memory_store
from tests.support.people import add_person
from trio_chat.kinds.files import file_of
from trio_chat.kinds.forms import Who, write_body
from trio_chat.kinds.messages import DELETE, EDIT, POST, Delete, Edit, Post
from trio_chat.model.events import MESSAGE, Draft, Person
from trio_chat.model.files import FileFacts, FileLimits, Upload
from trio_chat.search.query import parse_query
from trio_chat.store.sql.search_index import index_more

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from trio_chat.kinds.files import Album

ADA = Who("p-ada", "Ada")
BIG = 10**9
LINK = "see https://example.org/"


@pytest.fixture
def disk() -> MemoryDisk:
    return MemoryDisk()


@pytest.fixture
async def store(disk: MemoryDisk) -> AsyncIterator[MemoryStore]:
    async with open_memory_store(disk) as store:
        await add_person(store, Person(ADA.id, ADA.name), name_key="ada", token_hash=b"1", at_ms=1)
        yield store


def draft(kind: str, body: str) -> Draft:
    return Draft(kind, ADA.id, ADA.name, None, body)


async def say(store: MemoryStore, *texts: str, room: str = "lobby", at_ms: int = 1) -> None:
    await store.append(room, [draft(MESSAGE, text) for text in texts], at_ms=at_ms)


async def share(store: MemoryStore, *files: str, text: str = "") -> None:
    """A message with files: each is a media type, with ``!`` for one that is sent as a file, ``~`` for a voice note."""
    uploads: list[Upload] = []
    for media_type in files:
        ids = f"u-{store.statistics().commits}-{media_type}"
        new = Upload(
            ids, ADA.id, "lobby", ids, "kite", 9, as_file="!" in media_type, ms=9 if "~" in media_type else 0
        )
        await store.begin_upload(new, limits=FileLimits(), at_ms=1)
        facts = FileFacts(media_type.strip("!~"), 9)
        finished = await store.finish_upload(ids, blob=f"blob of {ids}", stored_bytes=9, facts=facts)
        assert finished is not None
        uploads.append(finished)
    body = Post(text, files=tuple(map(file_of, uploads)))
    await store.append("lobby", [draft(POST, write_body(body))], at_ms=1)


async def edit(store: MemoryStore, target: int, text: str) -> None:
    await store.append("lobby", [draft(EDIT, write_body(Edit(target, text)))], at_ms=1)


async def delete(store: MemoryStore, target: int) -> None:
    await store.append("lobby", [draft(DELETE, write_body(Delete(target)))], at_ms=1)


def index(disk: MemoryDisk, rooms: Collection[int] | None = None) -> None:
    while index_more(disk.connection, 100, rooms):
        pass


async def pages(
    store: MemoryStore, only: Album, *, limit: int, before: int | None = BIG, max_bytes: int = BIG
) -> list[list[int]]:
    """The numbers on each page, until there are no more."""
    found: list[list[int]] = []
    while before is not None:
        page = await store.album("lobby", only, before=before, limit=limit, max_bytes=max_bytes)
        assert len(page.events) <= limit
        assert page.before is None or page.before < before
        found.append([event.seq for event in page.events])
        before = page.before
    return found


async def test_the_album_of_a_room_without_events_is_empty(store: MemoryStore) -> None:
    for only in ("pictures", "files", "links"):
        assert (await store.album("nowhere", only, before=BIG, limit=9, max_bytes=BIG)).events == []


EXPECTED: dict[Album, list[int]] = {"pictures": [8, 6, 3, 2], "files": [7, 6, 4], "links": [3, 1]}


async def test_messages_with_files_are_in_the_album_of_their_kind(store: MemoryStore) -> None:
    await say(store, LINK)
    await share(store, "image/jpeg")  # 2
    await share(store, "video/mp4", text=LINK)  # 3
    await share(store, "audio/ogg")  # 4
    await share(store, "audio/webm~")  # 5: a voice note, in no album
    await share(store, "application/pdf", "image/png")  # 6
    await share(store, "image/png!")  # 7
    await share(store, "image/gif", "video/webm", "image/gif")  # 8
    await share(store, "image/jpeg")  # 9
    await edit(store, 8, "it has a text now")  # 10
    await delete(store, 9)  # 11
    for limit in (1, 2, 3, 9):
        for only, expected in EXPECTED.items():
            found = await pages(store, only, limit=limit)
            assert [seq for page in found for seq in reversed(page)] == expected
            assert len(found) == -(-len(expected) // limit) or only == "links"
    for before in range(1, 12):
        (page,) = await pages(store, "pictures", limit=9, before=before)
        assert page == [seq for seq in (2, 3, 6, 8) if seq < before]


async def test_a_search_finds_files_by_kind_and_name(store: MemoryStore, disk: MemoryDisk) -> None:
    """The whole way: uploaded, sent, indexed, edited, deleted."""
    await share(store, "image/jpeg")
    await share(store, "video/mp4", text="not in the air")
    for _ in range(2):
        for typed, expected in (("has:image", [1]), ("kite", [2, 1]), ("kite air", [2]), ("has:file", [])):
            results = await store.find(ADA.id, parse_query(typed), room="lobby", limit=9)
            assert [hit.event.seq for hit in results.hits] == expected
        index(disk)
    await edit(store, 1, "in the air")
    await delete(store, 2)
    results = await store.find(ADA.id, parse_query("kite air"), room="lobby", limit=9)
    assert [hit.event.seq for hit in results.hits] == [1]


@pytest.mark.parametrize("indexed", ["all", "half", "none"])
async def test_messages_with_links_come_in_pages_newest_first(
    store: MemoryStore, disk: MemoryDisk, indexed: str
) -> None:
    for number in range(10):
        await say(store, "nothing", LINK, room="elsewhere")
        await say(store, f"{number}", LINK)  # 2, 4, … 20
        if indexed == "half" and number == 4:
            index(disk)
    await edit(store, 4, "no link any more")  # 21
    await edit(store, 3, LINK)  # 22
    await delete(store, 8)  # 23
    if indexed == "all":
        index(disk)
    with_links = [20, 18, 16, 14, 12, 10, 6, 3, 2]
    for limit in (1, 2, 3, 50):
        found = await pages(store, "links", limit=limit)
        assert [seq for page in found for seq in reversed(page)] == with_links
    for before in range(1, 25):
        found = await pages(store, "links", limit=4, before=before)
        assert [seq for page in found for seq in reversed(page)] == [
            seq for seq in with_links if seq < before
        ]


async def test_a_page_is_no_larger_than_is_asked_for(store: MemoryStore) -> None:
    await say(store, *(f"{LINK} {'x' * 1_000}" for _ in range(5)))
    assert await pages(store, "links", limit=9, max_bytes=2_500) == [[4, 5], [2, 3], [1]]
    assert await pages(store, "links", limit=9, max_bytes=1) == [[5], [4], [3], [2], [1]]


async def test_a_page_without_any_says_where_to_go_on(
    store: MemoryStore, disk: MemoryDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when nearly all messages are in this room, and nearly all links in others."""
    monkeypatch.setattr("trio_chat.store.sql.search.STEPS", ((4, 4),))
    monkeypatch.setattr("trio_chat.store.sql.search_candidates.SHARE_LOOKED_UP", 0)
    for at_ms in range(3):
        await say(store, LINK, at_ms=3 * at_ms)
        await say(store, *[LINK] * 6, room="elsewhere", at_ms=3 * at_ms + 1)
        await say(store, "1", "2", "3", at_ms=3 * at_ms + 2)
    index(disk)
    found = await pages(store, "links", limit=9)
    assert [page for page in found if page] == [[9], [5], [1]]
    assert len(found) > 3


async def test_an_album_has_no_text_that_was_not_written(store: MemoryStore, disk: MemoryDisk) -> None:
    await say(store, LINK, LINK)
    disk.connection.execute("UPDATE events SET name = 'Eve' WHERE seq = 1")
    page = await store.album("lobby", "links", before=BIG, limit=9, max_bytes=BIG)
    assert [event.body for event in page.events] == [None, LINK]
