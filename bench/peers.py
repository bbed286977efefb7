"""Who is measured: how each server is started, and which language its clients speak."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import attrs

from bench import build

Command = Callable[[int, Path], "list[str | Path]"]
"""From a free port and an empty directory to the command that serves on that port."""

OURS = "trio-chat"
LIMIT = "c-limit"


def _nothing_to_build() -> None:
    pass


@attrs.frozen
class Peer:
    """One server to measure."""

    name: str
    title: str
    command: Command
    dialect: str = "plain"
    build: Callable[[], None] = _nothing_to_build


def _build_ours() -> None:
    if importlib.util.find_spec("trio_chat") is None:
        raise build.BuildError("trio_chat cannot be imported; install the project into this environment.")


def trio_chat(
    port: int, directory: Path, checkout: Path | None = None, more: Mapping[str, object] | None = None
) -> list[str | Path]:
    """The product as it is: every limit on, but high enough for a benchmark from one address.

    ``checkout``: not the one that is installed here, but the one in this folder. ``more``: settings beside these.
    """
    settings: dict[str, object] = {
        "host": "127.0.0.1",
        "port": port,
        "data": directory / "data",
        "log-level": "warning",
        "messages-per-second": 1_000_000,
        "burst": 1_000_000,
        "max-connections": 15_000,
        "max-connections-per-address": 0,
    }
    if (
        checkout is None or (checkout / "trio_chat/net/rate_limits.py").exists()
    ):  # older ones have no such settings
        settings |= {
            "messages-per-second-per-address": 0,
            "new-people-per-hour": 0,
            "new-people-per-address-per-hour": 0,
        }
    if checkout is None or (checkout / "trio_chat/store/space.py").exists():
        settings |= {"person-quota": 1_000_000, "disk-floor": 50}
    settings |= more or {}
    flags = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    if checkout is None:
        return [sys.executable, "-m", "trio_chat", *flags]
    return ["env", f"PYTHONPATH={checkout}", sys.executable, "-P", "-m", "trio_chat", *flags]


def peers_of(checkout: Path) -> list[Peer]:
    """Another checkout of trio-chat, measured beside this one: what a change costs."""
    command = partial(trio_chat, checkout=checkout.resolve())
    return [
        Peer("other", "the other checkout, plain", command),
        Peer("other-v1", "the other checkout, v1", command, dialect="v1"),
    ]


def _script(name: str) -> Command:
    return lambda port, _: [build.PYTHON, build.PEERS / name, str(port)]


def _nats(port: int, directory: Path) -> list[str | Path]:
    config = directory / "nats.conf"
    text = (build.PEERS / "nats.conf").read_text()
    config.write_text(text.replace("{client_port}", "-1").replace("{port}", str(port)))
    return [build.NATS, "-c", config]


PEERS = (
    Peer(OURS, "trio-chat, plain", trio_chat, build=_build_ours),
    Peer("trio-chat-v1", "trio-chat, v1", trio_chat, dialect="v1", build=_build_ours),
    Peer(LIMIT, "C limit: one send per client and tick",
         lambda port, _: [build.C_LIMIT, "--port", str(port)]),
    Peer("c-naive", "C, one send per client and message",
         lambda port, _: [build.C_LIMIT, "--naive", "--port", str(port)]),
    Peer("nats", "NATS over WebSocket", _nats, dialect="nats", build=build.build_python),
    Peer("uws", "uWebSockets publish (socketify)", _script("uws_socketify.py"), build=build.build_python),
    Peer("websockets", "Python websockets, broadcast",
         _script("websockets_broadcast.py"), build=build.build_python),
    Peer("node-ws", "Node ws, a loop over clients",
         lambda port, _: ["node", build.NODE_WS / "server.js", str(port)], build=build.build_node),
    Peer("trio-loop", "Trio, a loop of `await send_message`",
         _script("trio_loop.py"), build=build.build_python),
)  # fmt: skip
