"""Bans of addresses, over real sockets: who comes from where, as a trusted proxy says it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs
import trio

from tests.support.files import FileServing, Sender, ask
from tests.support.raw import PATIENCE_S, Answer, get, open_peer, open_raw, upgrade
from tests.support.serving import Serving, open_server
from trio_chat.model.tokens import hash_of
from trio_chat.protocol.encoding import V1

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.raw import RawPeer

SERVER = "~server"
HOME, CAFE, HOUSE = "192.0.2.1", "198.51.100.7", "2001:db8:1:2:3::4"
SAME_HOUSE = "2001:db8:1:2:ffff::9"


def is_answer(frame: dict[str, Any]) -> bool:
    """Whether a frame answers a command."""
    return frame["type"] in {"welcome", "ack", "error"}


@asynccontextmanager
async def come(port: int, address: str, **hello: object) -> AsyncIterator[tuple[RawPeer, dict[str, Any]]]:
    """Somebody who comes from this address, and the answer to their hello."""
    async with open_peer(port, sec_websocket_protocol=V1, x_forwarded_for=address) as peer:
        await peer.say(type="hello", **hello)
        yield peer, await peer.hear(is_answer)


@asynccontextmanager
async def open_owned(**settings: object) -> AsyncIterator[tuple[Serving, RawPeer]]:
    """A server behind a proxy, and its owner, who has joined its room."""
    async with open_server(trusted_proxy=("127.0.0.1",), **settings) as serving:  # type: ignore[arg-type]
        await serving.store.add_owner_link(hash_of("own"), ends_ms=2**52, at_ms=0)
        async with come(serving.port, HOME, name="Ada") as (owner, _):
            await owner.say(type="become_owner", id="own", token="own")
            await owner.hear("ack")
            await owner.say(type="join", id="join", room=SERVER)
            await owner.hear("joined")
            yield serving, owner


async def decide(owner: RawPeer, **command: object) -> None:
    """Give a command in the server room."""
    await owner.say(room=SERVER, **command)
    assert (await owner.hear(is_answer))["type"] == "ack"


async def plain_status(port: int, address: str) -> bytes:
    """The status of a plain handshake from this address."""
    async with open_raw(port) as peer:
        await peer.send(upgrade(x_forwarded_for=address))
        return (await peer.receive_head())[9:12]


async def code(port: int, address: str, **hello: object) -> str:
    """The answer to somebody who comes from this address: its code, or its type."""
    async with come(port, address, **hello) as (_, answer):
        return str(answer.get("code", answer["type"]))


async def test_a_ban_with_addresses_closes_them_for_all_but_those_who_were_looked_at() -> None:
    async with (
        open_owned() as (serving, owner),
        come(serving.port, HOUSE, name="Eve") as (eve, of_eve),
        come(serving.port, SAME_HOUSE, name="Sister") as (sister, of_sister),
        come(serving.port, SAME_HOUSE, name="Brother") as (brother, of_brother),
        open_peer(serving.port, x_forwarded_for=SAME_HOUSE) as guest,
        open_peer(serving.port, x_forwarded_for=CAFE) as elsewhere,
    ):
        port = serving.port
        await decide(owner, type="trust", id="trust", person=of_brother["user"]["id"])
        person = of_eve["user"]["id"]
        await decide(owner, type="ban", id="ban", person=person, addresses=True)
        assert await eve.receive_close_code() == 4501
        assert await sister.receive_close_code() == 4501
        assert await guest.receive_close_code() == 1008
        for address in (HOUSE, SAME_HOUSE):
            assert await code(port, address, name="Mallory") == "banned"
            assert await code(port, address, token=of_sister["token"]) == "banned"
            assert await plain_status(port, address) == b"403"
        await brother.say(type="ping", id="still")
        await brother.hear("pong")
        assert await code(port, HOUSE, token=of_brother["token"]) == "welcome"
        assert await code(port, CAFE, token=of_sister["token"]) == "welcome"
        assert await code(port, CAFE, token=of_eve["token"]) == "banned"
        await elsewhere.send_text("hi")
        assert await elsewhere.receive_text() == "hi"
        # Undone, for the addresses too.
        await decide(owner, type="ban", id="unban", person=person, on=False)
        while await code(port, HOUSE, token=of_eve["token"]) == "banned":
            pass
        assert await plain_status(port, HOUSE) == b"101"


async def test_a_guest_is_banned_with_their_address_and_the_owner_comes_from_there_all_the_same() -> None:
    async with open_owned() as (serving, owner):
        await owner.say(type="join", id="lobby", room="lobby")
        await owner.hear("joined")
        async with open_peer(serving.port, x_forwarded_for=HOME) as guest:
            await guest.send_text("spam")
            assert await guest.receive_text() == "spam"
            person = (await owner.hear("message"))["from"]
            assert person.startswith("g-")
            await decide(owner, type="ban", id="ban", person=person, addresses=True)
            assert await guest.receive_close_code() == 1008
        while await plain_status(serving.port, HOME) != b"403":
            pass
        assert await code(serving.port, HOME, name="Mallory") == "banned"
        await owner.say(type="ping", id="still")
        await owner.hear("pong")


async def test_addresses_of_this_machine_are_not_kept() -> None:
    async with open_server() as serving:
        async with come(serving.port, HOME, name="Eve") as (_, answer):
            assert answer["type"] == "welcome"
        assert serving.store.addresses() == []
    async with (
        open_server(trusted_proxy=("127.0.0.1",)) as serving,
        come(serving.port, HOME, name="Eve") as (eve, answer),
    ):
        await eve.say(type="rename", id="x", name="Eva")  # written after the address
        await eve.hear("renamed")
        ((person, address),) = serving.store.addresses()
        assert (person, len(address)) == (answer["user"]["id"], 16)
        assert HOME.encode() not in address


LARGE = bytes(16 * 1024 * 1024)
"""More than all buffers on the way take."""


@attrs.frozen
class Visitor:
    """Somebody who asks for files over HTTP, from an address."""

    files: FileServing
    who: Sender
    address: str

    @classmethod
    def of(cls, files: FileServing, welcome: dict[str, Any], address: str) -> Visitor:
        """Who was welcomed."""
        user = welcome["user"]
        return cls(files, Sender(user["id"], user["name"], welcome["token"]), address)

    def fields(self, **fields: str) -> dict[str, str]:
        """The fields of a request."""
        return {"authorization": f"Bearer {self.who.token}", "x_forwarded_for": self.address, **fields}

    async def ask(self, target: str, *, method: str = "GET", body: bytes | None = None) -> Answer:
        """The answer to a request."""
        return await ask(self.files.port, target, method=method, body=body, headers=self.fields())

    def piece(self, upload: str, length: int) -> bytes:
        """The head of a request that adds to an upload, and a part of its body."""
        fields = {"upload_offset": "0", "content_type": "application/partial-upload"}
        del (told := self.fields(**fields))["authorization"]
        return get(f"/uploads/{upload}", method="PATCH", content_length=str(length), **told) + b"kite"

    async def statuses(self, target: str) -> list[int]:
        """What a download, a cookie, a whole upload and a piece of one are answered with."""
        upload = await self.files.begin(self.who, 4)
        async with open_raw(self.files.port) as peer:
            await peer.send(self.piece(upload, 4))
            piece = await peer.receive_answer()
        whole = await self.ask("/files?room=lobby&name=kite.txt", method="POST", body=b"A red kite")
        return [
            (await self.ask(target)).status,
            (await self.ask("/files/session", method="POST")).status,
            whole.status,
            piece.status,
        ]


async def test_from_an_address_that_is_banned_no_file_comes_or_goes(tmp_path: Path) -> None:
    async with (
        open_owned(data=tmp_path, uploads_at_once=0) as (serving, owner),
        come(serving.port, HOUSE, name="Eve") as (_, of_eve),
        come(serving.port, SAME_HOUSE, name="Sister") as (_, of_sister),
        come(serving.port, SAME_HOUSE, name="Brother") as (_, of_brother),
        open_raw(serving.port, receive_buffer=4096) as download,
        open_raw(serving.port) as upload,
    ):
        files = FileServing(serving, tmp_path / "files")
        sister = Visitor.of(files, of_sister, SAME_HOUSE)
        brother = Visitor.of(files, of_brother, SAME_HOUSE)
        elsewhere = attrs.evolve(sister, address=CAFE)
        target = await files.sent(brother.who, LARGE)
        everything = [200, 204, 200, 204]
        assert await sister.statuses(target) == everything
        await decide(owner, type="trust", id="trust", person=brother.who.id)
        await download.send(get(target, **sister.fields()))
        assert (await download.receive_head()).startswith(b"HTTP/1.1 200 ")
        await upload.send(sister.piece(await files.begin(sister.who, 100), 100))
        with trio.fail_after(PATIENCE_S):
            while len(serving.hub.files.transfers) < 2:
                await trio.lowlevel.checkpoint()
        began = trio.current_time()
        await decide(owner, type="ban", id="ban", person=of_eve["user"]["id"], addresses=True)
        assert (await upload.receive_answer()).status == 403
        with trio.fail_after(PATIENCE_S):
            while len(serving.hub.files.transfers):
                await trio.lowlevel.checkpoint()
        assert trio.current_time() - began < 30
        assert len(await download.receive_to_the_end()) < len(LARGE)
        assert await sister.statuses(target) == [404, 403, 403, 403]
        assert await brother.statuses(target) == everything
        assert await elsewhere.statuses(target) == everything
