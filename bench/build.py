"""Makes what the benchmark runs: the C programs, Node's `ws`, an environment with the peers from PyPI.

Everything lands in `bench/build/`, which may be deleted at any time. What is there already is kept unless its
source is newer. Failing to get one peer is no reason not to measure the others: it is told and left out.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
PEERS = HERE / "peers"
BUILD = HERE / "build"
GENERATOR = BUILD / "generator"
C_LIMIT = BUILD / "c_limit"
NODE_WS = BUILD / "node_ws"
PYTHON = BUILD / "venv" / "bin" / "python"
NATS = BUILD / "venv" / "bin" / "nats-server"

_CFLAGS = ["-O2", "-flto", "-Wall", "-Wextra", "-std=gnu11"]


class BuildError(Exception):
    """Something the benchmark needs could not be made; the text says what, and why."""


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise BuildError(f"`{' '.join(map(str, command[:4]))} …` failed: {' / '.join(last)}")


def _is_fresh(target: Path, *sources: Path) -> bool:
    return target.exists() and target.stat().st_mtime >= max(s.stat().st_mtime for s in sources)


def build_c() -> None:
    """Compiles the generator and the C broadcaster. Raises `BuildError`."""
    if shutil.which("gcc") is None:
        raise BuildError("The load generator is written in C; install gcc.")
    BUILD.mkdir(exist_ok=True)
    generator = sorted((HERE / "generator").glob("*.[ch]"))
    for target, sources in ((GENERATOR, generator), (C_LIMIT, [PEERS / "c_limit.c"])):
        if not _is_fresh(target, *sources):
            _run("gcc", *_CFLAGS, "-o", target, *(s for s in sources if s.suffix == ".c"))


def build_node() -> None:
    """Installs `ws` as pinned in its package-lock.json. Raises `BuildError`."""
    if shutil.which("npm") is None:
        raise BuildError("npm is not installed.")
    installed = NODE_WS / "node_modules" / ".package-lock.json"
    if not _is_fresh(installed, *(PEERS / "node_ws").iterdir()):
        shutil.copytree(PEERS / "node_ws", NODE_WS, dirs_exist_ok=True)
        _run("npm", "ci", "--no-audit", "--no-fund", cwd=NODE_WS)


def build_python() -> None:
    """Installs the peers from PyPI into an environment of their own. Raises `BuildError`."""
    done = BUILD / "venv" / "installed"
    if not _is_fresh(done, PEERS / "requirements.txt"):
        venv.create(BUILD / "venv", with_pip=True)
        _run(PYTHON, "-m", "pip", "install", "--quiet", "-r", PEERS / "requirements.txt")
        done.touch()


if __name__ == "__main__":
    try:
        for step in (build_c, build_node, build_python):
            step()
    except BuildError as error:
        sys.exit(str(error))
