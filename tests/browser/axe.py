"""Accessibility by axe-core: no screen may have a violation that it calls serious or critical."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

AXE = "TRIO_CHAT_AXE"
"""The variable that names the file axe.min.js; the nox session `browser` fetches it."""

_RUN = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(" | ")}`)"""


def add_axe(page: Page) -> None:
    """Load axe into the page from its next load on; skips the test if there is none."""
    path = os.environ.get(AXE)
    if path is None:
        pytest.skip(f"NOT TESTED: accessibility by axe, as {AXE} names no file")
    page.add_init_script(Path(path).read_text(encoding="utf-8"))


def finds_nothing(page: Page) -> None:
    """Assert that axe finds nothing serious on the screen now."""
    assert page.evaluate(_RUN) == []
