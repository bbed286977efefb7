"""Real nginx, Caddy and HAProxy, with the configurations that the manual prints.

Only addresses, ports and files are replaced in them; and where silence is tested times, unless ``REAL_TIMES`` is set.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import attrs
import pytest
import trio

from tests.support.raw import PATIENCE_S, RawPeer, upgrade

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Mapping

    from tests.support.tls import Authority

DOCS = Path(__file__).parents[2] / "docs"

HOST = "chat.example.org"

HAS_REAL_TIMES = "REAL_TIMES" in os.environ

PROGRAMS = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"


SHORT_S = 3
"""Seconds of silence that a proxy bears where that is tested."""


def printed(language: str, page: str) -> str:
    """The configuration that this page of the manual prints."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def replaced(text: str, replacements: Mapping[str, str]) -> str:
    """The text with each of these, which must be there, replaced."""
    for old, new in replacements.items():
        assert old in text, f"{old!r} is not in the manual's configuration any more"
        text = text.replace(old, new)
    return text


@attrs.frozen
class Site:
    """What a proxy's configuration is made of."""

    folder: Path
    authority: Authority
    port: int
    page: str
    """The page of the manual that prints it."""
    servers: Mapping[str, int]
    """The ports of the servers, by the addresses that stand there."""
    is_hasty: bool = False
    """Whether the proxy's timeouts are shortened: else the silence that they would end lasts minutes."""

    def configuration(self, language: str, replacements: Mapping[str, str]) -> str:
        """The configuration in this language, with its addresses and these things replaced."""
        addresses = {address: f"127.0.0.1:{port}" for address, port in self.servers.items()}
        return replaced(printed(language, self.page), {**replacements, **addresses})

    def shortened(self, *timeouts: str) -> dict[str, str]:
        """These timeouts of a configuration as short ones, if they shall be."""
        is_hasty = self.is_hasty and not HAS_REAL_TIMES
        return {each: re.sub(r"\d+s", f"{SHORT_S}s", each) for each in timeouts} if is_hasty else {}


Configure: TypeAlias = "Callable[[Site], list[str]]"
"""Writes a configuration, and returns the command that runs the proxy with it."""


def nginx(site: Site) -> list[str]:
    """nginx."""
    config = site.configuration(
        "nginx",
        {
            "listen 443 ssl": f"listen 127.0.0.1:{site.port} ssl",
            f"/etc/letsencrypt/live/{HOST}/fullchain.pem": str(site.authority.certificate),
            f"/etc/letsencrypt/live/{HOST}/privkey.pem": str(site.authority.key),
        }
        | site.shortened("timeout 120s"),
    )
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = "".join(f"{kind}_temp_path {site.folder}/{kind};\n" for kind in kinds)
    user = "user root;\n" if os.geteuid() == 0 else ""
    path = site.folder / "nginx.conf"
    path.write_text(
        f"{user}daemon off;\nworker_processes 1;\npid {site.folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{folders}{config}}}\n"
    )
    return ["nginx", "-e", "stderr", "-p", str(site.folder), "-c", str(path)]


def caddy(site: Site) -> list[str]:
    """Caddy."""
    files = f"{site.authority.certificate} {site.authority.key}"
    config = site.configuration(
        "caddy",
        {f"{HOST} {{": f"https://{HOST}:{site.port} {{\n    bind 127.0.0.1\n    tls {files}"},
    )
    path = site.folder / "Caddyfile"
    path.write_text(
        f"{{\n    admin off\n    auto_https disable_redirects\n    skip_install_trust\n}}\n{config}"
    )
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(path)]


def haproxy(site: Site) -> list[str]:
    """HAProxy."""
    pem = site.folder / "both.pem"
    pem.write_bytes(site.authority.certificate.read_bytes() + site.authority.key.read_bytes())
    config = site.configuration(
        "haproxy",
        {f"bind :443 ssl crt /etc/haproxy/{HOST}.pem": f"bind 127.0.0.1:{site.port} ssl crt {pem}"}
        | site.shortened("timeout client 60s", "timeout server 60s", "timeout tunnel 120s"),
    )
    path = site.folder / "haproxy.cfg"
    path.write_text(config)
    return ["haproxy", "-db", "-f", str(path)]


def free_port() -> int:
    """A port that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
    return port


async def _wait_listening(port: int, process: trio.Process) -> None:
    with trio.fail_after(PATIENCE_S):
        while process.poll() is None:
            try:
                stream = await trio.open_tcp_stream("127.0.0.1", port)
            except OSError:
                await trio.sleep(0.02)
            else:
                await stream.aclose()
                return
    pytest.fail("the proxy ended")


@asynccontextmanager
async def running(configure: Configure, site: Site) -> AsyncIterator[None]:
    """Run the proxy, until the block is left. Skips where it is not on this machine."""
    name = configure.__name__
    if shutil.which(name, path=PROGRAMS) is None:
        pytest.skip(f"NOT TESTED: behind {name}, which is not on this machine (apt install it)")
    environment = {**os.environ, "PATH": PROGRAMS}
    environment |= {"XDG_DATA_HOME": str(site.folder), "XDG_CONFIG_HOME": str(site.folder)}
    async with trio.open_nursery() as nursery:
        start = partial(
            trio.run_process, configure(site), check=False, env=environment, stderr=subprocess.DEVNULL
        )
        process: trio.Process = await nursery.start(start)
        await _wait_listening(site.port, process)
        yield
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def connect(port: int, context: ssl.SSLContext, address: str) -> AsyncIterator[RawPeer]:
    """A connection over TLS to the proxy, from this address of the machine."""
    sock = trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with sock:
        await sock.bind((address, 0))
        with trio.fail_after(PATIENCE_S):
            await sock.connect(("127.0.0.1", port))
            stream = trio.SocketStream(sock)
            tls = trio.SSLStream(stream, context, server_hostname=HOST, https_compatible=True)
            await tls.do_handshake()
        yield RawPeer(stream, tls)


async def shake_hands(peer: RawPeer, **headers: str) -> int:
    """The status of a handshake."""
    await peer.send(upgrade(host=HOST, **headers))  # type: ignore[arg-type]  # mypy sees any keyword in them
    return int((await peer.receive_head()).split()[1])
