"""Previews of links: of those that a message has in it, told to who is in the room, fetched once for all."""

from __future__ import annotations

import io
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import trio
from PIL import Image

from tests.support.core import Core, V1Client, open_core
from tests.support.v1 import ack, hello, make_room
from tests.support.web_site import HTML, Site, open_site

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PAGE = HTML + b"<title>Kites</title><meta name=description content='All about them'>"


@asynccontextmanager
async def open_scene() -> AsyncIterator[tuple[Core, Site, V1Client, str]]:
    """A server with previews, a site that it may ask, Ada in the lobby, and the address of a page."""
    async with open_site() as site, open_core(link_previews=True, guard=site.guard()) as core:
        site.answers["/kites"] = PAGE
        yield core, site, await core.open_person("Ada"), f"http://127.0.0.1:{site.port}/kites"


async def preview(client: V1Client, link: str, *, seq: int = 1, room: str = "lobby") -> dict[str, Any]:
    """The answer, when it is known."""
    while True:
        await client.tell("preview", room=room, seq=seq, link=link)
        (answer,) = (one for one in await client.hear_frames() if one["type"] in {"preview", "error"})
        if not answer.get("pending"):
            return answer
        await trio.sleep(0.01)  # real sockets


async def test_a_link_is_shown_with_what_its_page_says_and_asked_for_once() -> None:
    async with open_scene() as (core, site, ada, link):
        bob, _ = await hello(core, "Bob")
        await bob.tell("join", room="lobby")
        await bob.hear_frames()
        await ack(ada, "send", room="lobby", text=f"look: {link}!")
        for client in (ada, bob):
            answer = await preview(client, link)
            assert (answer["title"], answer["description"]) == ("Kites", "All about them")
            assert "image" not in answer
        assert len(site.asked) == 1


async def test_only_links_that_a_message_has_in_it_now_are_asked_for() -> None:
    async with open_scene() as (_, site, ada, link):
        await ack(ada, "send", room="lobby", text=f"look: {link}")
        for wrong in (f"{link}/secret", "http://10.0.0.1/", "look", "", link[:-30]):
            assert (await preview(ada, wrong))["code"] == "no_such_link"
        assert (await preview(ada, link, seq=2))["code"] == "no_such_message"
        await ack(ada, "edit", room="lobby", seq=1, text="never mind")
        assert (await preview(ada, link))["code"] == "no_such_link"
        await ack(ada, "edit", room="lobby", seq=1, text=link)
        assert (await preview(ada, link))["title"] == "Kites"
        await ack(ada, "delete", room="lobby", seq=1)
        assert (await preview(ada, link))["code"] == "no_such_link"
        assert len(site.asked) == 1


async def test_who_is_not_in_the_room_is_told_nothing() -> None:
    async with open_scene() as (core, _, ada, link):
        room = await make_room(ada)
        await ack(ada, "send", room=room, text=link)
        bob, _ = await hello(core, "Bob")
        assert (await preview(bob, link, room=room, seq=2))["code"] == "not_joined"


async def test_a_page_that_cannot_be_shown_has_no_title_and_is_not_asked_again() -> None:
    async with open_scene() as (_, site, ada, link):
        site.answers["/kites"] = b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
        await ack(ada, "send", room="lobby", text=link)
        for _ in range(2):
            assert "title" not in await preview(ada, link)
        assert len(site.asked) == 1


async def test_the_picture_of_a_page_is_made_small() -> None:
    async with open_scene() as (_, site, ada, link):
        picture = io.BytesIO()
        Image.new("RGB", (1200, 600), "red").save(picture, "PNG")
        site.answers["/kite.png"] = (
            b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\n\r\n" + picture.getvalue()
        )
        site.answers["/kites"] = PAGE + b"<meta property='og:image' content='/kite.png'>"
        await ack(ada, "send", room="lobby", text=link)
        answer = await preview(ada, link)
        assert answer["image"].startswith("data:image/webp;base64,")
        assert (answer["width"], answer["height"]) == (480, 240)


async def test_without_the_option_nothing_is_asked_for() -> None:
    async with open_core() as core:
        ada = await core.open_person("Ada")
        await ack(ada, "send", room="lobby", text="https://example.org/")
        assert (await preview(ada, "https://example.org/"))["code"] == "not_here"
