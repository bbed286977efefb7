"""Pictures of rooms and people that are files: one each, counted, and gone with the next one. Asked of every store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.people import add_person
from trio_chat.errors import Refused
from trio_chat.kinds.facts import personal_room
from trio_chat.kinds.files import file_of
from trio_chat.kinds.forms import Body, Who, write_body
from trio_chat.kinds.messages import Post
from trio_chat.kinds.personal import Star
from trio_chat.kinds.rooms import Created, Settings
from trio_chat.media.job import PICTURE_SIZES
from trio_chat.model.events import Draft, Event, Person
from trio_chat.model.files import FileFacts, FileLimits, Upload, picture_name
from trio_chat.model.outcomes import Denied, Repeat
from trio_chat.model.records import Picture

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from typing import TypeAlias

    from trio_chat.model.outcomes import Outcome
    from trio_chat.store.base import Store

    OpenStore: TypeAlias = Callable[[], AbstractAsyncContextManager[Store]]

ADA, BOB, CLUB = "p-ada", "p-bob", "~club"
KITE, BOAT = "a" * 64, "b" * 64
WEBP = FileFacts("image/webp", 900, 640, 640, "", PICTURE_SIZES)


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[Store]:
    async with open_store() as store:
        for person in (ADA, BOB):
            await add_person(
                store, Person(person, person), name_key=person, token_hash=person.encode(), at_ms=1
            )
        created = Created("private", "Club", members=(Who(ADA, ADA), Who(BOB, BOB)))
        assert isinstance(await write(store, "created", created), Event)
        yield store


async def picture(
    store: Store, n: int, blob: str = KITE, *, room: str = CLUB, person: str = ADA, is_picture: bool = True
) -> str:
    """The id of an upload that is to be a picture, and is finished."""
    wanted = Upload(f"u-{n}", person, room, f"c{n}", "picture", 1000, is_picture=is_picture)
    begun = await store.begin_upload(wanted, limits=FileLimits(), at_ms=5)
    assert begun.is_picture == is_picture
    assert await store.finish_upload(begun.id, blob=blob, stored_bytes=950, facts=WEBP)
    return begun.id


async def write(
    store: Store, kind: str, body: Body, *, room: str = CLUB, person: str = ADA, client_id: str | None = None
) -> Outcome:
    (outcome,) = await store.append(room, [Draft(kind, person, person, client_id, write_body(body))], at_ms=9)
    return outcome


async def show(store: Store, upload: str, *, client_id: str | None = None) -> int:
    """The number of the event by which this is the room's picture; empty: none is."""
    outcome = await write(store, "settings", Settings(picture=upload), client_id=client_id)
    assert isinstance(outcome, Event), outcome
    return outcome.seq


async def refused(store: Store, upload: str, *, person: str = ADA) -> str:
    with pytest.raises(Refused) as refusal:
        await store.set_profile(person, at_ms=9, upload=upload)
    return refusal.value.code


# --- of rooms ---


async def test_the_picture_of_a_room_is_a_file_of_the_event_that_sets_it(store: Store) -> None:
    assert (await store.state(CLUB)).picture is None
    seq = await show(store, await picture(store, 1))
    assert (await store.state(CLUB)).picture == seq
    assert [one.picture for one in await store.listing(BOB, only=CLUB)] == [seq]
    found = await store.find_file(CLUB, seq, 0)
    assert found is not None
    assert (found.blob, found.is_picture, found.file.media_type) == (KITE, True, "image/webp")
    assert found.file.previews == PICTURE_SIZES
    assert await store.find_file(CLUB, seq, 1) is None
    page = await store.album(CLUB, "pictures", before=99, limit=9, max_bytes=10**6)
    assert page.events == [], "it is in no message"


async def test_another_picture_or_none_takes_the_place_of_the_first(store: Store) -> None:
    first = await show(store, await picture(store, 1, KITE))
    second = await show(store, await picture(store, 2, BOAT))
    assert (await store.state(CLUB)).picture == second
    assert await store.find_file(CLUB, first, 0) is None
    assert (await store.gone_blobs(9), await store.known_blobs("", 9)) == ([KITE], [BOAT])
    await write(store, "settings", Settings(title="The club"))
    assert (await store.state(CLUB)).picture == second
    await show(store, "")
    assert (await store.state(CLUB)).picture is None
    assert sorted(await store.gone_blobs(9)) == [KITE, BOAT]
    assert await store.upload("u-1") is await store.upload("u-2") is None


async def test_whoever_waits_for_what_is_gone_is_told_when_a_picture_is_replaced(store: Store) -> None:
    told: list[int] = []
    store.on_gone = lambda: told.append(1)
    await show(store, await picture(store, 1, KITE))
    assert told == []
    await show(store, "")
    assert told


async def test_the_same_picture_once_more_is_kept(store: Store) -> None:
    await show(store, await picture(store, 1, KITE))
    seq = await show(store, await picture(store, 2, KITE))
    assert (await store.gone_blobs(9), await store.known_blobs("", 9)) == ([], [KITE])
    assert await store.find_file(CLUB, seq, 0) is not None


async def test_a_picture_counts_for_who_set_it_until_it_is_replaced(store: Store) -> None:
    await show(store, await picture(store, 1, KITE))
    assert (await store.files_usage(ADA), await store.server_usage()) == (950, 950)
    await write(store, "settings", Settings(picture=await picture(store, 2, BOAT, person=BOB)), person=BOB)
    assert (await store.files_usage(ADA), await store.files_usage(BOB)) == (0, 950)
    assert await store.server_usage() == 950
    assert await store.expired_uploads(10**9, 9) == [], "what is shown does not expire"


