"""The host check: names that nobody on the internet can own, and those that the operator gave."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.net.host import Hosts, why_not


@pytest.mark.parametrize(
    "host",
    [
        None,
        "127.0.0.1",
        "127.0.0.1:8080",
        "203.0.113.7:8080",
        "[::1]",
        "[::1]:8080",
        "[fe80::1%eth0]:8080",
        "[2001:DB8::1]",
        "localhost",
        "LocalHost:8080",
        "localhost.",
        "chat.localhost",
        "studio.local:8080",
        "chat.team.svc.cluster.local",
        "host.docker.internal",
        "chat.home.arpa",
        "a-machine:8080",
        "chat.example",
        "CHAT.Example.:443",
        "other.example:8080",
    ],
)
def test_the_servers_own_hosts(host: str | None) -> None:
    assert Hosts(("chat.example", "Other.Example.")).has(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "chat.example.evil.example",
        "evil-chat.example",
        "127.0.0.1.evil.example",
        "127.1.evil",
        "localhost.evil.example",
        "evil.locally",
        "[::1].evil.example",
        "[evil.example]",
        "user@chat.example",
        "chat.example/",
        "chat.example, evil.example",
        "chat.example:80a",
        "chat.example:123456",
        "chat.example evil",
        "chat\u00e9.example",
        "",
        ":80",
        "::1",
    ],
)
def test_any_other_host(host: str) -> None:
    assert not Hosts(("chat.example",)).has(host)


def test_the_sentence_says_what_the_operator_is_to_do() -> None:
    assert "--public-url https://chat.example or --allow-host chat.example." in why_not("Chat.example:8080")


@given(st.text())
def test_any_text_as_host_is_decided_without_an_error_and_told_in_ascii(host: str) -> None:
    assert Hosts(()).has(host) in (True, False)
    assert why_not(host).isascii()
    assert "\n" not in why_not(host)
