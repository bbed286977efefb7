"""Where the log of a server is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.postgresql import cluster

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["in a file", "in PostgreSQL"])
def where(request: pytest.FixtureRequest) -> Iterator[tuple[str, ...]]:
    """Options by which the log is in the data directory, or in an empty database."""
    if request.param == "in a file":
        yield ()
    else:
        with cluster().database() as url:
            yield ("--store", url)
