"""The client works where of the packages of the whole only those few are installed that docs/client.md names."""

from __future__ import annotations

import re
import sys
from importlib.metadata import packages_distributions, requires
from typing import TYPE_CHECKING

import trio
from packaging.requirements import Requirement

from tests.support.forks import ROOT, environment
from tests.support.process import PATIENCE_S
from tests.support.serving import open_server

if TYPE_CHECKING:
    from pathlib import Path

INSTALLING = re.compile(r"pip install --no-deps trio-chat\n +pip install ([a-z0-9 -]+)\n")

PROGRAM = '''
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

url, folder, *allowed = sys.argv[1:]

class Missing(MetaPathFinder):
    """Packages that are not installed."""

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in allowed:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None

sys.meta_path.insert(0, Missing())

import trio
from trio_chat.client import Message, open_chat

async def main():
    async with open_chat(url, name="Ada", state=Path(folder, "ada.json")) as chat:
        await chat.send("lobby", "hi", files=[b"some bytes"])
        async for event in chat:
            if isinstance(event, Message):
                await chat.save(event, Path(folder, "kept"))
                print(event.text, Path(folder, "kept").read_text())
                return

trio.run(main)
'''


def with_what_they_need(names: list[str]) -> set[str]:
    """These packages and all that they need."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            needed = map(Requirement, requires(name) or ())
            waiting += [
                one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})
            ]
    return found


async def test_the_client_sends_and_receives_with_these_few_packages_only(tmp_path: Path) -> None:
    installing = INSTALLING.search((ROOT / "docs" / "client.md").read_text(encoding="utf-8"))
    assert installing is not None
    distributions = with_what_they_need(installing[1].split())
    modules = {
        name for name, of in packages_distributions().items() if distributions & {one.lower() for one in of}
    }
    assert len(modules) < 15
    async with open_server(files=tmp_path / "files") as serving:
        with trio.fail_after(PATIENCE_S):
            done = await trio.run_process(
                [
                    sys.executable,
                    "-c",
                    PROGRAM,
                    f"ws://127.0.0.1:{serving.port}",
                    tmp_path,
                    "trio_chat",
                    *modules,
                ],
                capture_stdout=True,
                env=environment(),
            )
    assert done.stdout.decode() == "hi some bytes\n"
