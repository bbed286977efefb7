"""Where the log of a server is."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["in a file", "in PostgreSQL"])
def where(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Options by which the log is in the data directory, or in an empty database."""
    return () if request.param == "in a file" else ("--store", request.getfixturevalue("database"))
