"""Setting a name free: for somebody who has lost their token, and with nothing else changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from tests.support.damage import by_hand
from trio_chat.__main__ import main
from trio_chat.errors import Refused
from trio_chat.people.identities import Identities
from trio_chat.store.sqlite.open import open_sqlite_store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "chat.db"


def release(path: Path, name: str) -> Result:
    arguments = ["person", "release", name, "--data", str(path.parent)]
    return CliRunner(env={}).invoke(main, arguments, prog_name="trio-chat")


async def test_a_released_name_is_free_while_the_server_runs_and_its_person_keeps_all_else(
    path: Path,
) -> None:
    async with open_sqlite_store(path) as store:
        identities = Identities(store, now_ms=lambda: 1)
        login, _ = await identities.register("Ada")
        ada = login.person
        await identities.register("Bob")
        with pytest.raises(Refused, match="Somebody is called ADA already"):
            await identities.register("ADA")
        result = release(path, "ada")
        ((name,),) = by_hand(path, f"SELECT name FROM people WHERE id = '{ada.id}'")
        assert result.output == (
            f"The name ada is free. Who was called Ada ({ada.id}) is called {name} now, and keeps all else.\n"
        )
        assert result.exit_code == 0
        login, _ = await identities.register("Ada")  # as it was written, and not as the operator wrote it
        newcomer = login.person
        assert newcomer.id != ada.id
        assert by_hand(path, "SELECT count(*) FROM devices") == [(3,)]
        with pytest.raises(Refused):
            await identities.register(str(name))
        assert (await identities.rename(ada, "Ada L.")).name == "Ada L."


async def test_a_name_that_is_kept_for_somebody_is_released_from_that(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        identities = Identities(store, now_ms=lambda: 1)
        login, _ = await identities.register("Ada")
        ada = login.person
        await identities.rename(ada, "Countess")
        with pytest.raises(Refused, match="or was until lately"):
            await identities.register("Ada")
        result = release(path, "Ada")
        assert f"The name was kept for Countess ({ada.id}), and is no longer." in result.output
        assert by_hand(path, f"SELECT name FROM people WHERE id = '{ada.id}'") == [("Countess",)]
        await identities.register("Ada")


async def test_a_name_that_cannot_be_released_is_explained_and_nothing_changes(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        identities = Identities(store, now_ms=lambda: 1)
        login, _ = await identities.register("\u0410da")  # with a Cyrillic letter
        ada = login.person
        for name, words in (
            ("Ada", f"Nobody is called Ada, but a name looks so: \u0410da ({ada.id}). Release that one."),
            ("Eve", "Nobody is called Eve, or was until lately: the name is free."),
            ("a\nb", "A name cannot have line breaks"),
            ("", "A name needs at least one"),
        ):
            result = release(path, name)
            assert result.exit_code == 1
            assert words in result.output
        assert by_hand(path, "SELECT name FROM people") == [("\u0410da",)]


async def test_a_log_of_an_older_format_has_to_be_brought_up_first(path: Path) -> None:
    async with open_sqlite_store(path):
        pass
    by_hand(path, "PRAGMA user_version = 3")
    assert "Start the server once, then try again." in release(path, "Ada").output
    assert "There is no log at" in release(path.parent / "nowhere" / "chat.db", "Ada").output
