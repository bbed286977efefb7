"""constraints.txt: the versions that were tested, of all that trio-chat needs."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def test_it_has_a_version_of_every_dependency_that_is_new_enough() -> None:
    lines = [
        Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if line[0] != "#"
    ]
    versions = {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for needed in map(Requirement, project["dependencies"]):
        version = versions.get(canonicalize_name(needed.name), "0")
        assert needed.specifier.contains(version), f"{needed} is not in constraints.txt: nox -s constraints"
