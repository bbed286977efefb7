"""The addresses of the page: on this machine, in its network, and the public one."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from trio_chat.server.listeners import EVERY_ADDRESS

if TYPE_CHECKING:
    from trio_chat.config.config import Config

EVERYWHERE = EVERY_ADDRESS | {"0.0.0.0"}
"""With these as ``--host``, as without one, the server is at ``localhost``, and at the machine's network address."""

CONTAINER_SIGNS = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""The files by which Docker and Podman mark a container: its address in its network leads nowhere from outside."""


def page_address(config: Config, port: int) -> str:
    """The address of the page for links: the public one, else that on this machine."""
    return address_here(config, port) if config.public_url is None else config.public_url.rstrip("/")


def address_here(config: Config, port: int) -> str:
    """The address of the page on this machine."""
    return _url(
        "localhost" if config.host is None or config.host in EVERYWHERE else config.host, config, port
    )


def network_url(config: Config, port: int) -> str | None:
    """The address of the page for others in the machine's network; None if none is known, or there is a public one."""
    if config.public_url is not None:
        return None
    host = _network_address() if config.host is None or config.host in EVERYWHERE else config.host
    return None if host is None or _is_loopback(host) else f"{_url(host, config, port)}/"


def _url(host: str, config: Config, port: int) -> str:
    host = host.removeprefix("[").removesuffix("]")
    scheme = "http" if config.tls_certificate is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _network_address() -> str | None:
    """This machine's address in its network; None if it is in none that others reach. Nothing is sent: connecting a UDP
    socket only reads the routing table (192.0.2.1 is reserved for documentation, RFC 5737)."""
    if any(sign.exists() for sign in CONTAINER_SIGNS):
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            address: str = probe.getsockname()[0]
        except OSError:
            return None
    return address
