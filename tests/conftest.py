"""What all tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support.postgresql import cluster
from tests.support.s3_server import CREDENTIALS, running_s3
from tests.support.thorough import IS_THOROUGH, share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.s3_server import S3Server

# The same examples each time, so that a run says something about the code and not about luck; and no
# deadlines, which would say something about the machine.
settings.register_profile("deterministic", derandomize=True, deadline=None, max_examples=share(200))
settings.load_profile("deterministic")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is tried before a release, unless it is one."""
    late = [item for item in items if not IS_THOROUGH and item.get_closest_marker("thorough")]
    if late:
        config.hook.pytest_deselected(items=late)
        items[:] = [item for item in items if item not in late]


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A server that speaks S3."""
    with running_s3() as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The same, and credentials for it in the environment."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return s3_server


@pytest.fixture
def database() -> Iterator[str]:
    """The address of an empty database of PostgreSQL."""
    with cluster().database() as url:
        yield url
