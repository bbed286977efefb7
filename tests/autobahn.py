"""Autobahn|Testsuite's fuzzing client against the plain side, on both roads: ``python -m tests.autobahn WSTEST``.

A room with one member is an echo, which is what the suite wants. The limits that have flags are lifted, or cases of
megabytes would test them and nothing else. What is not OK must be on one of the short lists below.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio

from tests.torture.history import Recorder
from tests.torture.process import PRODUCT, open_server

if TYPE_CHECKING:
    from collections.abc import Sequence

CASES = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*")
"""All but 12 and 13, compression, which this server never agrees to."""

LIFTED = (
    *("--max-text-chars", "0", "--max-message-bytes", "0", "--messages-per-second", "0"),
    *("--max-connections-per-address", "0"),
)

REFUSED: dict[str, tuple[int, str]] = {
    **dict.fromkeys(
        (
            *(f"1.2.{n}" for n in range(1, 9)),
            *(f"9.{group}.{n}" for group in (2, 6, 8) for n in range(1, 7)),
            *(f"9.4.{n}" for n in range(5, 10)),
        ),
        (1003, "a binary message; this is a chat of texts"),
    ),
    **dict.fromkeys(
        (f"9.{group}.{n}" for group in (3, 4) for n in range(1, 5)),
        (1008, "thousands of fragments at once, which are work without a message"),
    ),
}
"""Cases that this server refuses (the suite says FAILED): the close code that it must send, and why."""

LATE = frozenset({"3.2", "3.3", "3.4", "4.1.3", "4.1.4", "4.1.5", "4.2.3", "4.2.4", "4.2.5", "5.15"})
"""Cases that send a good message and then a broken frame, and may be NON-STRICT: the connection is failed at once
(RFC 6455, section 7.1.7), while nobody hears the message before it is on the disk, and then it may be too late for
this connection."""

GOOD = frozenset({"OK", "INFORMATIONAL"})


ROADS = {"the short road": PRODUCT, "the library's road": ("-m", "tests.library_road")}
"""The programs that are tried, by the way that handshakes and frames take in them (docs/decisions/short-road.md)."""


async def judge(wstest: str, program: Sequence[str], directory: Path) -> dict[str, dict[str, Any]]:
    """The suite's verdicts by case."""
    output = directory / "server.log"
    async with open_server(directory / "data", output, Recorder(), (*program, *LIFTED), {}) as server:
        verdicts = await run_cases(wstest, directory, server.port, CASES)
        # They all meet in one room: what was late for its own connection may be heard by the next case.
        for case in unexpected(verdicts):
            verdicts |= await run_cases(wstest, directory, server.port, (case,))
        await server.terminate()
    return verdicts


async def run_cases(
    wstest: str, directory: Path, port: int, cases: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """The verdicts of one run of the suite."""
    specification = {
        "outdir": str(directory / "reports"),
        "servers": [{"agent": "trio-chat", "url": f"ws://127.0.0.1:{port}"}],
        "cases": cases,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    (directory / "cases.json").write_text(json.dumps(specification))
    command = [wstest, "-m", "fuzzingclient", "-s", str(directory / "cases.json")]
    await trio.run_process(command, stdout=subprocess.DEVNULL, cwd=directory)
    index = json.loads((directory / "reports" / "index.json").read_text())
    verdicts: dict[str, dict[str, Any]] = index["trio-chat"]
    return verdicts


def unexpected(verdicts: dict[str, dict[str, Any]]) -> dict[str, str]:
    """What is neither good nor on the lists: what is wrong with it, by case."""
    complaints: dict[str, str] = {}
    for case, verdict in verdicts.items():
        behavior, closing, code = verdict["behavior"], verdict["behaviorClose"], verdict["remoteCloseCode"]
        if case in REFUSED:
            if code != REFUSED[case][0]:
                complaints[case] = f"closed with {code}"
        elif behavior not in GOOD and (case not in LATE or behavior != "NON-STRICT"):
            complaints[case] = behavior
        elif closing not in GOOD:
            complaints[case] = f"closed {closing}"
    return complaints


def report(verdicts: dict[str, dict[str, Any]]) -> bool:
    """Print what the cases brought; whether that is what the lists say."""
    print(f"{len(verdicts)} cases:", dict(Counter(verdict["behavior"] for verdict in verdicts.values())))
    for (code, reason), count in Counter(REFUSED.values()).items():
        print(f"  {count} refused with {code}: {reason}")
    late = [case for case in sorted(LATE) if verdicts.get(case, {}).get("behavior") == "NON-STRICT"]
    print(
        f"  {len(late)} not strict, as the message before a broken frame was not on the disk yet: {', '.join(late)}"
    )
    complaints = unexpected(verdicts)
    print(
        "\n".join(f"{case}: {complaint}" for case, complaint in complaints.items()) or "all as it should be"
    )
    return bool(verdicts) and not complaints


def main() -> None:
    """Run the cases on both roads and print what they brought; exits with 1 if that is not what the lists say."""
    are_good = []
    for road, program in ROADS.items():
        print(f"on {road}:")
        with tempfile.TemporaryDirectory(prefix="autobahn-") as directory:
            are_good.append(report(trio.run(judge, sys.argv[1], program, Path(directory))))
    sys.exit(0 if all(are_good) else 1)


if __name__ == "__main__":
    main()
