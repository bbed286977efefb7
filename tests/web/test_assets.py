"""The page's files: at addresses that never change, compressed for those who take it, and never sent twice."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import pytest

from tests.support.http import ask
from tests.support.raw import get, open_raw
from tests.support.serving import open_server
from trio_chat.web.assets import Assets, names_tag, takes_gzip
from trio_chat.web.http import STATIC

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = "js/boot/first-view.js"
SMALL = "favicon.svg"


def version_of(page: bytes) -> str:
    found = re.search(rb"static/([0-9a-f]{16})/js/boot/first-view.js", page)
    assert found
    return found[1].decode()


async def test_all_that_the_page_names_is_kept_for_good() -> None:
    async with open_server() as serving, open_raw(serving.port) as peer:
        await peer.send(get("/"))
        page = await peer.receive_answer()
        assert page.headers["cache-control"] == "no-cache"
        named = re.findall(r'(?:href|src)="([^"]+)"', page.body.decode())
        assert len(named) == 2, "its icon and its modules; what it needs before that is in it"
        for url in named:
            assert url.startswith(f"static/{version_of(page.body)}/"), (
                "relative, for a proxy that puts us elsewhere"
            )
            await peer.send(get(f"/{url}"))
            file = await peer.receive_answer()
            assert file.status == 200
            assert file.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_a_module_finds_the_others_beside_it() -> None:
    """Import names are relative, so that all modules of a page are of one version."""
    for module in STATIC.rglob("*.js"):
        for name in re.findall(r'^(?:import|export) .*from "([^"]+)"', module.read_text(), re.MULTILINE):
            assert name.startswith(("./", "../")), (module, name)
            assert (module.parent / name).resolve().is_relative_to(STATIC)


async def test_a_page_from_before_an_upgrade_does_not_get_modules_from_after_it() -> None:
    async with open_server() as serving:
        answer = await ask(serving.port, f"/static/{'0' * 16}/{SCRIPT}")
        assert answer.status == 404
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("target", ["/", f"/static/{SCRIPT}", f"/static/{SMALL}"])
@pytest.mark.parametrize("coding", ["gzip", "identity"])
async def test_what_did_not_change_is_not_sent_again(target: str, coding: str) -> None:
    async with open_server() as serving:
        first = await ask(serving.port, target, accept_encoding=coding)
        assert first.headers["cache-control"] == "no-cache"
        tag = first.headers["etag"]
        for known in (tag, f'"other", W/{tag}', "*"):
            again = await ask(serving.port, target, accept_encoding=coding, if_none_match=known)
            assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
            assert again.headers.get("vary") == first.headers.get("vary")
        other = await ask(serving.port, target, accept_encoding=coding, if_none_match='"another"')
        assert (other.status, other.body) == (200, first.body)


@pytest.mark.parametrize("target", ["/", f"/static/{SCRIPT}"])
async def test_who_takes_gzip_gets_less_of_the_same(target: str) -> None:
    async with open_server() as serving:
        plain = await ask(serving.port, target)
        compressed = await ask(serving.port, target, accept_encoding="gzip, deflate, br, zstd")
        assert plain.headers["vary"] == compressed.headers["vary"] == "accept-encoding"
        assert "content-encoding" not in plain.headers
        assert compressed.headers["content-encoding"] == "gzip"
        assert compressed.headers["content-type"] == plain.headers["content-type"]
        assert gzip.decompress(compressed.body) == plain.body
        assert len(compressed.body) < 0.6 * len(plain.body)
        assert compressed.headers["etag"] != plain.headers["etag"]
        head = await ask(serving.port, target, method="HEAD", accept_encoding="gzip")
        assert head.body == b""
        assert head.headers | {"date": ""} == compressed.headers | {"date": ""}  # a second may have passed


async def test_a_small_file_is_sent_as_it_is() -> None:
    async with open_server() as serving:
        answer = await ask(serving.port, f"/static/{SMALL}", accept_encoding="gzip")
        assert answer.headers["content-type"] == "image/svg+xml"
        assert "content-encoding" not in answer.headers
        assert answer.body == (STATIC / SMALL).read_bytes()


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("deflate, x-gzip", True),
        ("gzip; q=1.0", True),
        ("", False),
        ("*", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("br, gzip; q=0.000", False),
        ("notgzip", False),
    ],
)
def test_gzip_is_sent_to_who_says_so(accept: str, taken: bool) -> None:
    assert takes_gzip(accept) is taken


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ('"b","a"', True),
        (" * ", True),
        ("", False),
        ("a", False),
        ('"ab"', False),
        ('"a-gzip"', False),
    ],
)
def test_a_tag_is_known_when_it_is_named(said: str, named: bool) -> None:
    assert names_tag(said, '"a"') is named


def test_the_version_is_of_all_names_and_contents(tmp_path: Path) -> None:
    versions = set()
    for name, body in (("a.js", "1"), ("a.js", "2"), ("b.js", "2"), ("c/a.js", "2")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(body)
        versions.add(Assets(tmp_path).made.version)
        assert Assets(tmp_path).made.version in versions
    assert len(versions) == 4


async def test_a_link_among_the_static_files_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("static", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "other" / "secret.js").write_text("a secret")
    (tmp_path / "static" / "link.js").symlink_to(tmp_path / "other" / "secret.js")
    (tmp_path / "static" / "linked").symlink_to(tmp_path / "other")
    monkeypatch.setattr("trio_chat.web.http.STATIC", tmp_path / "static")
    async with open_server() as serving:
        for name in ("link.js", "linked/secret.js", "../other/secret.js"):
            answer = await ask(serving.port, f"/static/{name}")
            assert answer.status == 404
            assert b"a secret" not in answer.body


async def test_the_files_are_those_of_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade under a running server changes nothing before it is started anew."""
    (tmp_path / "a.js").write_text("old")
    monkeypatch.setattr("trio_chat.web.http.STATIC", tmp_path)
    async with open_server() as serving:
        (tmp_path / "a.js").write_text("new")
        (tmp_path / "b.js").write_text("new")
        assert (await ask(serving.port, "/static/a.js")).body == b"old"
        assert (await ask(serving.port, "/static/b.js")).status == 404
