"""The client's address behind trusted proxies."""

from __future__ import annotations

import pytest

from trio_chat.net.forwarded import client_ip

PROXIES = ("10.0.0.0/8", "::1", "2001:db8:ffff::/48")
XFF, FORWARDED = b"x-forwarded-for", b"forwarded"


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        ("192.0.2.1", [(XFF, b"198.51.100.1")], "192.0.2.1"),
        ("192.0.2.1", [(FORWARDED, b"for=198.51.100.1")], "192.0.2.1"),
        ("", [(XFF, b"198.51.100.1")], ""),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [(XFF, b"198.51.100.1")], "198.51.100.1"),
        ("::ffff:10.0.0.1", [(XFF, b"198.51.100.1:4711")], "198.51.100.1"),
        ("10.0.0.1", [(XFF, b"203.0.113.9, 198.51.100.1")], "198.51.100.1"),
        ("10.0.0.1", [(XFF, b"203.0.113.9, 198.51.100.1, 10.0.0.7")], "198.51.100.1"),
        ("10.0.0.1", [(XFF, b"203.0.113.9"), (XFF, b"198.51.100.1")], "198.51.100.1"),
        ("10.0.0.1", [(XFF, b"10.0.0.3, 10.0.0.7")], "10.0.0.3"),
        ("10.0.0.1", [(XFF, b"203.0.113.9, nonsense")], "10.0.0.1"),
        ("10.0.0.1", [(XFF, b"203.0.113.9, unknown, 10.0.0.7")], "10.0.0.7"),
        ("::1", [(XFF, b"2001:db8::5")], "2001:db8::5"),
        ("::1", [(FORWARDED, b'For="[2001:db8::5]:4711";proto=https')], "2001:db8::5"),
        ("::1", [(FORWARDED, b'for=203.0.113.9, by=10.0.0.1;for="198.51.100.1:80"')], "198.51.100.1"),
        ("::1", [(FORWARDED, b"for=203.0.113.9, for=_hidden")], "::1"),
        ("::1", [(FORWARDED, b"proto=https")], "::1"),
        ("::1", [(XFF, b"198.51.100.1"), (FORWARDED, b"for=198.51.100.1")], "198.51.100.1"),
        ("::1", [(XFF, b"198.51.100.1"), (FORWARDED, b"for=203.0.113.9")], "::1"),
    ],
)
def test_the_client_is_the_rightmost_hop_that_is_not_trusted(
    peer: str, headers: list[tuple[bytes, bytes]], client: str
) -> None:
    assert client_ip(peer, headers, PROXIES) == client


def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert client_ip("127.0.0.1", [(XFF, b"198.51.100.1")], ()) == "127.0.0.1"
