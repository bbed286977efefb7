"""Erasing texts, so that they are in no page of the database file any more.

SQLite overwrites what it deletes (``secure_delete``), but not the copies that are left behind when a full page is split
and some of its rows move to another: they stay in what is then the unused part of the page. Of 3400 texts deleted
from a log of eight busy rooms 27 were still in the file, and 250 of a log that was written without ``secure_delete``.
Such copies are near the row. So the rows around are taken out and put in again: SQLite wipes pages that become empty.
After that none of the 3400 was left. It holds for tables in which no row comes between two that are there already, or
seldom: else a copy may get away from its row.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import apsw

if TYPE_CHECKING:
    from collections.abc import Sequence

LOGGER = logging.getLogger(__name__)

ROWS_AROUND = {"events": 32, "uploads": 32, "blobs": 128}
"""Rows on each side that are written anew, in each table: those of two pages and more. With 16 one of 6800 texts was
left."""


def rewrite_around(
    connection: apsw.Connection, table: str, key: str, places: Sequence[tuple[Any, ...]]
) -> None:
    """Write the rows of a table anew that are near these places, which are values of its primary ``key``. Nothing
    follows from that: no trigger sees it."""
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    try:
        with connection:  # nothing of it, if something goes wrong
            _rewrite_around(connection, table, key, places)
    except apsw.ConstraintError as error:
        LOGGER.warning(
            "copies of what was deleted may be left in the file, since it is damaged nearby: %s", error
        )
    finally:
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 1)


def _rewrite_around(
    connection: apsw.Connection, table: str, key: str, places: Sequence[tuple[Any, ...]]
) -> None:
    # Neighbours in the file may be of other rooms.
    connection.execute(
        f"""
        CREATE TEMP TABLE IF NOT EXISTS around_{table} AS SELECT * FROM main.{table} LIMIT 0;
        CREATE UNIQUE INDEX IF NOT EXISTS temp.around_{table}_key ON around_{table} ({key});
        """
    )
    columns = key.split(", ")
    for beyond, order in ((">=", "ASC"), ("<", "DESC")):
        connection.executemany(
            f"""
            INSERT OR IGNORE INTO temp.around_{table} SELECT * FROM (
                SELECT * FROM main.{table} WHERE ({key}) {beyond} ({", ".join("?" * len(columns))})
                ORDER BY {", ".join(f"{column} {order}" for column in columns)} LIMIT {ROWS_AROUND[table]}
            )
            """,
            places,
        )
    connection.execute(
        f"""
        DELETE FROM main.{table} WHERE ({key}) IN (SELECT {key} FROM temp.around_{table});
        INSERT INTO main.{table} SELECT * FROM temp.around_{table} ORDER BY {key};
        DELETE FROM temp.around_{table};
        """
    )
