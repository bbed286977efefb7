"""Who may know whom: the pure core knows nothing of the world, every other module only what is listed here.

Imports for types count as well: they are knowledge. A new module needs a line here, and each new name in a
line is a decision about the architecture.
"""

from __future__ import annotations

import ast
import graphlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parent.parent / "trio_chat"

VOCABULARY = {"errors", "model.events"}
"""What everybody may speak of."""

PURE = {
    "search": set(),
    "protocol": set(),
    "kinds": set(),
    "model": set(),
    "config": set(),
    "protocol.replies": {"kinds.bodies", "protocol.commands", "protocol.event_frames"},
    "kinds.bodies": set(),
    "model.chain": set(),
    "client.backoff": set(),
    "client.frames": set(),
    "protocol.encoding": {"protocol.replies", "kinds.bodies", "protocol.event_frames"},
    "protocol.commands": set(),
    "config.config": {"config.setting"},
    "model.emoji": set(),
    "errors": set(),
    "model.events": set(),
    "model.name_words": set(),
    "net.frame_guard": {"net.limits"},
    "net.request_head": set(),
    "net.limits": set(),
    "model.lookalikes": set(),
    "people.device_codes": {"net.limits"},
    "model.names": {"model.name_words"},
    "web.bundle": set(),
    "web.page": {"web.bundle"},
    "net.origin": set(),
    "people.avatars": {"store.base"},
    "presence.attendance": {"store.base"},
    "search.query": {"model.names", "search.grams"},
    "kinds.rules": {"kinds.bodies"},
    "gateways.v1.session": {"protocol.commands", "net.limits", "model.names"},
    "config.setting": set(),
    "store.base": {"search.query"},
    "search.grams": set(),
    "search.matching": {"search.query", "search.grams"},
    "protocol.event_frames": {"kinds.bodies"},
}

SHELL = {
    "ops": set(),
    "server": set(),
    "web": set(),
    "gateways": set(),
    "people": set(),
    "presence": set(),
    "rooms": set(),
    "net": set(),
    # Bytes, and one connection's way out.
    "net.wire": set(),
    "net.outbox": {"net.wire"},
    # Rooms, over a store that they know by its promises only.
    "rooms.recent_events": {"kinds.bodies", "protocol.encoding"},
    "rooms.subscribers": {
        "kinds.bodies",
        "protocol.encoding",
        "net.outbox",
        "store.base",
        "rooms.recent_events",
    },
    "rooms.submission": {"protocol.replies", "kinds.bodies", "protocol.encoding", "net.outbox", "store.base"},
    "rooms.room": {
        "rooms.subscribers",
        "kinds.bodies",
        "protocol.encoding",
        "net.outbox",
        "kinds.rules",
        "store.base",
        "rooms.submission",
    },
    "rooms.registry": {"config.config", "rooms.room", "kinds.rules", "store.base"},
    "people.identities": {"people.device_codes", "model.lookalikes", "model.names", "store.base"},
    # Beside the log, and all of it together.
    "presence.connected": {"protocol.replies", "protocol.encoding", "net.outbox"},
    "presence.service": {
        "protocol.replies",
        "kinds.bodies",
        "protocol.encoding",
        "presence.connected",
        "presence.attendance",
        "rooms.room",
        "store.base",
    },
    "gateways.v1.room_lists": {"protocol.replies", "store.base", "protocol.event_frames"},
    "hub": {
        "protocol.replies",
        "presence.service",
        "config.config",
        "presence.connected",
        "gateways.v1.room_lists",
        "people.identities",
        "rooms.room",
        "rooms.registry",
        "store.base",
    },
    # One connection.
    "gateways.plain": {
        "protocol.encoding",
        "hub",
        "net.limits",
        "net.outbox",
        "people.identities",
        "rooms.room",
        "rooms.registry",
        "rooms.submission",
    },
    "gateways.v1": {
        "protocol.replies",
        "rooms.subscribers",
        "kinds.bodies",
        "protocol.encoding",
        "protocol.commands",
        "model.emoji",
        "hub",
        "net.limits",
        "people.device_codes",
        "gateways.v1.room_lists",
        "model.names",
        "net.outbox",
        "people.identities",
        "people.avatars",
        "search.query",
        "rooms.room",
        "rooms.registry",
        "kinds.rules",
        "gateways.v1.session",
        "store.base",
        "rooms.submission",
        "protocol.event_frames",
    },
    "server.connection": {
        "protocol.encoding",
        "net.frame_guard",
        "hub",
        "net.limits",
        "net.origin",
        "net.outbox",
        "gateways.plain",
        "gateways.v1",
        "net.wire",
    },
    # The port, and everything together.
    "web.exchange": {"net.wire"},
    "web.assets": {"web.page"},
    "web.http": {"config.config", "web.exchange", "web.assets", "metrics", "net.wire"},
    "server.server": {
        "config.config",
        "server.connection",
        "net.request_head",
        "web.http",
        "hub",
        "net.limits",
        "net.wire",
    },
    "ops.file_limits": set(),
    "ops.statistics_line": {"rooms.registry", "server.server", "store.base"},
    "ops.tuning": set(),
    "ops.log_format": set(),
    "metrics": {"net.limits", "net.outbox", "rooms.room", "rooms.registry", "store.base"},
    "app": {
        "config.config",
        "ops.file_limits",
        "ops.statistics_line",
        "hub",
        "net.limits",
        "metrics",
        "ops.tuning",
        "server.server",
        "store.base",
        "store.sqlite.open",
    },
    "__main__": {
        "app",
        "config.config",
        "ops.log_format",
        "config.setting",
        "store.sqlite.backup",
        "store.sqlite.verify",
    },
    # On the other side of the wire.
    "client": {"protocol.encoding"},
    # The stores.
    "store": {
        "kinds.bodies",
        "model.chain",
        "search.grams",
        "search.matching",
        "search.query",
        "kinds.rules",
    },
}

