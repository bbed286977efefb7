"""Many rows in few statements: beside a busy thread each call into SQLite may cost a turn of the interpreter's lock,
and each to PostgreSQL is a way there and back."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trio_chat.store.sql.connection import Connection

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


def write_rows(connection: Connection, sql: str, rows: Sequence[Any]) -> None:
    """Run a statement for many rows in one call; it takes them from one parameter (`Dialect.rows_of`)."""
    if rows:
        connection.execute(sql, (to_json(rows),))


def to_json(things: Sequence[Any]) -> str:
    """The things as the databases' JSON functions take them."""
    return msgspec.json.encode(things).decode()


def texts(connection: Connection, sql: str, bindings: tuple[object, ...]) -> list[str]:
    """The one column of a query, which is a text."""
    return [str(text) for (text,) in connection.execute(sql, bindings)]
