"""The guard: where requests of the server may go, and how much of an answer is taken."""

from __future__ import annotations

import ssl
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio
import trustme

from tests.support.web_site import HTML, Resolver, open_site
from trio_chat.outgoing.guard import CannotFetch, Fetched, Guard

if TYPE_CHECKING:
    from trio.testing import MockClock

get = partial(Guard.get, accept="text/html", max_bytes=1000, timeout_s=5)


async def test_an_answer_is_given_with_its_type_and_encoding() -> None:
    async with open_site() as site:
        site.answers["/a%20b?q=%C3%BC"] = HTML + b"hello"
        url = f"http://127.0.0.1:{site.port}/a b?q=ü#part"
        with pytest.raises(CannotFetch, match="no address"):
            await get(site.guard(), url + "\n")
        assert await get(site.guard(), url) == Fetched(url, "text/html", "utf-8", b"hello")
        assert b"cookie" not in site.asked[0].lower()
        assert b"referer" not in site.asked[0].lower()


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0x7f.1", "2130706433", "017700000001", "0", "localhost", "[::1]", "[::]"),
        *("[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "169.254.169.254", "10.0.0.1", "[fe80::1]"),
    ],
)
async def test_nothing_is_sent_into_a_network(host: str) -> None:
    with pytest.raises(CannotFetch, match=r"not on the public internet|cannot be resolved"):
        await get(Guard(), f"http://{host}/")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org:22/",
        "https://example.org:8443/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "http://user:secret@example.org/",
        "http://user@example.org/",
        "http:///path",
        "http://[::1/",
        "http://example.org:99999/",
        "http://example.org/\r\nX: y",
        f"http://example.org/{'x' * 2000}",
        f"http://{'x' * 64}.ü/",
        "",
    ],
)
async def test_what_is_no_web_address_is_not_asked(url: str) -> None:
    with pytest.raises(CannotFetch, match=r"no address|another port"):
        await get(Guard(), url)


async def test_a_name_is_resolved_once_and_the_connection_goes_to_what_was_checked() -> None:
    async with open_site() as site:
        site.answers["/"] = HTML + b"hello"
        trio.socket.set_custom_hostname_resolver(Resolver(["127.0.0.1"], ["10.0.0.1"]))
        fetched = await get(site.guard(), f"http://chat.example:{site.port}/")
        assert fetched.body == b"hello"
        assert f"host: chat.example:{site.port}".encode() in site.asked[0].lower()


async def test_a_name_of_which_one_address_is_private_is_not_asked() -> None:
    async with open_site() as site:
        site.answers["/"] = HTML
        trio.socket.set_custom_hostname_resolver(Resolver(["127.0.0.1", "10.0.0.1"]))
        with pytest.raises(CannotFetch, match="not on the public internet"):
            await get(site.guard(), f"http://chat.example:{site.port}/")
        assert site.asked == []


async def test_each_redirect_is_checked_like_the_first_request() -> None:
    async with open_site() as site:
        for place, target in {
            "/in": f"http://127.0.0.2:{site.port}/secret",
            "/port": "http://127.0.0.1:1/",
            "/file": "file:///etc/passwd",
            "/loop": "/loop",
            "/good": "/page",
        }.items():
            site.answers[place] = (
                f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()
            )
        site.answers["/page"] = HTML + b"hello"
        base = f"http://127.0.0.1:{site.port}"
        for place, why in (
            ("/in", "public"),
            ("/port", "port"),
            ("/file", "no address"),
            ("/loop", "too often"),
        ):
            with pytest.raises(CannotFetch, match=why):
                await get(site.guard(), base + place)
        assert (await get(site.guard(), f"{base}/good")).url == f"{base}/page"


async def test_answers_are_bounded() -> None:
    async with open_site() as site:
        site.answers["/long"] = HTML + b"x" * 200_000
        site.answers["/packed"] = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nx"
        site.answers["/gone"] = b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
        site.answers["/image"] = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\nx"
        site.answers["/junk"] = b"SSH-2.0-OpenSSH_9.2\r\n\r\n"
        site.answers["/heads"] = b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000
        base, guard = f"http://127.0.0.1:{site.port}", site.guard()
        with pytest.raises(CannotFetch, match="more than 1,000 bytes"):
            await get(guard, f"{base}/long")
        assert len((await get(guard, f"{base}/long", is_cut=True)).body) == 1000
        for place, why in (
            ("packed", "packed"),
            ("gone", "404"),
            ("junk", "Protocol"),
            ("heads", "Protocol"),
        ):
            with pytest.raises(CannotFetch, match=why):
                await get(guard, f"{base}/{place}")
        with pytest.raises(CannotFetch, match="image/png"):
            await get(guard, f"{base}/image", is_wanted=lambda media_type: media_type == "text/html")


async def test_who_answers_too_slowly_is_left(autojump_clock: MockClock) -> None:
    async def be_silent(stream: trio.SocketStream) -> None:
        async with stream:
            while await stream.receive_some():
                pass

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        await nursery.start(trio.serve_listeners, be_silent, [listener])
        port = listener.socket.getsockname()[1]
        guard = Guard(is_allowed=lambda address: True, ports={port})
        with pytest.raises(CannotFetch, match="longer than 5 seconds"):
            await get(guard, f"http://127.0.0.1:{port}/")
        nursery.cancel_scope.cancel()


async def test_over_tls_the_certificate_is_that_of_the_name() -> None:
    authority = trustme.CA()
    site_tls, tls = (
        ssl.create_default_context(purpose) for purpose in (ssl.Purpose.CLIENT_AUTH, ssl.Purpose.SERVER_AUTH)
    )
    authority.issue_cert("chat.example").configure_cert(site_tls)
    authority.configure_trust(tls)

    async def serve(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            async with trio.SSLStream(stream, site_tls, server_side=True, https_compatible=True) as secured:
                await secured.receive_some()
                await secured.send_all(HTML + b"hello")

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        await nursery.start(trio.serve_listeners, serve, [listener])
        port = listener.socket.getsockname()[1]
        trio.socket.set_custom_hostname_resolver(Resolver(["127.0.0.1"], ["127.0.0.1"]))
        guard = Guard(is_allowed=lambda address: address == "127.0.0.1", ports={port}, tls=tls)
        assert (await get(guard, f"https://chat.example:{port}/")).body == b"hello"
        with pytest.raises(CannotFetch, match="CERTIFICATE_VERIFY_FAILED"):
            await get(guard, f"https://other.example:{port}/")
        nursery.cancel_scope.cancel()
