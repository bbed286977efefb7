"""The promises of `trio_chat.store.contract.files`, asked of every store."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import attrs
import pytest
import trio

from tests.support.memory_store import MemoryStore, open_memory_store
from tests.support.people import add_person
from trio_chat.errors import Refused
from trio_chat.kinds.facts import SERVER_ROOM
from trio_chat.kinds.files import File, file_of, unknown_file
from trio_chat.kinds.forms import Body, write_body
from trio_chat.kinds.messages import Delete, Edit, Post
from trio_chat.kinds.moderation import Restriction
from trio_chat.kinds.roles import Role
from trio_chat.model.events import Draft, Event, Person
from trio_chat.model.files import AT_ONCE_MS, MAX_UNSENT, FileFacts, FileLimits, Upload
from trio_chat.model.outcomes import Conflict, Denied, Outcome, Repeat
from trio_chat.store.space import SpaceLevel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from typing import TypeAlias

    from trio_chat.store.base import Store

    OpenStore: TypeAlias = Callable[[], AbstractAsyncContextManager[Store]]

ADA, BOB = "p-ada", "p-bob"
NO_LIMITS = FileLimits()
KITE, BOAT = "a" * 64, "b" * 64
JPEG = FileFacts("image/jpeg", 900, 40, 30, "blur", (480,))


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[Store]:
    async with open_store() as store:
        await _add_people(store)
        yield store


async def _add_people(store: Store) -> None:
    for person in (ADA, BOB):
        await add_person(store, Person(person, person), name_key=person, token_hash=person.encode(), at_ms=1)


def new(n: int = 1, *, person: str = ADA, room: str = "lobby", size: int = 1000) -> Upload:
    return Upload(f"u-{person}-{n}", person, room, f"c{n}", f"kite {n}.jpg", size)


async def begin(store: Store, upload: Upload, limits: FileLimits = NO_LIMITS, at_ms: int = 5) -> Upload:
    return await store.begin_upload(upload, limits=limits, at_ms=at_ms)


async def ready(
    store: Store, n: int = 1, *, person: str = ADA, blob: str = KITE, room: str = "lobby", stored: int = 950
) -> Upload:
    """An upload that is finished."""
    begun = await begin(store, new(n, person=person, room=room))
    finished = await store.finish_upload(begun.id, blob=blob, stored_bytes=stored, facts=JPEG)
    assert finished is not None
    return finished


def post(*files: File | Upload, text: str = "", person: str = ADA, client_id: str | None = None) -> Draft:
    told = tuple(file_of(file) if isinstance(file, Upload) else file for file in files)
    return Draft("post", person, person, client_id, write_body(Post(text, files=told)))


def draft(kind: str, body: Body, person: str = ADA) -> Draft:
    return Draft(kind, person, person, None, write_body(body))


def delete(seq: int) -> Draft:
    return draft("delete", Delete(seq))


async def write(store: Store, *drafts: Draft, room: str = "lobby", at_ms: int = 9) -> list[Outcome]:
    return await store.append(room, drafts, at_ms=at_ms)


async def sent(store: Store, *uploads: Upload, room: str = "lobby", person: str = ADA) -> int:
    """The number of a message with these files."""
    (event,) = await write(store, post(*uploads, person=person), room=room)
    assert isinstance(event, Event), event
    return event.seq


def codes(outcomes: list[Outcome]) -> list[str | None]:
    return [outcome.code if isinstance(outcome, Denied) else None for outcome in outcomes]


async def refusal(store: Store, upload: Upload, limits: FileLimits) -> Refused:
    with pytest.raises(Refused) as refused:
        await begin(store, upload, limits)
    return refused.value


# --- uploads ---


async def test_an_upload_is_what_was_said_then_finished_then_sent(open_store: OpenStore) -> None:
    async with open_store() as store:
        await _add_people(store)
        wanted = attrs.evolve(new(), ms=3141, peaks="AAAA", as_file=True)
        begun = await begin(store, wanted)
        assert begun == attrs.evolve(wanted, made_ms=5)
        assert not begun.is_finished
        assert await store.part_ids("", 9) == [begun.id]
        assert await store.part_ids(begun.id, 9) == []
    async with open_store() as store:
        assert await store.upload(begun.id) == begun
        finished = await store.finish_upload(begun.id, blob=KITE, stored_bytes=950, facts=JPEG)
        assert finished == attrs.evolve(begun, blob=KITE, facts=JPEG)
        assert await store.part_ids("", 9) == []
        assert await store.finish_upload(begun.id, blob=BOAT, stored_bytes=1, facts=JPEG) == finished
        assert await store.known_blobs("", 9) == [KITE]
        await sent(store, finished)
    async with open_store() as store:
        assert await store.uploads([begun.id, "u-none"]) == [attrs.evolve(finished, is_sent=True)]
        assert await store.upload("u-none") is None


async def test_a_repeat_of_a_command_is_answered_with_the_upload_as_it_is_now(store: Store) -> None:
    begun = await begin(store, new())
    again = attrs.evolve(new(), id="u-another")
    assert await begin(store, again, FileLimits(file_bytes=1), at_ms=7) == begun
    finished = await store.finish_upload(begun.id, blob=KITE, stored_bytes=950, facts=JPEG)
    assert await begin(store, again) == finished
    assert await store.upload("u-another") is None
    for other in (
        attrs.evolve(again, bytes=2),
        attrs.evolve(again, room="kitchen"),
        attrs.evolve(again, ms=2),
    ):
        assert (await refusal(store, other, NO_LIMITS)).code == "id_conflict"
    assert (await begin(store, attrs.evolve(again, person=BOB))).id == "u-another"


async def test_what_was_cancelled_is_not_finished_and_its_id_is_free(store: Store) -> None:
    begun = await begin(store, new())
    assert not await store.drop_upload(begun.id, person=BOB)
    assert await store.drop_upload(begun.id, person=ADA)
    assert not await store.drop_upload(begun.id, person=ADA)
    assert await store.finish_upload(begun.id, blob=KITE, stored_bytes=950, facts=JPEG) is None
    assert await store.known_blobs("", 9) == await store.gone_blobs(9) == []
    assert (await begin(store, attrs.evolve(new(), bytes=5))).bytes == 5


async def test_uploads_that_were_not_sent_expire_the_oldest_first(store: Store) -> None:
    for n in (3, 1, 2):
        await begin(store, new(n), at_ms=n)
    await store.finish_upload(new(1).id, blob=KITE, stored_bytes=950, facts=JPEG)
    await sent(store, await ready(store, 4, blob=BOAT))
    assert await store.expired_uploads(3, 9) == [new(1).id, new(2).id]
    assert await store.expired_uploads(10, 2) == [new(1).id, new(2).id]
    for upload in await store.expired_uploads(10, 9):
        assert await store.drop_upload(upload)
    assert not await store.drop_upload(new(4).id)  # it was sent
    assert await store.gone_blobs(9) == [KITE]


async def test_who_is_banned_from_the_server_keeps_nothing_that_was_not_sent(store: Store) -> None:
    await store.add_owner_link(b"\xcd" * 32, ends_ms=99, at_ms=1)
    await write(store, draft("role", Role(ADA, "owner", "cd" * 32)), room=SERVER_ROOM)
    kept = await ready(store, 1, person=BOB)
    await sent(store, kept, person=BOB)
    await ready(store, 2, person=BOB, blob=BOAT)
    await begin(store, new(3, person=BOB))
    await begin(store, new(4))
    assert codes(await write(store, draft("ban", Restriction(BOB, on=True)), room=SERVER_ROOM)) == [None]
    ids = [new(n, person=BOB).id for n in (1, 2, 3)]
    assert [upload.id for upload in await store.uploads([*ids, new(4).id])] == [new(4).id, kept.id]
    assert await store.gone_blobs(9) == [BOAT]


# --- limits ---


async def test_an_upload_beyond_a_limit_is_refused_with_the_figures(store: Store) -> None:
    limits = FileLimits(file_bytes=1000, person_bytes=2500, server_bytes=3000, person_uploads=2)
    refused = await refusal(store, new(size=1001), limits)
    assert (refused.code, refused.limit) == ("too_large", 1000)
    await begin(store, new(1), limits)
    await begin(store, new(2), limits)
    refused = await refusal(store, new(3), limits)
    assert (refused.code, refused.limit, refused.of) == ("too_many", 2, "person")
    await begin(store, new(1, person=BOB), limits)
    await store.finish_upload(new(1).id, blob=KITE, stored_bytes=1000, facts=JPEG)
    refused = await refusal(store, new(3, size=501), limits)
    assert (refused.code, refused.left, refused.of) == ("quota", 500, "person")
    refused = await refusal(store, new(3, size=500), limits)
    assert (refused.code, refused.left, refused.of) == ("quota", 0, "server")
    assert (await refusal(store, new(person="g-1"), limits)).code == "no_guests"


async def test_what_was_left_undone_keeps_nobody_from_trying_again(store: Store) -> None:
    limits = FileLimits(person_uploads=1)
    await begin(store, new(1), limits)
    assert (await refusal(store, new(2), limits)).code == "too_many"
    await begin(store, new(2), limits, at_ms=5 + AT_ONCE_MS)
    assert await store.part_ids("", 9) == [new(1).id, new(2).id]


async def test_quotas_are_exact_under_ten_uploads_at_once(store: Store) -> None:
    limits = FileLimits(person_bytes=6_500, server_bytes=9_999)
    outcomes: list[str] = []

    async def one(n: int, person: str) -> None:
        try:
            await begin(store, new(n, person=person), limits)
            outcomes.append(person)
        except Refused as refused:
            outcomes.append(f"{refused.code} of {refused.of}")

    async with trio.open_nursery() as nursery:
        for n in range(10):
            nursery.start_soon(one, n, ADA)
    assert sorted(outcomes) == [ADA] * 6 + ["quota of person"] * 4
    outcomes.clear()
    async with trio.open_nursery() as nursery:
        for n in range(10):
            nursery.start_soon(one, n, BOB)
    assert sorted(outcomes) == [BOB] * 3 + ["quota of server"] * 7
    assert (await store.files_usage(ADA), await store.server_usage()) == (6_000, 9_000)


async def test_a_person_has_few_uploads_that_are_in_no_message(store: Store) -> None:
    for n in range(MAX_UNSENT):
        await ready(store, n)
    refused = await refusal(store, new(MAX_UNSENT), NO_LIMITS)
    assert (refused.code, refused.limit, refused.of) == ("too_many", MAX_UNSENT, "person")


async def test_while_space_is_low_nothing_is_uploaded_and_messages_go_on(store: Store) -> None:
    finished = await ready(store)
    place = await sent(store, await ready(store, 2))
    store.space.level = SpaceLevel.LOW
    assert (await refusal(store, new(3), NO_LIMITS)).code == "disk_full"
    with pytest.raises(Refused, match="nearly full"):
        await store.forward_file(new(4), "lobby", place, 0, limits=NO_LIMITS, at_ms=5)
    store.space.level = SpaceLevel.FULL
    assert await store.drop_upload(finished.id, person=ADA)
    assert codes(await write(store, delete(place))) == [None]
    assert await store.gone_blobs(9) == [KITE]


async def test_what_counts_is_what_there_is_at_each_moment(store: Store) -> None:
    async def usage() -> tuple[int, int, int]:
        return await store.files_usage(ADA), await store.files_usage(BOB), await store.server_usage()

    assert await usage() == (0, 0, 0)
    await begin(store, new(1))
    await begin(store, new(2))
    assert await usage() == (2000, 0, 2000)
    await store.drop_upload(new(2).id)
    await store.finish_upload(new(1).id, blob=KITE, stored_bytes=950, facts=JPEG)
    assert await usage() == (950, 0, 950)
    same = await ready(store, 1, person=BOB, stored=7)  # what is there already takes no more
    assert await usage() == (950, 950, 950)
    first = await store.upload(new(1).id)
    assert first is not None
    place = await sent(store, first)
    await sent(store, same, person=BOB)
    assert await usage() == (950, 950, 950)
    await store.forward_file(new(3), "lobby", place, 0, limits=NO_LIMITS, at_ms=5)
    assert await usage() == (1900, 950, 950)
    await write(store, delete(place))
    assert await usage() == (950, 950, 950)
    await store.drop_upload(new(3).id)
    assert await usage() == (0, 950, 950)


# --- messages with files ---


async def test_a_message_has_its_files_in_their_order_and_each_upload_is_sent_once(store: Store) -> None:
    first, second = await ready(store, 1), await ready(store, 2, blob=BOAT)
    seq = await sent(store, second, first)
    files = [await store.find_file("lobby", seq, n) for n in range(3)]
    assert [None if file is None else (file.blob, file.file.name) for file in files] == [
        (BOAT, "kite 2.jpg"),
        (KITE, "kite 1.jpg"),
        None,
    ]
    assert codes(await write(store, post(first), post(second, text="again"))) == ["no_such_upload"] * 2
    third = await ready(store, 3)
    assert codes(await write(store, post(third), post(third))) == [None, "no_such_upload"]
    assert await store.find_file("kitchen", seq, 0) is None


async def test_nobody_sends_what_is_not_theirs_not_finished_or_of_another_room(store: Store) -> None:
    unfinished = await begin(store, new(1))
    finished = await ready(store, 2)
    told = attrs.evolve(unfinished, facts=JPEG)
    assert (
        codes(await write(store, post(told), post(finished, person=BOB), post(finished, finished)))
        == ["no_such_upload"] * 3
    )
    assert codes(await write(store, post(unknown_file(finished.id)))) == ["no_such_upload"]
    assert codes(await write(store, post(finished), room="kitchen")) == ["no_such_upload"]
    assert codes(await write(store, post(finished, text="at last"))) == [None]


async def test_a_repeat_of_a_message_with_files_is_its_repeat_for_good(open_store: OpenStore) -> None:
    async with open_store() as store:
        await _add_people(store)
        upload = await ready(store)
        message = post(upload, client_id="c-message")
        (event,) = await write(store, message)
        assert isinstance(event, Event)
    async with open_store() as store:
        found = await store.upload(upload.id)
        assert found is not None
        repeated = post(found, client_id="c-message")
        assert repeated == message
        assert await write(store, repeated) == [Repeat("lobby", 1)]
        unknown = post(unknown_file(upload.id), client_id="c-message")
        assert await write(store, unknown) == [Conflict("lobby", 1)]
        await write(store, delete(1))
        assert await store.upload(upload.id) is None
        assert await write(store, unknown) == [Repeat("lobby", 1)]


async def test_an_edit_leaves_the_files_of_a_message(store: Store) -> None:
    seq = await sent(store, await ready(store))
    await write(store, draft("edit", Edit(seq, "a caption")))
    assert await store.find_file("lobby", seq, 0) is not None


# --- what is gone ---


async def test_a_blob_is_gone_with_the_last_that_has_it(store: Store) -> None:
    first, second = await ready(store, 1), await ready(store, 2)
    of_bob = await ready(store, 1, person=BOB)
    one = await sent(store, first)
    two = await sent(store, second)
    await write(store, delete(one))
    assert await store.find_file("lobby", one, 0) is None
    assert await store.gone_blobs(9) == []
    await write(store, delete(two))
    assert (await store.gone_blobs(9), await store.known_blobs("", 9)) == ([], [KITE])
    await store.drop_upload(of_bob.id)
    assert (await store.gone_blobs(9), await store.known_blobs("", 9)) == ([KITE], [])
    await store.forget_gone([KITE])
    assert await store.gone_blobs(9) == []


async def test_deleting_a_message_takes_no_file_of_its_neighbours(store: Store) -> None:
    places: list[tuple[str, int]] = []
    for n in range(12):
        room = "lobby" if n % 2 else "kitchen"
        uploads = [await ready(store, 10 * n + k, blob=f"{n:060}{k:04}", room=room) for k in range(n % 3 + 1)]
        places += [(room, await sent(store, *uploads, room=room))] * len(uploads)
    unsent = await ready(store, 1_000)
    doomed = places[len(places) // 2]
    await write(store, delete(doomed[1]), room=doomed[0])
    for room, seq in places:
        n_files = sum([await store.find_file(room, seq, n) is not None for n in range(4)])
        assert n_files == (0 if (room, seq) == doomed else places.count((room, seq)))
    n_gone = places.count(doomed)
    assert len(await store.gone_blobs(99)) == n_gone
    assert len(await store.known_blobs("", 99)) == len(places) - n_gone + 1
    assert await store.files_usage(ADA) == await store.server_usage() == 950 * (len(places) - n_gone + 1)
    assert await store.drop_upload(unsent.id)
    assert len(await store.gone_blobs(99)) == n_gone + 1  # triggers are at work again


async def test_an_upload_of_what_is_gone_but_still_there_takes_the_note_back(store: Store) -> None:
    await write(store, delete(await sent(store, await ready(store))))
    assert await store.gone_blobs(9) == [KITE]
    await ready(store, 2)
    assert (await store.gone_blobs(9), await store.known_blobs("", 9)) == ([], [KITE])


async def test_a_message_that_is_deleted_in_the_batch_in_which_it_came_leaves_nothing(store: Store) -> None:
    upload = await ready(store)
    assert codes(await write(store, post(upload), delete(1))) == [None, None]
    assert await store.gone_blobs(9) == [KITE]
    assert await store.upload(upload.id) is None
    assert (await store.files_usage(ADA), await store.server_usage()) == (0, 0)


async def test_whoever_wants_to_know_is_told_after_the_commit_that_something_is_gone(store: Store) -> None:
    told = 0

    def tell() -> None:
        nonlocal told
        told += 1

    store.on_gone = tell
    seq = await sent(store, await ready(store))
    await write(store, Draft("message", ADA, ADA, None, "hi"))
    assert told == 0
    await write(store, delete(seq))
    assert told == 1
    await store.forget_gone([KITE])
    assert told == 1
    await ready(store, 2)
    await store.drop_upload(new(2).id)
    assert told == 2


# --- forwarding ---


async def test_a_file_is_forwarded_without_its_bytes_and_outlives_its_first_message(store: Store) -> None:
    await write(store, Draft("message", BOB, BOB, None, "hi"), room="kitchen")
    voice = attrs.evolve(new(), ms=3141, peaks="AAAA")
    await begin(store, voice)
    finished = await store.finish_upload(voice.id, blob=KITE, stored_bytes=950, facts=JPEG)
    assert finished is not None
    seq = await sent(store, finished)
    wanted = Upload("u-forward", BOB, "kitchen", "c-forward", "", 0)
    forwarded = await store.forward_file(wanted, "lobby", seq, 0, limits=NO_LIMITS, at_ms=5)
    assert forwarded == attrs.evolve(
        finished,
        id="u-forward",
        person=BOB,
        room="kitchen",
        client_id="c-forward",
        bytes=JPEG.bytes,
    )
    again = attrs.evolve(wanted, id="u-again")
    await write(store, delete(seq))
    assert await store.forward_file(again, "lobby", seq, 0, limits=NO_LIMITS, at_ms=6) == forwarded
    place = await sent(store, forwarded, room="kitchen", person=BOB)
    found = await store.find_file("kitchen", place, 0)
    assert found is not None
    assert (found.blob, found.file.ms) == (KITE, 3141)
    assert await store.gone_blobs(9) == []


async def test_what_is_not_there_or_too_much_is_not_forwarded(store: Store) -> None:
    seq = await sent(store, await ready(store))
    forward = partial(store.forward_file, new(2), at_ms=5, limits=NO_LIMITS)
    for place in ((seq, 1), (seq + 1, 0), (seq, -1)):
        with pytest.raises(Refused) as refused:
            await forward("lobby", *place)
        assert refused.value.code == "no_such_file"
    with pytest.raises(Refused) as refused:
        await store.forward_file(new(2), "lobby", seq, 0, limits=FileLimits(person_bytes=1899), at_ms=5)
    assert (refused.value.code, refused.value.left) == ("quota", 949)
    await write(store, delete(seq))
    with pytest.raises(Refused, match="not there any more"):
        await forward("lobby", seq, 0)
    await begin(store, new(3))
    with pytest.raises(Refused, match="used before"):
        await store.forward_file(new(3), "lobby", seq, 0, limits=NO_LIMITS, at_ms=5)


# --- keys ---


async def test_a_key_for_files_is_its_devices_and_goes_with_the_token(store: Store) -> None:
    assert not await store.keep_file_key(b"nobody", b"key")
    assert await store.find_file_key(b"key") is None
    assert await store.keep_file_key(ADA.encode(), b"key")
    assert await store.keep_file_key(ADA.encode(), b"key")  # by another tab
    login = await store.find_file_key(b"key")
    assert login is not None
    assert login == await store.find_login(ADA.encode())
    await store.remove_devices(ADA)
    assert await store.find_file_key(b"key") is None


async def test_nothing_of_it_is_done_where_the_log_cannot_be_written() -> None:
    async with open_memory_store() as store:
        assert isinstance(store, MemoryStore)
        await _add_people(store)
        upload = await ready(store)
        with store.unavailable(), pytest.raises(Exception, match="disk is full"):
            await write(store, post(upload))
        assert codes(await write(store, post(upload))) == [None]
