"""Many rows in few statements: while the interpreter is busy elsewhere each statement may cost a turn of its lock."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_Thing = TypeVar("_Thing")


def portions(things: Sequence[_Thing]) -> Iterator[Sequence[_Thing]]:
    """The things in portions of few different lengths, so that few different statements need preparing."""
    start = 0
    for length in (256, 64, 16, 4, 1):
        while len(things) - start >= length:
            yield things[start : start + length]
            start += length


@lru_cache(maxsize=64)
def with_values(statement: str, n_rows: int, n_columns: int) -> str:
    """The statement with this many rows of parameters in place of its ``{}``."""
    row = "(" + ",".join("?" * n_columns) + ")"
    return statement.format(",".join([row] * n_rows))
