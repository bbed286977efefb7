"""The README as package indexes show it: there its pictures and the documents beside it do not exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_PICTURE = re.compile(r"!\[[^\]]*\]\((?!https?:)[^)]*\)\n\n")
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]*\)")


def readme_for_indexes(text: str) -> str:
    """The text without relative pictures, and with relative links as plain text."""
    return _LINK.sub(r"\1", _PICTURE.sub("", text))


class ReadmeHook(MetadataHookInterface):
    """Hatchling's hook that sets the README."""

    def update(self, metadata: dict[str, Any]) -> None:
        """See hatchling."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": readme_for_indexes(text)}
