"""The page's packed modules beside a second opinion: ``python -m tests.packed FOLDER [ESBUILD]``.

Writes them into FOLDER as they are served, and asks node whether each is a module that it could run. esbuild, a program
that does parse JavaScript, bundles the same entry; it must find the same modules, and the same of them imported later.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from trio_chat.web.bundle import SHARED, pack
from trio_chat.web.http import STATIC
from trio_chat.web.page import build_page

if TYPE_CHECKING:
    from collections.abc import Mapping


class Graph(NamedTuple):
    """What is reached from the page's entry."""

    modules: list[str]
    later: set[str]
    """Those that are imported by ``import()``."""


def sources() -> dict[str, bytes]:
    """The page's files by name."""
    return {
        path.relative_to(STATIC).as_posix(): path.read_bytes() for path in STATIC.rglob("*") if path.is_file()
    }


def served(bodies: Mapping[str, bytes]) -> tuple[str, dict[str, str]]:
    """The name of the page's entry, and its packed modules by name."""
    page = build_page(bodies)
    entry = re.search(r'<script type="module" src="static/\w+/([^"]+)">', page.html)
    later = re.search(r'<meta name="later" content="([^"]*)">', page.html)
    assert entry, "the page has no module"
    assert later, "the page does not say what is imported later"
    return entry[1], {name: page.files[name].decode() for name in (entry[1], *later[1].split())}


def packed(bodies: Mapping[str, bytes], entry: str) -> Graph:
    """What our packer found, read in what it wrote, before it was shortened."""
    scripts = {name: body.decode() for name, body in bodies.items() if name.endswith((".js", ".mjs"))}
    files = pack(scripts, entry)
    modules = [
        name
        for text in files.values()
        for name in re.findall(r"^// (\S+)\nconst \$\d+ = ", text, re.MULTILINE)
    ]
    later = {name for name in files if name != entry and Path(name).name != SHARED}
    return Graph(sorted(modules), later)


def bundled(esbuild: str, entry: str, folder: Path) -> Graph:
    """What esbuild finds."""
    report = folder / "graph.json"
    options = ("--bundle", "--format=esm", "--log-level=warning", f"--metafile={report}")
    subprocess.run([esbuild, entry, *options, f"--outfile={folder / 'bundle.js'}"], check=True, cwd=STATIC)
    inputs = json.loads(report.read_text("utf-8"))["inputs"]
    imports = [found for module in inputs.values() for found in module["imports"]]
    return Graph(sorted(inputs), {found["path"] for found in imports if found["kind"] == "dynamic-import"})


def main(folder: Path, esbuild: str | None) -> None:
    """Exit with a sentence for the first thing that is wrong."""
    bodies = sources()
    entry, files = served(bodies)
    (folder / "package.json").write_text('{"type": "module"}', "utf-8")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        if subprocess.run(["node", "--check", str(path)]).returncode:
            sys.exit(f"the packed module {name} is none, see above and {path}")
    ours = packed(bodies, entry)
    print(f"{len(files)} packed files of {len(ours.modules)} modules: node reads each")
    if esbuild is None:
        print("NOT TESTED: what esbuild says of them")
        return
    theirs = bundled(esbuild, entry, folder)
    for what, mine, other in (
        ("modules", ours.modules, theirs.modules),
        ("modules imported later", sorted(ours.later), sorted(theirs.later)),
    ):
        if mine != other:
            sys.exit(f"{what}: we have {mine}, esbuild {other}")
    print("esbuild finds the same modules, and the same of them imported later")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
