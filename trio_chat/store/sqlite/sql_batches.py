"""Many rows in few statements: beside a busy thread each call into SQLite may cost a turn of the interpreter's lock."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import apsw

_Thing = TypeVar("_Thing")
_Struct = TypeVar("_Struct", bound=msgspec.Struct)


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


def read_structs(
    connection: apsw.Connection,
    kind: type[_Struct],
    sql: str,
    bindings: Any,  # noqa: ANN401
) -> list[_Struct]:
    """All rows of a query, in one call. The query's columns are the fields of the struct, which is array-like."""
    columns = ", ".join(f"c{number}" for number in range(len(kind.__struct_fields__)))
    return decode_structs(
        kind,
        connection.execute(
            f"WITH found ({columns}) AS ({sql}) "
            f"SELECT CAST(json_group_array(json_array({columns})) AS BLOB) FROM found",
            bindings,
        ).get,
    )


def decode_structs(kind: type[_Struct], data: bytes) -> list[_Struct]:
    """The structs of a JSON array that SQLite made. A damaged text in it is no reason to read none of them."""
    rows: list[_Struct] = msgspec.json.decode(data.decode(errors="replace"), type=list[kind])  # type: ignore[valid-type]
    return rows


def write_rows(connection: apsw.Connection, sql: str, rows: Sequence[Any]) -> None:
    """Run a statement for many rows in one call; it takes them from ``json_each(?)``."""
    if rows:
        connection.execute(sql, (to_json(rows),))


def to_json(things: Sequence[Any]) -> str:
    """The things as SQLite's JSON functions take them."""
    return msgspec.json.encode(things).decode()


def texts(connection: apsw.Connection, sql: str, bindings: tuple[object, ...]) -> list[str]:
    """The one column of a query, which is a text."""
    return [str(text) for (text,) in connection.execute(sql, bindings)]
