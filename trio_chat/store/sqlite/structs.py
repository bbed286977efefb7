"""Many rows of a query in one call into SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    import apsw

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


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
