"""Who may import whom, folder by folder: the pure core imports nothing of the world, every folder only what is listed.

Imports for types count as well: they are knowledge. A new folder needs a line here, and each new name in a line is a
decision about the architecture. A name that nobody needs any more goes: that is tested as well.
"""

from __future__ import annotations

import ast
import graphlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

TESTS = Path(__file__).parent

PACKAGE = TESTS.parent / "trio_chat"

VOCABULARY = {"errors"}
"""What everybody may import."""

ALLOWED: dict[str, set[str]] = {
    # Pure: what a chat is, and its words.
    "errors": set(),
    "security_log": set(),
    "config": {"blobs"},
    "model": set(),
    "kinds": {"media", "model"},
    "search": {"kinds", "model"},
    # What people send, and the process that decodes it.
    "media": set(),
    # What the core stands on: bytes of one connection, contents of files, and the log.
    "blobs": set(),
    "net": set(),
    "outgoing": {"media", "net"},
    "protocol": {"kinds", "model", "net"},
    "store": {"kinds", "model", "search"},
    "store.sql": {"kinds", "model", "search", "store"},
    "store.moving": {"store", "store.sql"},
    "store.postgresql": {"kinds", "model", "search", "store", "store.moving", "store.sql"},
    "store.sqlite": {"model", "search", "store", "store.moving", "store.sql"},
    # The core: rooms, people, and what is in no log.
    "rooms": {"config", "kinds", "model", "net", "store"},
    "people": {"model", "store"},
    "presence": {"model", "net", "rooms", "store"},
    "nodes": {"kinds", "model", "people", "presence", "rooms", "store"},
    "moderation": {"kinds", "model", "net", "presence", "rooms", "store"},
    "files": {"blobs", "kinds", "media", "model", "moderation", "net", "rooms", "store"},
    "hub": {
        "blobs",
        "config",
        "files",
        "kinds",
        "model",
        "moderation",
        "net",
        "nodes",
        "outgoing",
        "people",
        "presence",
        "rooms",
        "store",
        "security_log",
    },
    # What speaks to clients, and the port that they come to.
    "gateways": {
        "files",
        "hub",
        "kinds",
        "model",
        "moderation",
        "net",
        "people",
        "presence",
        "protocol",
        "rooms",
        "search",
        "store",
    },
    "web": {"net"},
    "server": {"config", "gateways", "hub", "net", "protocol", "web"},
    # The process.
    "ops": {
        "blobs",
        "config",
        "rooms",
        "server",
        "store",
        "store.moving",
        "store.postgresql",
        "store.sql",
        "store.sqlite",
    },
    "app": {
        "config",
        "hub",
        "model",
        "moderation",
        "net",
        "ops",
        "server",
        "store",
        "web",
    },
    "__main__": {
        "app",
        "blobs",
        "config",
        "model",
        "moderation",
        "ops",
        "protocol",
        "store.sql",
        "store.sqlite",
    },
    # On the other side of the wire.
    "client": {"kinds", "model", "protocol"},
}
"""Folders, and modules that stand in none. The longest name that fits a module is its line."""

PURE = {
    "config",
    "errors",
    "kinds",
    "model",
    "protocol",
    "search",
    # Of the others these modules.
    "blobs.base",
    "blobs.places",
    "client.backoff",
    "client.endings",
    "client.events",
    "client.frames",
    "gateways.v1.session",
    "media.avif",
    "media.boxes",
    "media.exif",
    "media.gif",
    "media.job",
    "media.jpeg",
    "media.metadata",
    "media.mp4",
    "media.pieces",
    "media.png",
    "media.thumbhash",
    "media.types",
    "media.webp",
    "net.frame_guard",
    "net.credentials",
    "net.forwarded",
    "net.host",
    "net.limits",
    "net.origin",
    "net.rate_limits",
    "net.request_head",
    "net.websocket_frames",
    "outgoing.page_head",
    "outgoing.public",
    "people.avatars",
    "people.device_codes",
    "presence.attendance",
    "presence.elsewhere",
    "presence.read_markers",
    "presence.room_state",
    "rooms.cursors",
    "store.base",
    "store.contract",
    "store.space",
    "web.bundle",
    "web.minify",
    "web.page",
}

