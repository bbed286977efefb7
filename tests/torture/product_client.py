"""Product client: the Python client, `trio_chat.client`, under faults."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import trio

from tests.torture.context import ROOMS, Timeline
from tests.torture.events import Event
from tests.torture.history import (
    Acked,
    Delivered,
    Fetched,
    FileSent,
    Held,
    Joined,
    Refused,
    Submitted,
    Trouble,
)
from tests.torture.websocket import wait_until
from tests.torture.workload import WORDS
from trio_chat import client as product
from trio_chat.client import Attachment, Chat, ChatError, Message, Reset, Uploaded, open_chat

if TYPE_CHECKING:
    import random

    from tests.torture.context import RunContext


FILE_BYTES = (0, 0, 100, 100, 1_000, 1_000, 5_000, 5_000, 20_000, 200_000)
"""So much follows the canary of a file."""

GIVEN_UP = frozenset({"no_such_file", "disk_full", "quota", "too_many"})
"""Refusals after which a message goes without the file."""

KNOWN_MESSAGES = 30
"""Newest messages with files from which a client chooses."""


class ProductClient:
    """A program that uses `trio_chat.client`, which reconnects by itself: the history shows one connection."""

    def __init__(self, name: str, context: RunContext, rng: random.Random) -> None:
        self.name = name
        self._context = context
        self._rng = rng
        self._timelines = {room.lower(): Timeline() for room in ROOMS}
        self._connection = context.recorder.new_connection()
        self._is_known = False
        self._with_files: list[Message] = []
        """The newest messages with files that were told."""
        self._sent: dict[tuple[str, str, int], FileSent] = {}
        """What was sent, by this client, as which file of which command."""

    async def run(self) -> None:
        """Send messages until the run drains, then receive everything."""
        self._context.busy.add(self)
        try:
            async with open_chat(
                "ws://127.0.0.1", rooms=ROOMS, retry_first=True, connect=self._connect, jitter=self._jitter
            ) as chat:
                self._is_known = True
                for room in self._timelines:
                    position = chat.position(room)
                    self._begin(room, position.seq, position.epoch, reset=False)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._listen, chat)
                    await self._work(chat)
                    await wait_until(self._has_seen_all)
                    nursery.cancel_scope.cancel()
        except* ChatError as group:
            self._context.recorder.add(Trouble(what=f"{self.name} gave up: {group.exceptions}"))
        finally:
            self._context.busy.discard(self)
            for room, timeline in self._timelines.items():
                held = Held(client=self.name, room=room, epoch=timeline.epoch or "", events=timeline.events)
                self._context.recorder.add(held)

    async def _connect(self) -> trio.SocketStream:
        # A hello without a token, doubled by the proxy, would make two people.
        kind = "v1" if self._is_known else "plain"
        return await trio.open_tcp_stream("127.0.0.1", self._context.port(self._rng, kind))

    def _jitter(self) -> float:
        return self._rng.random() / 20  # sooner than a polite client would, for more reconnects

    async def _work(self, chat: Chat) -> None:
        number = 0
        while not self._context.draining.is_set():
            number += 1
            is_about_files = self._rng.random() < self._context.file_share
            dice = self._rng.random() if is_about_files else 1.0
            if dice < 0.2:
                await self._delete(chat, str(number))
            elif dice < 0.4:
                await self._fetch(chat)
            else:
                await self._send(chat, str(number), has_files=is_about_files)
            with trio.move_on_after(self._rng.expovariate(1 / self._context.pace_s)):
                await self._context.draining.wait()
        self._context.busy.discard(self)
        await wait_until(lambda: self._context.heads)

    async def _send(self, chat: Chat, key: str, *, has_files: bool) -> None:
        room = self._rng.choice(ROOMS)
        files = await self._files(chat, room, key) if has_files else []
        text = f"{chat.user.id} {key}: " + " ".join(self._rng.choices(WORDS, k=self._rng.randint(0, 3)))
        about: dict[str, Any] = {
            "client": self.name,
            "connection": self._connection,
            "room": room.lower(),
            "text": text,
            "person": chat.user.id,
            "key": key,
        }
        self._context.recorder.add(Submitted(**about))
        seq = await chat.send(room, text, id=key, files=files)
        self._context.recorder.add(Acked(**about, seq=seq))

    async def _files(self, chat: Chat, room: str, key: str) -> list[Uploaded]:
        """Files for a message: one that was forwarded, or some new ones."""
        person = chat.user.id
        own = [message for message in self._with_files if message.sender == person]
        if own and self._rng.random() < 0.3:
            message = self._rng.choice(own)
            first = self._sent[person, message.id or "", 0]
            try:
                forwarded = await chat.forward(room, message, id=f"forward {key}")
            except product.Refused as refused:
                if refused.code not in GIVEN_UP:
                    raise
                return []
            self._note_sent(person, key, 0, first.sha256, first.canary)
            return [forwarded]
        uploaded: list[Uploaded] = []
        for n in range(self._rng.choice((1, 1, 3))):
            canary = f"file of {person} {key}.{n}"
            content = f"{canary}: ".encode() + self._rng.randbytes(self._rng.choice(FILE_BYTES))
            file = Attachment(content, name=f"{canary}.bin", as_file=self._rng.random() < 0.5)
            found = await self._upload(chat, room, file, f"file {key}.{n}")
            if found is None:
                break
            self._note_sent(person, key, n, hashlib.sha256(content).hexdigest(), canary)
            uploaded.append(found)
        return uploaded

    async def _upload(self, chat: Chat, room: str, file: Attachment, key: str) -> Uploaded | None:
        """Upload it, however long it takes; None if there is no space for it."""
        while True:
            try:
                return await chat.upload(room, file, key)
            except product.Refused as refused:
                if refused.code in GIVEN_UP:
                    return None
                if refused.code != "not_transferred":
                    raise

    def _note_sent(self, person: str, key: str, n: int, sha256: str, canary: str) -> None:
        record = FileSent(person=person, key=key, n=n, sha256=sha256, canary=canary)
        self._sent[person, key, n] = record
        self._context.recorder.add(record)

    async def _delete(self, chat: Chat, key: str) -> None:
        """Delete one of one's own messages with files, for whatever is left of it."""
        own = [message for message in self._with_files if message.sender == chat.user.id]
        if not own:
            return
        message = self._rng.choice(own)
        self._with_files.remove(message)
        about: dict[str, Any] = {
            "client": self.name,
            "connection": self._connection,
            "room": message.room,
            "text": "",
            "person": chat.user.id,
            "key": key,
            "kind": "delete",
            "target": message.seq,
        }
        self._context.recorder.add(Submitted(**about))
        try:
            seq = await chat.delete(message.room, message.seq, id=key)
        except product.Refused as refused:
            self._context.recorder.add(Refused(**about, code=refused.code))
        else:
            self._context.recorder.add(Acked(**about, seq=seq))

    async def _fetch(self, chat: Chat) -> None:
        """Fetch a file of a message, which may be deleted meanwhile."""
        if not self._with_files:
            return
        message = self._rng.choice(self._with_files)
        n = self._rng.randrange(len(message.files))
        digest = hashlib.sha256()
        try:
            async with chat.download(message, n) as pieces:
                async for piece in pieces:
                    digest.update(piece)
        except product.Refused as refused:
            if refused.code not in ("no_such_file", "not_transferred"):
                raise
            return
        self._context.recorder.add(
            Fetched(
                client=self.name,
                room=message.room,
                sender=message.sender,
                key=message.id or "",
                n=n,
                sha256=digest.hexdigest(),
            )
        )

    def _has_seen_all(self) -> bool:
        return all(
            self._timelines[room].last >= self._context.last_messages.get(room, 0) for room in self._timelines
        )

    async def _listen(self, chat: Chat) -> None:
        async for change in chat:
            if isinstance(change, Message):
                room = change.room
                when = change.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
                event = Event(change.seq, change.id, change.sender, change.name, change.text, when)
                delivered = Delivered(client=self.name, connection=self._connection, room=room, event=event)
                self._context.recorder.add(delivered)
                self._timelines[room].add(event)
                if change.files:
                    self._with_files = [*self._with_files[1 - KNOWN_MESSAGES :], change]
            elif isinstance(change, Reset):
                self._begin(change.room, change.position.seq, change.position.epoch, reset=True)

    def _begin(self, room: str, after: int, epoch: str, *, reset: bool) -> None:
        joined = Joined(
            client=self.name,
            connection=self._connection,
            room=room,
            epoch=epoch,
            head=after,
            after=after,
            reset=reset,
            messages_only=True,
        )
        self._context.recorder.add(joined)
        self._timelines[room].begin(joined)
