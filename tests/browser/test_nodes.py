"""The page behind a balancer, whose nodes are restarted and die: it goes on at another, and nobody notices."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import attrs
import pytest
from playwright.sync_api import expect

from tests.support.page_server import UNHURRIED, Server
from tests.support.proxies import HOST, PROGRAMS, Site, free_port, haproxy
from tests.support.several import shared
from tests.support.tls import make_authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.browser.conftest import Person

STARTED_S = 30.0

pytestmark = [pytest.mark.browser, pytest.mark.proxies]


@attrs.frozen
class Balanced:
    """Two nodes behind HAProxy, as one server to the page."""

    url: str
    nodes: tuple[Server, Server]


@pytest.fixture
def server(database: str, tmp_path: Path) -> Iterator[Balanced]:
    """Two nodes, and the balancer's address."""
    if shutil.which("haproxy", path=PROGRAMS) is None:
        pytest.skip("NOT TESTED: behind haproxy, which is not on this machine (apt install it)")
    port = free_port()
    nodes = []
    settings = (*UNHURRIED, *shared(database, tmp_path), "--allow-host", HOST, "--trusted-proxy", "127.0.0.1")
    try:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            nodes.append(Server(tmp_path / name, *settings))
            nodes[-1].start()
        ports = (nodes[0].port, nodes[1].port, free_port())
        servers = {f"10.0.0.{place}:8080": node for place, node in enumerate(ports, 1)}
        command = haproxy(Site(tmp_path, make_authority(tmp_path, HOST), port, "scaling.md", servers))
        balancer = subprocess.Popen(command, env={**os.environ, "PATH": PROGRAMS}, stderr=subprocess.DEVNULL)
        try:
            wait_listening(port)
            yield Balanced(f"https://127.0.0.1:{port}/", (nodes[0], nodes[1]))
        finally:
            balancer.kill()
            balancer.wait()
    finally:
        for node in nodes:
            node.stop()


def wait_listening(port: int) -> None:
    """Wait until the balancer listens: it reads its configuration first, and looks at the nodes."""
    end = time.monotonic() + STARTED_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < end, "HAProxy does not listen"
            time.sleep(0.05)
        else:
            return


def test_a_page_goes_on_at_another_node(open_person: Callable[..., Person], server: Balanced) -> None:
    ada = open_person(name="Ada", ignore_https_errors=True)
    bob = open_person(name="Bob", ignore_https_errors=True)
    for person in (ada, bob):
        person.is_online()
        person.page.evaluate("() => { window.wasHere = true; }")
    said: list[str] = []

    def talk(when: str) -> None:
        for person, name in ((ada, "Ada"), (bob, "Bob")):
            said.append(f"{name}, {when}")
            person.say(said[-1])
            for one in (ada, bob):
                one.hears(*said)

    talk("at first")
    one, two = server.nodes
    one.stop()
    talk("while one is restarted")
    one.start()
    two.kill()
    talk("when the other is dead")
    two.start()
    talk("in the end")
    for person in (ada, bob):
        person.is_online()
        expect(person.page.locator("#banner")).to_be_hidden()
        assert person.page.evaluate("() => window.wasHere")  # it was not loaded again
