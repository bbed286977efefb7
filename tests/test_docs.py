"""The documents name only what is there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/decisions/*.md")])

FOLDERS = ("trio_chat", "static", "tests", "bench", "docs", "newsfragments", ".ci")

MADE = {"dist/", "trio-chat-data/", "shared.js", "trio_chat/kinds/votes.py"}
"""What comes into being when something is run, or by following an example."""

_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"[a-z_][\w./-]*(?:\.(?:py|js|mjs|css|toml)|/)")


def paths_in(text: str) -> set[str]:
    """The files and folders of this project that a document names in code marks."""
    words = {word for code in _CODE.findall(text) for word in re.split(r"[\s,:()]+", code)}
    return {word for word in words if _PATH.fullmatch(word)}


@cache
def all_paths() -> frozenset[str]:
    """Every file and folder of the project, each by every way of naming it from some folder on."""
    found = {path.name for path in ROOT.iterdir() if path.is_file()}
    for folder in FOLDERS:
        for path in [ROOT / folder, *(ROOT / folder).rglob("*")]:
            parts = path.relative_to(ROOT).parts
            end = "/" if path.is_dir() else ""
            found |= {"/".join(parts[start:]) + end for start in range(len(parts))}
    return frozenset(found)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_file_that_a_document_names_is_there(document: Path) -> None:
    if document.name == "CHANGELOG.md":
        return  # what was
    assert {path for path in paths_in(document.read_text("utf-8")) if path not in all_paths() | MADE} == set()


def test_this_test_would_notice() -> None:
    found = paths_in("See `trio_chat/nowhere.py` and (`rooms/room.py`: `Room`), `a/b`, `tests/js/`.")
    assert found == {"trio_chat/nowhere.py", "rooms/room.py", "tests/js/"}
    assert found - all_paths() == {"trio_chat/nowhere.py"}
