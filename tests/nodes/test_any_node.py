"""What one node gave to a client is good at any other: no secret, no name and no version is one process's own."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.support.http import ask
from tests.support.pictures import png
from tests.support.proxies import HOST
from tests.support.raw import Answer, RawPeer, get, open_peer, open_raw, open_v1
from tests.support.several import open_several

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.process import ServerProcess

LIMIT_S = 240

CONTENT = b"a red kite" * 20_000


@pytest.fixture
async def nodes(database: str, tmp_path: Path) -> AsyncIterator[tuple[ServerProcess, ServerProcess]]:
    """Two nodes."""
    async with open_several(database, tmp_path, 2) as (one, two):
        with trio.fail_after(LIMIT_S):
            yield one, two


async def answered(peer: RawPeer, command: str, **fields: object) -> dict[str, Any]:
    """The answer to this command."""
    await peer.say(type=command, id=f"c-{command}", **fields)
    return await peer.hear(lambda said: said.get("id") == f"c-{command}")


async def sent(peer: RawPeer, text: str, **fields: object) -> int:
    """The number of a message that was sent."""
    await peer.say(type="send", id=f"s-{text}", room="lobby", text=text, **fields)
    ack = await peer.hear(lambda said: said.get("id") == f"s-{text}" and said["type"] in ("ack", "error"))
    assert ack["type"] == "ack", ack
    seq: int = ack["seq"]
    return seq


async def become_owner(peer: RawPeer, node: ServerProcess) -> None:
    """Who may do everything at once on a server for strangers: by the link that this node printed."""
    token = node.owner_line.partition("#own=")[2].split()[0]
    assert (await answered(peer, "become_owner", token=token))["type"] == "ack"


async def test_a_client_goes_on_at_another_node_with_its_token_and_its_cursor(
    nodes: tuple[ServerProcess, ServerProcess],
) -> None:
    one, two = nodes
    async with open_v1(one.port, name="Ada") as (ada, welcome, joined):
        await become_owner(ada, one)
        seqs = [await sent(ada, text) for text in ("a", "b", "c")]
    proofs = set()
    for node in (two, one, two):
        cursor: dict[str, Any] = {"after": seqs[0], "epoch": joined["epoch"]}
        async with open_v1(node.port, token=welcome["token"], **cursor) as (peer, again, resumed):
            assert again["user"]["id"] == welcome["user"]["id"]
            assert again["server"] == welcome["server"]
            assert again["about"] == welcome["about"]
            assert not resumed.get("reset", False)
            assert resumed["epoch"] == joined["epoch"]
            heard = [await peer.hear("message") for _ in range(2)]
            assert [said["text"] for said in heard] == ["b", "c"]
            proofs.add(heard[-1]["proof"])
            assert await sent(peer, "c") == seqs[2]  # a repeat, by this person and with this id
    assert len(proofs) == 1


async def test_codes_links_and_the_owner_link_of_one_node_are_good_at_another(
    nodes: tuple[ServerProcess, ServerProcess],
) -> None:
    one, two = nodes
    async with (
        open_v1(one.port, name="Ada") as (ada, welcome, _),
        open_v1(two.port, name="Bob") as (bob, _, _),
    ):
        await become_owner(bob, one)
        used = one.owner_line.partition("#own=")[2].split()[0]
        assert (await answered(ada, "become_owner", token=used))["type"] == "error"
        code = (await answered(ada, "link"))["code"]
        assert (await answered(bob, "peek_link", link=code))["user"]["name"] == "Ada"
        recovery = (await answered(ada, "recovery"))["code"]
        for words in ({"link": code}, {"recover": recovery}):
            async with open_v1(two.port, **words) as (_, other, _):
                assert other["user"]["id"] == welcome["user"]["id"]
                assert other["token"] != welcome["token"]
        async with open_peer(one.port, sec_websocket_protocol="trio-chat.v1") as late:
            await late.say(type="hello", link=code)
            assert (await late.hear("error"))["code"] == "bad_link"  # it is good once, wherever
        made = await answered(bob, "create", title="Kites", kind="private")
        room = made["room"]
        await answered(bob, "join", room=room)
        invited = await answered(bob, "invite", room=room)
        assert invited["type"] == "invited", invited
        async with open_v1(one.port, name="Cem", invite=invited["token"]) as (cem, _, _):
            assert (await answered(cem, "accept", token=invited["token"]))["type"] == "ack"
            assert (await answered(cem, "join", room=room))["type"] == "joined"


async def test_files_pictures_and_their_keys_are_good_at_any_node(
    nodes: tuple[ServerProcess, ServerProcess],
) -> None:
    one, two = nodes
    async with open_v1(one.port, name="Ada") as (ada, welcome, _):
        await become_owner(ada, two)
        begun = await answered(ada, "upload", room="lobby", name="kite.txt", bytes=len(CONTENT))
        upload = begun["upload"]
        async with open_raw(two.port) as peer:
            fields = {"upload_offset": "0", "upload_complete": "?1", "content_length": str(len(CONTENT))}
            kind = {"content_type": "application/partial-upload"}
            await peer.send(get(f"/uploads/{upload}", method="PATCH", **kind, **fields) + CONTENT)
            assert (await peer.receive_answer()).status == 200
        seq = await sent(ada, "look", files=[{"upload": upload}])
        bearer = {"authorization": f"Bearer {welcome['token']}"}
        target = f"/files/lobby/{seq}/0/kite.txt"
        cookie = await cookie_of(one, bearer)
        assert cookie == await cookie_of(two, bearer)
        answers = [
            await ask(node.port, target, **shown) for node in nodes for shown in (bearer, {"cookie": cookie})
        ]
        assert {(answer.status, answer.body) for answer in answers} == {(200, CONTENT)}
        assert len({answer.headers["etag"] for answer in answers}) == 1
        picture = base64.b64encode(png()).decode()
        profiled = await answered(ada, "profile", picture=picture)
        assert profiled["type"] == "profiled", profiled
        shown_at = f"/pictures/{profiled['user']['picture']}"
        assert len({(await ask(node.port, shown_at)).body for node in nodes}) == 1


async def test_an_upload_whose_node_has_gone_goes_on_at_another(
    nodes: tuple[ServerProcess, ServerProcess],
) -> None:
    one, two = nodes
    half = len(CONTENT) // 2

    async def patched(node: ServerProcess, offset: int, piece: bytes, *, is_last: bool) -> Answer:
        fields = {
            "upload_offset": str(offset),
            "upload_complete": "?1" if is_last else "?0",
            "content_length": str(len(piece)),
            "content_type": "application/partial-upload",
        }
        async with open_raw(node.port) as peer:
            await peer.send(get(f"/uploads/{upload}", method="PATCH", **fields) + piece)
            return await peer.receive_answer()

    async with open_v1(two.port, name="Ada") as (ada, welcome, _):
        await become_owner(ada, two)
        begun = await answered(ada, "upload", room="lobby", name="kite.txt", bytes=len(CONTENT))
        upload = begun["upload"]
        assert (await patched(one, 0, CONTENT[:half], is_last=False)).status == 204
        await one.kill()
        refused = await patched(two, 0, CONTENT, is_last=True)
        assert (refused.status, refused.headers["upload-offset"]) == (409, str(half))
        assert (await patched(two, half, CONTENT[half:], is_last=True)).status == 200
        seq = await sent(ada, "look", files=[{"upload": upload}])
        bearer = {"authorization": f"Bearer {welcome['token']}"}
        answer = await ask(two.port, f"/files/lobby/{seq}/0/kite.txt", **bearer)
        assert (answer.status, answer.body) == (200, CONTENT)


async def cookie_of(node: ServerProcess, bearer: dict[str, str]) -> str:
    """The cookie that a node sets for this token."""
    async with open_raw(node.port) as peer:
        fields = {"content_length": "0", "connection": "close"}
        await peer.send(get("/files/session", method="POST", host=HOST, **fields, **bearer))
        head = (await peer.receive_to_the_end()).decode()
    (line,) = [line for line in head.split("\r\n") if line.lower().startswith("set-cookie: ")]
    return line.partition(": ")[2].partition(";")[0]


async def test_the_page_is_the_same_at_every_node(nodes: tuple[ServerProcess, ServerProcess]) -> None:
    one, two = nodes
    page = await ask(one.port, "/", host=HOST)
    assert page.status == 200
    again = await ask(two.port, "/", host=HOST, if_none_match=page.headers["etag"])
    assert again.status == 304
    files = set(re.findall(r'"(/?static/[^"]+)"', page.body.decode()))
    assert files
    for file in files:
        bodies = {(await ask(node.port, f"/{file.lstrip('/')}", host=HOST))[::2] for node in nodes}
        assert [status for status, _ in bodies] == [200]
