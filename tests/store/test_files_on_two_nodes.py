"""Two nodes over one PostgreSQL at once: which blobs are needed, and how much counts, are exact."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.support.nodes_in_postgresql import Nodes, open_nodes
from tests.support.people import add_person
from trio_chat.errors import Refused
from trio_chat.kinds.files import file_of
from trio_chat.kinds.forms import write_body
from trio_chat.kinds.messages import POST, Post
from trio_chat.model.events import Draft, Event, Person
from trio_chat.model.files import FileFacts, FileLimits, Upload
from trio_chat.store.sql import files, history, uploads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trio_chat.store.base import Store

ADA = Person("p-ada", "Ada")
BLOB = "ab" * 32
FACTS = FileFacts("image/png", 10)


@pytest.fixture
async def nodes(database: str) -> AsyncIterator[Nodes]:
    async with open_nodes(database) as nodes:
        await add_person(nodes.here, ADA, name_key="ada", token_hash=b"ada", at_ms=1)
        yield nodes


def an_upload(name: str) -> Upload:
    return Upload(f"u-{name}", ADA.id, "lobby", name, f"{name}.png", 10)


async def finished(store: Store, name: str) -> Upload:
    await store.begin_upload(an_upload(name), limits=FileLimits(), at_ms=1)
    upload = await store.finish_upload(f"u-{name}", blob=BLOB, stored_bytes=15, facts=FACTS)
    assert upload is not None
    return upload


async def sent(store: Store, name: str) -> int:
    body = write_body(Post("", files=(file_of(await finished(store, name)),)))
    (event,) = await store.append("lobby", [Draft(POST, ADA.id, ADA.name, None, body)], at_ms=1)
    assert isinstance(event, Event), event
    return event.seq


async def test_of_two_who_take_the_last_two_away_one_takes_the_last(nodes: Nodes) -> None:
    """Else each would see the other's, and the blob would stay for ever."""
    for name in ("one", "two"):
        await finished(nodes.here, name)
    dropped = await nodes.meanwhile(
        partial(uploads.drop_upload, upload="u-one"), partial(nodes.here.drop_upload, "u-two")
    )
    assert dropped is True
    assert await nodes.here.gone_blobs(10) == [BLOB]
    assert (await nodes.here.files_usage(ADA.id), await nodes.here.server_usage()) == (0, 0)


async def test_what_comes_again_as_its_last_goes_is_needed(nodes: Nodes) -> None:
    await finished(nodes.here, "one")
    await nodes.here.begin_upload(an_upload("two"), limits=FileLimits(), at_ms=1)
    finish = partial(nodes.here.finish_upload, "u-two", blob=BLOB, stored_bytes=15, facts=FACTS)
    upload = await nodes.meanwhile(partial(uploads.drop_upload, upload="u-one"), finish)
    assert isinstance(upload, Upload)
    assert upload.is_finished
    assert await nodes.here.gone_blobs(10) == []
    assert await nodes.here.known_blobs("", 10) == [BLOB]
    assert (await nodes.here.files_usage(ADA.id), await nodes.here.server_usage()) == (15, 15)


async def test_a_file_is_not_forwarded_as_its_last_message_goes(nodes: Nodes) -> None:
    """It may be off the disk already when that is known here."""
    seq = await sent(nodes.here, "one")
    room_id = history.find_room_id(nodes.there, "lobby")
    assert room_id is not None
    forward = partial(
        nodes.here.forward_file, an_upload("two"), "lobby", seq, 0, limits=FileLimits(), at_ms=1
    )
    refused = await nodes.meanwhile(partial(files.forget_files, room_id=room_id, targets=[seq]), forward)
    assert isinstance(refused, Refused)
    assert refused.code == "no_such_file"
    assert await nodes.here.gone_blobs(10) == [BLOB]
    assert await nodes.here.uploads(["u-two"]) == []


async def test_a_quota_is_exact_on_two_nodes(nodes: Nodes) -> None:
    limits = FileLimits(person_bytes=15)
    begin = partial(nodes.here.begin_upload, an_upload("two"), limits=limits, at_ms=1)
    refused = await nodes.meanwhile(
        partial(uploads.begin_upload, upload=an_upload("one"), limits=limits, at_ms=1), begin
    )
    assert isinstance(refused, Refused)
    assert refused.code == "quota"


async def test_one_command_on_two_nodes_is_one_upload(nodes: Nodes) -> None:
    twin = Upload("u-twin", ADA.id, "lobby", "one", "one.png", 10)
    begin = partial(nodes.here.begin_upload, twin, limits=FileLimits(), at_ms=1)
    begun = await nodes.meanwhile(
        partial(uploads.begin_upload, upload=an_upload("one"), limits=FileLimits(), at_ms=1), begin
    )
    assert isinstance(begun, Upload)
    assert begun.id == "u-one"