ALLOWED: dict[str, set[str]] = PURE | SHELL
"""A package's line is for those of its modules that have none; they may also know each other."""

# fmt: off
PURE_LIBRARIES = {
    "__future__", "abc", "base64", "bisect", "collections", "collections.abc", "contextlib", "dataclasses",
    "datetime", "difflib", "enum", "functools", "hashlib", "hmac", "html", "ipaddress", "itertools", "json",
    "math", "operator", "pathlib", "posixpath", "random", "re", "string", "textwrap", "types", "typing", "unicodedata",
    "urllib.parse", "attrs", "h11", "msgspec", "precis_i18n", "wsproto.connection", "wsproto.events",
    "confusable_homoglyphs.confusables",
}
# fmt: on
"""What computes and does nothing else. Of `random` only the class, of `datetime` no clock: see `impurities`."""


def path_of(module: str) -> Path:
    inside = PACKAGE.joinpath(*module.split("."))
    return inside / "__init__.py" if inside.is_dir() else inside.with_suffix(".py")


def modules() -> list[str]:
    """All modules by their names inside the package; a package inside it counts as one."""
    paths = (path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))
    names = (".".join(path.parts).removesuffix("__init__").removesuffix(".") for path in paths)
    return sorted(filter(None, names))


def may_know(module: str) -> set[str]:
    """The modules that this one may import, of those that exist."""
    line = module
    while line not in ALLOWED:
        line = line.rpartition(".")[0]
        assert line, f"{module} needs a line in this test: whom may it know?"
    siblings = {name for name in modules() if name.startswith(f"{line}.")} | {line}
    return ALLOWED[line] | siblings | VOCABULARY


def is_for_types_only(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def walk(tree: ast.AST, *, with_types: bool) -> Iterator[ast.AST]:
    yield tree
    for child in ast.iter_child_nodes(tree):
        if with_types or not (isinstance(child, ast.stmt) and is_for_types_only(child)):
            yield from walk(child, with_types=with_types)


def imports(tree: ast.AST, *, with_types: bool) -> Iterator[tuple[str, str | None]]:
    """Each import, wherever it stands, as its module and the name taken from there."""
    for node in walk(tree, with_types=with_types):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (("." * node.level + (node.module or ""), alias.name) for alias in node.names)


def own_imports(tree: ast.AST, *, with_types: bool) -> set[str]:
    """The modules of this package that are imported, without the package's own name."""
    found = set()
    for module, name in imports(tree, with_types=with_types):
        if module.partition(".")[0] != "trio_chat":
            continue
        inner = module.removeprefix("trio_chat").removeprefix(".")
        with_name = f"{inner}.{name}".removeprefix(".")
        if name is not None and path_of(with_name).exists():
            found.add(with_name)
        elif inner:
            found.add(inner)
    return found


def impurities(tree: ast.AST) -> Iterator[str]:
    """What a pure module must not have, in words."""
    for module, name in imports(tree, with_types=False):
        if module.partition(".")[0] == "trio_chat":
            continue
        if module not in PURE_LIBRARIES:
            yield f"imports {module}"
        if module == "random" and name != "Random":
            yield "imports chance; let a random.Random be passed in"
    for node in walk(tree, with_types=False):
        match node:
            case ast.Call(func=ast.Name(id="open" | "print" | "input" | "__import__" as name)):
                yield f"calls {name}()"
            case ast.Call(
                func=ast.Attribute(attr="now" | "utcnow" | "today" as name, value=ast.Name(id=owner))
            ):
                if owner in {"datetime", "date", "dt"}:
                    yield f"reads the clock with {owner}.{name}()"


def parsed(module: str) -> ast.Module:
    return ast.parse(path_of(module).read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", modules())
def test_a_module_knows_only_the_modules_it_may_know(module: str) -> None:
    assert own_imports(parsed(module), with_types=True) <= may_know(module)


@pytest.mark.parametrize("module", [module for module in modules() if module in PURE])
def test_a_pure_module_is_pure_and_so_is_all_it_imports(module: str) -> None:
    seen, waiting = set(), {module}
    while waiting:
        current = waiting.pop()
        seen.add(current)
        assert current in PURE, f"{module} comes to import {current}, which is not pure"
        assert list(impurities(parsed(current))) == []
        waiting |= own_imports(parsed(current), with_types=False) - seen


def test_knowing_goes_one_way_only() -> None:
    graphlib.TopologicalSorter(ALLOWED).prepare()  # raises CycleError


@pytest.mark.parametrize(
    "source",
    [
        "import trio",
        "import trio.testing as t",
        "from time import monotonic",
        "def f():\n    import socket",
        "try:\n    import apsw\nexcept ImportError: pass",
        "import random",
        "from random import choice",
        "from datetime import datetime\ndatetime.now()",
        "open('x')",
        "from . import room",
    ],
)
def test_this_test_would_notice(source: str) -> None:
    assert list(impurities(ast.parse(source)))


def test_types_are_not_impure_but_are_knowledge() -> None:
    tree = ast.parse(
        "if TYPE_CHECKING:\n    import trio\n    from trio_chat.rooms.room import Room\nimport math"
    )
    assert list(impurities(tree)) == []
    assert own_imports(tree, with_types=False) == set()
    assert own_imports(tree, with_types=True) == {"rooms.room"}
