"""The addresses by which the page is told: none that leads elsewhere for others is given to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from trio_chat.config.config import build_config
from trio_chat.server import addresses
from trio_chat.server.addresses import address_here, network_url, page_address


@pytest.mark.parametrize(
    ("host", "here", "network"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080", None),
        ("::1", "http://[::1]:8080", None),
        ("[::1]", "http://[::1]:8080", None),
        ("localhost", "http://localhost:8080", None),
        ("192.168.1.7", "http://192.168.1.7:8080", "http://192.168.1.7:8080/"),
        ("fd00::7", "http://[fd00::7]:8080", "http://[fd00::7]:8080/"),
        ("chat.home.arpa", "http://chat.home.arpa:8080", "http://chat.home.arpa:8080/"),
    ],
)
def test_a_host_that_others_reach_is_told_to_them(host: str, here: str, network: str | None) -> None:
    config = build_config(flags={"host": host})
    assert address_here(config, 8080) == page_address(config, 8080) == here
    assert network_url(config, 8080) == network


@pytest.mark.parametrize("host", [None, "0.0.0.0", "::", "[::]", "*"])
def test_who_listens_everywhere_is_reached_at_the_address_in_the_network(
    host: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = build_config(flags={"host": host})
    monkeypatch.setattr(addresses, "CONTAINER_SIGNS", ())
    assert address_here(config, 8080) == "http://localhost:8080"
    told = network_url(config, 8080)  # None on a machine without a network
    assert told is None or (told.endswith(":8080/") and "//127." not in told and "localhost" not in told)
    monkeypatch.setattr(addresses, "CONTAINER_SIGNS", (Path(__file__),))
    assert network_url(config, 8080) is None


def test_a_public_url_is_the_only_one() -> None:
    config = build_config(flags={"public_url": "https://chat.example/", "host": "0.0.0.0"})
    assert page_address(config, 8080) == "https://chat.example"
    assert network_url(config, 8080) is None