async def test_a_repeat_says_the_same_although_there_is_another_picture_by_now(store: Store) -> None:
    first = await show(store, await picture(store, 1, KITE), client_id="s1")
    await show(store, await picture(store, 2, BOAT))
    again = await write(store, "settings", Settings(picture="u-1"), client_id="s1")
    assert again == Repeat(CLUB, first)
    once_more = await write(store, "settings", Settings(picture="u-1"))
    assert isinstance(once_more, Denied)
    assert once_more.code == "no_such_upload"


async def test_one_append_sets_a_picture_once(store: Store) -> None:
    body = write_body(Settings(picture=await picture(store, 1)))
    drafts = [Draft("settings", ADA, ADA, None, body), Draft("settings", ADA, ADA, None, body)]
    first, second = await store.append(CLUB, drafts, at_ms=9)
    assert isinstance(first, Event)
    assert isinstance(second, Denied)
    assert (await store.state(CLUB)).picture == first.seq


async def test_a_picture_is_in_no_message_and_a_file_is_no_picture(store: Store) -> None:
    await picture(store, 1)
    upload = await store.upload("u-1")
    assert upload is not None
    said = await write(store, "post", Post("", files=(file_of(upload),)))
    assert isinstance(said, Denied)
    await picture(store, 2, is_picture=False)
    shown = await write(store, "settings", Settings(picture="u-2"))
    assert isinstance(shown, Denied)
    seq = await show(store, "u-1")
    with pytest.raises(Refused, match="not there any more"):
        await store.forward_file(
            Upload("u-3", ADA, "lobby", "c3", "", 0), CLUB, seq, 0, limits=FileLimits(), at_ms=9
        )


# --- of people ---


async def test_a_person_shows_a_picture_under_a_name_of_its_own(store: Store) -> None:
    upload = await picture(store, 1, room=personal_room(ADA))
    profile = await store.set_profile(ADA, at_ms=9, upload=upload)
    assert profile.picture == picture_name(upload)
    assert await store.picture(picture_name(upload)) == Picture(picture_name(upload), "image/webp", b"", KITE)
    assert await store.files_usage(ADA) == 950
    assert await store.set_profile(ADA, at_ms=9, upload=upload) == profile, "a repeat"
    assert (await store.set_profile(ADA, at_ms=9, colour=3)).picture == profile.picture


async def test_another_picture_of_a_person_takes_the_place_of_the_first(store: Store) -> None:
    own = personal_room(ADA)
    small = Picture("c" * 32, "image/png", b"small")
    first, second = await picture(store, 1, KITE, room=own), await picture(store, 2, BOAT, room=own)
    await store.set_profile(ADA, at_ms=9, upload=first)
    await store.set_profile(ADA, at_ms=9, upload=second)
    assert await store.picture(picture_name(first)) is None
    assert await store.gone_blobs(9) == [KITE]
    await store.set_profile(ADA, at_ms=9, picture=small)
    assert await store.picture(picture_name(second)) is None
    assert await store.picture(small.hash) == small
    assert sorted(await store.gone_blobs(9)) == [KITE, BOAT]
    assert (await store.files_usage(ADA), await store.server_usage()) == (0, 0)
    third = await picture(store, 3, KITE, room=own)
    await store.set_profile(ADA, at_ms=9, upload=third)
    assert await store.picture(small.hash) is None
    assert (await store.set_profile(ADA, at_ms=9, no_picture=True)).picture is None
    assert await store.known_blobs("", 9) == []


async def test_nobody_shows_the_upload_of_somebody_else_or_one_that_is_not_ready(store: Store) -> None:
    of_bob = await picture(store, 1, room=personal_room(BOB), person=BOB)
    of_a_room = await picture(store, 2)
    file = await picture(store, 3, room=personal_room(ADA), is_picture=False)
    for upload in (of_bob, of_a_room, file, "u-unknown"):
        assert await refused(store, upload) == "no_such_upload"
    wanted = Upload("u-4", ADA, personal_room(ADA), "c4", "picture", 1000, is_picture=True)
    await store.begin_upload(wanted, limits=FileLimits(), at_ms=5)
    assert await refused(store, "u-4") == "no_such_upload"
    assert [one.picture for one in await store.people([ADA])] == [None]


async def test_who_shows_a_picture_can_keep_things_for_themselves_as_before(store: Store) -> None:
    own = personal_room(ADA)
    await store.set_profile(ADA, at_ms=9, upload=await picture(store, 1, room=own))
    assert (await store.position(own)).seq == 0
    star = await write(store, "star", Star(CLUB, 1, True), room=own)
    assert isinstance(star, Event)
    assert star.seq == 1
    position, events = await store.personal(ADA, limit=9)
    assert (position.seq, len(events)) == (1, 1)


# --- files of messages, whose texts go ---


async def test_whether_a_message_has_files_is_known_within_an_append(store: Store) -> None:
    await picture(store, 1, is_picture=False)
    upload = await store.upload("u-1")
    assert upload is not None
    head = (await store.position(CLUB)).seq
    post = write_body(Post("words", files=(file_of(upload),)))
    bodies = [("post", post), *[("edit", f'{{"target":{head + n},"text":""}}') for n in (1, 1)]]
    drafts = [Draft(kind, ADA, ADA, None, body) for kind, body in bodies]
    outcomes = await store.append(CLUB, drafts, at_ms=9)
    assert all(isinstance(outcome, Event) for outcome in outcomes), outcomes
    (later,) = await store.append(CLUB, drafts[-1:], at_ms=9)
    assert isinstance(later, Event)
