"""Whatever is done with uploads and messages, in whatever order: what counts and what is gone is as it should be."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.memory_store import open_memory_store
from tests.support.people import add_person
from tests.support.thorough import share
from trio_chat.errors import Refused
from trio_chat.kinds.files import file_of
from trio_chat.kinds.forms import write_body
from trio_chat.kinds.messages import Delete, Post
from trio_chat.model.events import Draft, Event, Person
from trio_chat.model.files import FileFacts, FileLimits, Upload

if TYPE_CHECKING:
    from trio_chat.store.base import Store

PEOPLE = ("p-ada", "p-bob")
LIMITS = FileLimits(person_bytes=900, server_bytes=1_200)
FACTS = FileFacts("image/jpeg", 7)

numbers = st.integers(0, 9)
steps = st.lists(
    st.tuples(st.sampled_from(["begin", "finish", "send", "forward", "drop", "delete", "forget"]), numbers),
    max_size=40,
)


@attrs.define
class Model:
    """What should be there."""

    unfinished: dict[str, int] = attrs.field(factory=dict)
    """Uploads, with their sizes."""
    finished: dict[str, str] = attrs.field(factory=dict)
    """Uploads, with their blobs."""
    messages: dict[int, list[tuple[str, str]]] = attrs.field(factory=dict)
    """Who has which blobs in which message."""
    stored: dict[str, int] = attrs.field(factory=dict)
    """How large the blobs are that are needed."""
    gone: set[str] = attrs.field(factory=set)

    def needed(self) -> Counter[str]:
        return Counter(self.finished.values()) + Counter(
            blob for files in self.messages.values() for _, blob in files
        )

    def settle(self) -> None:
        """Note what nobody needs any more."""
        needed = self.needed()
        self.gone = (self.gone | self.stored.keys()) - needed.keys()
        self.stored = {blob: size for blob, size in self.stored.items() if blob in needed}

    def usage(self, person: str) -> int:
        files = [
            self.stored[blob] for files in self.messages.values() for who, blob in files if who == person
        ]
        finished = [self.stored[blob] for upload, blob in self.finished.items() if owner(upload) == person]
        unfinished = [size for upload, size in self.unfinished.items() if owner(upload) == person]
        return sum(files + finished + unfinished)


def owner(upload: str) -> str:
    return upload.partition(" ")[0]


async def step(store: Store, model: Model, what: str, n: int, count: int) -> None:
    person = PEOPLE[n % 2]
    new = Upload(f"{person} {count}", person, "lobby", f"c{count}", "kite.jpg", 40 * n)
    if what == "begin":
        with suppress(Refused):
            model.unfinished[(await store.begin_upload(new, limits=LIMITS, at_ms=1)).id] = new.bytes
    elif what == "finish" and model.unfinished:
        upload = list(model.unfinished)[n % len(model.unfinished)]
        blob, size = f"blob {n % 3}", 30 * n
        assert await store.finish_upload(upload, blob=blob, stored_bytes=size, facts=FACTS)
        del model.unfinished[upload]
        model.finished[upload] = blob
        model.stored.setdefault(blob, size)
        model.gone.discard(blob)
    elif what == "send":
        uploads = [upload for upload in await store.uploads(list(model.finished)) if upload.person == person][
            :n
        ]
        if uploads:
            body = write_body(Post("", files=tuple(map(file_of, uploads))))
            (event,) = await store.append("lobby", [Draft("post", person, person, None, body)], at_ms=1)
            assert isinstance(event, Event)
            model.messages[event.seq] = [(person, model.finished.pop(upload.id)) for upload in uploads]
    elif what == "forward" and model.messages:
        seq = list(model.messages)[n % len(model.messages)]
        with suppress(Refused):
            upload = (await store.forward_file(new, "lobby", seq, 0, limits=LIMITS, at_ms=1)).id
            model.finished[upload] = model.messages[seq][0][1]
    elif what == "drop":
        for upload in [*model.unfinished, *model.finished][n : n + 1]:
            assert await store.drop_upload(upload)
            model.unfinished.pop(upload, None)
            model.finished.pop(upload, None)
    elif what == "delete" and model.messages:
        seq = list(model.messages)[n % len(model.messages)]
        delete = Draft("delete", model.messages.pop(seq)[0][0], "Name", None, write_body(Delete(seq)))
        (event,) = await store.append("lobby", [delete], at_ms=1)
        assert isinstance(event, Event)
    elif what == "forget":
        await store.forget_gone(await store.gone_blobs(99))
        model.gone.clear()
    model.settle()


@given(steps)
@settings(max_examples=share(150), deadline=None)
def test_what_counts_and_what_is_gone_follows_from_what_is_there(steps: list[tuple[str, int]]) -> None:
    async def run() -> None:
        model = Model()
        async with open_memory_store() as store:
            for person in PEOPLE:
                await add_person(
                    store, Person(person, person), name_key=person, token_hash=person.encode(), at_ms=1
                )
            for count, (what, n) in enumerate(steps):
                await step(store, model, what, n, count)
                assert await store.known_blobs("", 99) == sorted(model.needed())
                assert set(await store.gone_blobs(99)) == model.gone
                for person in PEOPLE:
                    assert await store.files_usage(person) == model.usage(person)
                taken = sum(model.stored.values()) + sum(model.unfinished.values())
                assert await store.server_usage() == taken

    trio.run(run)