# fmt: off
PURE_LIBRARIES = {
    "__future__", "abc", "base64", "binascii", "bisect", "collections", "collections.abc", "contextlib", "dataclasses",
    "datetime", "difflib", "enum", "functools", "hashlib", "hmac", "html", "http", "ipaddress", "itertools", "json",
    "math", "operator", "pathlib", "posixpath", "random", "re", "string", "textwrap", "types", "typing", "unicodedata",
    "urllib.parse", "attrs", "h11", "msgspec", "precis_i18n", "wsproto.connection", "wsproto.events",
    "confusable_homoglyphs.confusables", "rjsmin",
}
# fmt: on
"""What computes and does nothing else. Of `random` only the class, of `datetime` no clock: see `impurities`."""


def path_of(module: str) -> Path:
    inside = PACKAGE.joinpath(*module.split("."))
    return inside / "__init__.py" if inside.is_dir() else inside.with_suffix(".py")


def modules() -> list[str]:
    """All modules by their names inside the package; a folder inside it counts as one."""
    paths = (path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))
    names = (".".join(path.parts).removesuffix("__init__").removesuffix(".") for path in paths)
    return sorted(filter(None, names))


def line_of(module: str, lines: Collection[str]) -> str | None:
    """The line that holds for a module: its own, or that of the nearest folder it is in."""
    line = module
    while line and line not in lines:
        line = line.rpartition(".")[0]
    return line or None


@cache
def known_by(module: str) -> frozenset[str]:
    """The lines of what this module imports, but its own."""
    known = {str(line_of(other, ALLOWED)) for other in own_imports(parsed(module), with_types=True)}
    return frozenset(known - {str(line_of(module, ALLOWED))})


@cache
def look_into(module: str) -> tuple[list[str], set[str]]:
    """What a pure module must not have, in words, and the modules of this package that it imports."""
    tree = parsed(module)
    return list(impurities(tree)), own_imports(tree, with_types=False)


def is_for_types_only(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def walk(tree: ast.AST, *, with_types: bool) -> Iterator[ast.AST]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(
            child
            for child in ast.iter_child_nodes(node)
            if with_types or not (isinstance(child, ast.stmt) and is_for_types_only(child))
        )


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
def test_a_module_imports_only_what_its_folder_may_import(module: str) -> None:
    line = line_of(module, ALLOWED)
    assert line is not None, f"{module} needs a line in this test: what may it import?"
    assert known_by(module) <= ALLOWED[line] | VOCABULARY


def test_every_allowance_is_used() -> None:
    used: dict[str, set[str]] = {line: set() for line in ALLOWED}
    for module in modules():
        used[str(line_of(module, ALLOWED))] |= known_by(module)
    assert {line: allowed - used[line] for line, allowed in ALLOWED.items() if allowed - used[line]} == {}


@pytest.mark.parametrize("module", [module for module in modules() if line_of(module, PURE)])
def test_a_pure_module_is_pure_and_so_is_all_it_imports(module: str) -> None:
    seen, waiting = set(), {module}
    while waiting:
        current = waiting.pop()
        seen.add(current)
        assert line_of(current, PURE), f"{module} comes to import {current}, which is not pure"
        impure, imported = look_into(current)
        assert impure == []
        waiting |= imported - seen


def imported_tests(tree: ast.AST) -> list[str]:
    """What is imported from modules of tests: what several of them need belongs into a module of its own."""
    named = (f"{module}.{name or ''}" for module, name in imports(tree, with_types=True))
    return [name for name in named if name.startswith("tests.") and ".test_" in name]


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_no_test_imports_from_another_test(path: Path) -> None:
    assert imported_tests(ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("line", [line for line in ALLOWED if path_of(line).name == "__init__.py"])
def test_a_folder_says_what_it_imports(line: str) -> None:
    """The last line of its `__init__`'s docstring is ``Imports: a, b.``, after ``Pure.`` where it is."""
    imported = set().union(*(known_by(module) for module in modules() if line_of(module, ALLOWED) == line))
    said = f"Imports: {', '.join(sorted(imported)) or 'nothing'}."
    docstring = (ast.get_docstring(parsed(line)) or "").replace("\n", " ")
    assert docstring.endswith(f"Pure. {said}" if line in PURE else said)


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


def test_this_test_would_notice_an_import_from_another_test() -> None:
    for source in (
        "from tests.web.test_http import ask",
        "import tests.web.test_http",
        "from tests.web import test_http",
    ):
        assert imported_tests(ast.parse(source)), source
