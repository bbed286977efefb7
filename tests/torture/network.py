"""Network of a run's own: a namespace with an address for each machine, all on one bridge to this one."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from tests.torture.disk import Skipped

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Machine:
    """A namespace: whatever runs in it has an address of its own, and can be cut off. Made by `open_network`."""

    def __init__(self, name: str, host: str) -> None:
        self.name = name
        self.host = host
        self.link = f"{name}h"
        """Its link's end on this machine."""

    @property
    def prefix(self) -> tuple[str, ...]:
        """The command by which a program is run in it."""
        return ("nsenter", f"--net=/run/netns/{self.name}")

    async def cut_off(self) -> None:
        """Take its link down."""
        await _ip("link", "set", self.link, "down")

    async def connect(self) -> None:
        """Take its link up again."""
        await _ip("link", "set", self.link, "up")

    async def drop_answers_to(self, other: Machine) -> None:
        """Lose whatever it sends to another machine, from which it hears everything."""
        await _ip("-n", self.name, "route", "add", "blackhole", f"{other.host}/32")

    async def answer(self, other: Machine) -> None:
        """Undo `drop_answers_to`."""
        await _ip("-n", self.name, "route", "del", "blackhole", f"{other.host}/32")


@asynccontextmanager
async def open_network(count: int) -> AsyncIterator[list[Machine]]:
    """So many machines, each of which reaches the others and this one; all of it is gone on leaving. Raises `Skipped`
    where that cannot be had."""
    if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("nsenter") is None:
        raise Skipped("machines of one's own need root, ip and nsenter")
    tag = f"tc{os.getpid() % 100_000}"
    bridge = f"{tag}b"
    net = f"10.{64 + os.getpid() % 64}.{os.getpid() // 64 % 256}"
    machines = [Machine(f"{tag}n{number}", f"{net}.{number + 2}") for number in range(count)]
    try:
        try:
            await _ip("link", "add", bridge, "type", "bridge")
            await _ip("address", "add", f"{net}.1/24", "dev", bridge)
            await _ip("link", "set", bridge, "up")
            for machine in machines:
                await _add(machine, bridge)
        except subprocess.CalledProcessError as error:
            raise Skipped(f"namespaces cannot be made here: {error.stderr.decode().strip()}") from error
        yield machines
    finally:
        with trio.CancelScope(shield=True):
            for machine in machines:
                await _ip("netns", "delete", machine.name, check=False)
            await _ip("link", "delete", bridge, check=False)


async def _add(machine: Machine, bridge: str) -> None:
    inside = ("-n", machine.name)
    await _ip("netns", "add", machine.name)
    await _ip("link", "add", machine.link, "type", "veth", "peer", "name", "eth0", "netns", machine.name)
    await _ip("link", "set", machine.link, "master", bridge, "up")
    await _ip(*inside, "address", "add", f"{machine.host}/24", "dev", "eth0")
    await _ip(*inside, "link", "set", "eth0", "up")
    await _ip(*inside, "link", "set", "lo", "up")


async def _ip(*arguments: str, check: bool = True) -> None:
    await trio.run_process(["ip", *arguments], check=check, capture_stderr=True)
