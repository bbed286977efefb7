"""Network of a run's own: a namespace with an address for each machine, all on one bridge to this one."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import trio

from tests.torture.disk import Skipped
from tests.torture.wires import TUN, open_wires

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.torture.wires import Counts, Quality, Wires

NOBODYS_PORT: Final = 9
PING_S: Final = 20


class Machine:
    """A namespace: whatever runs in it has an address of its own, and can be cut off. Made by `open_network`."""

    def __init__(self, name: str, host: str, wires: Wires, wire: int) -> None:
        self.name = name
        self.host = host
        self.link, self.inner_link = _ends(name)
        """Its link's ends: on this machine, and in the namespace."""
        self._wires = wires
        self._wire = wire

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

    async def set_quality(self, quality: Quality) -> None:
        """Let its link be like this from now on."""
        await self._wires.ask(self._wire, quality)

    async def counts(self) -> Counts:
        """What has happened to what it sent and got."""
        return await self._wires.ask(self._wire)

    async def ping(self) -> float | None:
        """Seconds until it answers, from here, that nobody listens; None if it does not in time."""
        began = trio.current_time()
        with trio.move_on_after(PING_S), trio.socket.socket() as probe:
            try:
                await probe.connect((self.host, NOBODYS_PORT))
            except ConnectionRefusedError:
                return trio.current_time() - began
        return None


@asynccontextmanager
async def open_network(count: int) -> AsyncIterator[list[Machine]]:
    """So many machines, each of which reaches the others and this one; all of it is gone on leaving. Raises `Skipped`
    where that cannot be had."""
    if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("nsenter") is None or not TUN.exists():
        raise Skipped(f"machines of one's own need root, ip, nsenter and {TUN}")
    tag = f"tc{os.getpid() % 100_000}"
    bridge = f"{tag}b"
    net = f"10.{64 + os.getpid() % 64}.{os.getpid() // 64 % 256}"
    names = [f"{tag}n{number}" for number in range(count)]
    try:
        async with open_wires([_ends(name) for name in names]) as wires:
            machines = [Machine(name, f"{net}.{n + 2}", wires, n) for n, name in enumerate(names)]
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
            for name in names:
                await _ip("netns", "delete", name, check=False)
            await _ip("link", "delete", bridge, check=False)


def _ends(name: str) -> tuple[str, str]:
    return f"{name}h", f"{name}i"


async def _add(machine: Machine, bridge: str) -> None:
    inside = ("-n", machine.name)
    await _ip("netns", "add", machine.name)
    await _ip("link", "set", machine.inner_link, "netns", machine.name)
    await _ip("link", "set", machine.link, "master", bridge, "up")
    await _ip(*inside, "address", "add", f"{machine.host}/24", "dev", machine.inner_link)
    await _ip(*inside, "link", "set", machine.inner_link, "up")
    await _ip(*inside, "link", "set", "lo", "up")


async def _ip(*arguments: str, check: bool = True) -> None:
    await trio.run_process(["ip", *arguments], check=check, capture_stderr=True)
