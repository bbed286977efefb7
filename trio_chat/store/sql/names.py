"""Setting a name free from the command line, while servers may be running: its person has lost their token.
Synchronous; belongs into a transaction.

What was done is noted for the server, the one that runs or the next one: that tells everybody, and writes it into the
server room's log, of which it alone knows the head.
"""

from __future__ import annotations

import json
import random
import secrets
import time
from typing import TYPE_CHECKING, Any

from trio_chat.errors import NameTaken, Refused, StartError
from trio_chat.model.lookalikes import name_forms
from trio_chat.model.names import generated_name, normal_name
from trio_chat.model.records import NameRelease
from trio_chat.store.sql.name_claims import lock_name
from trio_chat.store.sql.people import set_profile
from trio_chat.store.sql.releases import add_release

if TYPE_CHECKING:
    from trio_chat.store.sql.connection import Connection


def release_name(connection: Connection, name: str) -> str:
    """Let somebody else be called so. Who is called so gets a made-up name, and keeps all else; for who was called so
    until lately it is kept no longer. The server is to tell of it. Returns a sentence about what was done.

    Raises `StartError` if nobody has the name.
    """
    try:
        display, key = normal_name(name)
    except Refused as refused:
        raise StartError(refused.message) from None
    return _release(connection, display, key)


def _release(connection: Connection, display: str, key: str) -> str:
    now_ms = time.time_ns() // 1_000_000
    lock_name(connection, name_forms(display, key), key)
    called: Any = connection.execute("SELECT id, name FROM people WHERE name_key = ?", (key,)).fetchone()
    # The operator may write it in another case than its person.
    written = {display} if called is None else {display, called[1]}
    forms = json.dumps([form for name in written for form in name_forms(name, key)])
    others: list[Any] = connection.execute(
        f"""
        SELECT DISTINCT people.id, people.name, until_ms IS NULL FROM name_forms JOIN people ON id = person_id
        WHERE form IN {connection.dialect.texts} AND id IS DISTINCT FROM ? ORDER BY people.id
        """,
        (forms, None if called is None else called[0]),
    ).fetchall()
    lookalikes = [f"{name} ({person_id})" for person_id, name, is_theirs in others if is_theirs]
    if called is None and lookalikes:
        raise StartError(
            f"Nobody is called {display}, but a name looks so: {', '.join(lookalikes)}. Release that one."
        )
    if called is None and not others:
        raise StartError(f"Nobody is called {display}, or was until lately: the name is free.")
    kept_for = {person_id: name for person_id, name, is_theirs in others if not is_theirs}
    done = [
        f"The name was kept for {name} ({person_id}), and is no longer."
        for person_id, name in kept_for.items()
    ]
    for person_id in kept_for:
        _note(connection, person_id, display, None)
    if called is not None:
        person_id, was = called
        new = _rename(connection, person_id, now_ms)
        _note(connection, person_id, was, new)
        done.append(f"Who was called {was} ({person_id}) is called {new} now, and keeps all else.")
    connection.execute(
        f"DELETE FROM name_forms WHERE form IN {connection.dialect.texts} AND until_ms IS NOT NULL",
        (forms,),
    )
    return " ".join([f"The name {display} is free.", *done])


def _note(connection: Connection, person_id: str, freed: str, now: str | None) -> None:
    add_release(connection, NameRelease(f"release-{secrets.token_hex(8)}", person_id, freed, now))


def _rename(connection: Connection, person_id: str, at_ms: int) -> str:
    """Give a person a name that nobody has; it."""
    while True:
        name, key = normal_name(
            f"{generated_name(random.SystemRandom())} {random.SystemRandom().randrange(2, 10_000)}"
        )
        try:
            return set_profile(connection, person_id, at_ms=at_ms, name=name, name_key=key).name
        except NameTaken:
            continue
