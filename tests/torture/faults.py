"""Fault injection: faults of the process, the disk, the clock and the files, each with a proof that it hit.

A fault is a function that does its harm once, heals it, and returns the proof; None if it did not hit. There is one
at a time; network faults (`tests.torture.proxy`) go on beside them.
"""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import attrs
import trio

from tests.support.postgresql import NOT_TESTED, cluster, programs
from tests.torture.disk import Skipped
from tests.torture.history import Delivered, Refused, Trouble
from tests.torture.process import kill_command, run_command
from tests.torture.target import HEAL_S, Target
from tests.torture.websocket import ConnectionLost, open_websocket, wait_until

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    from tests.torture.disk import Disk
    from tests.torture.history import Recorder
    from tests.torture.process import ServerProcess
    from tests.torture.proxy import Proxy

STORM_S = 60
"""Seconds until all clients are back after a reconnect storm; long, since they live in one process."""

WAL_HEADER = 32
"""Bytes before the first frame (https://sqlite.org/fileformat2.html#walformat)."""

WITH_FAKETIME = str(Path(__file__).with_name("with_faketime"))
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


@attrs.define
class FaultTarget(Target):
    """What faults are injected into: a server, its disk, its clock, its network."""

    server: ServerProcess
    rng: random.Random
    recorder: Recorder
    control: Path
    """File that says how the VFS fails (`tests.torture.faulty_server`)."""
    clock: Path
    """File that says how far the clock is off (libfaketime)."""
    disk: Disk | None = None
    proxies: tuple[Proxy, ...] = ()

    def refusals_since(self, mark: int) -> int:
        """Number of commands refused as unavailable behind that many records."""
        return sum(
            isinstance(record, Refused) and record.code == "unavailable"
            for record in self.recorder.records[mark:]
        )


Fault: TypeAlias = "Callable[[FaultTarget], Awaitable[str | None]]"


async def kill(target: FaultTarget) -> str | None:
    """SIGKILL, now and then once more during the start, and a start."""
    await target.server.kill()
    if target.rng.random() < 0.2:
        await target.server.start(wait=False)
        await trio.sleep(target.rng.uniform(0, 1))
        await target.server.kill()
    await target.server.start()
    return "it was gone, and started again"


async def term(target: FaultTarget) -> str | None:
    """SIGTERM, a clean exit, and a start."""
    await target.server.terminate()
    await target.server.start()
    return "it exited, and started again"


async def pause(target: FaultTarget) -> str | None:
    """SIGSTOP for some seconds, and SIGCONT."""
    await target.server.pause(target.rng.uniform(0.5, 3))
    return "it stood still"


async def power(target: FaultTarget) -> str | None:
    """Power failure under load, of disk and processor at once; then both come back.

    A sync that is under way while an ext4 is shut down can report success although it failed (measured without SQLite:
    5 of 60 times); in a real power failure no process is left to read that. So the process is stopped first, but not
    waited for: a sync that is under way stays so.
    """
    assert target.disk is not None
    target.server.freeze()
    target.disk.lose_power()
    return await _restore_power(target, target.disk)


async def dead(target: FaultTarget) -> str | None:
    """Dead disk while the server lives on for a while: it refuses what it cannot write or read."""
    assert target.disk is not None
    target.server.freeze()
    await target.server.wait_frozen()  # nothing is under way: see `power`
    target.disk.lose_power()
    before = target.server.log_text().count("the log cannot be")
    target.server.thaw()
    with trio.move_on_after(HEAL_S):  # long, since on a busy machine nobody may try for a while
        await wait_until(lambda: target.server.log_text().count("the log cannot be") > before)
        await trio.sleep(target.rng.uniform(0, 1))
    failures = target.server.log_text().count("the log cannot be") - before
    proof = await _restore_power(target, target.disk)
    return f"the log could not be used {failures} times" if proof and failures else None


async def _restore_power(target: FaultTarget, disk: Disk) -> str | None:
    is_dead = disk.is_dead()
    await target.server.kill()
    await disk.unmount()
    await disk.mount()
    await target.server.start()
    return "the disk took nothing more" if is_dead else None


async def full(target: FaultTarget) -> str | None:
    """Full disk: writes are refused, reads go on; then there is space again."""
    assert target.disk is not None
    await term(target)  # the write-ahead log is short then, and needs space at once
    target.disk.fill()
    return await _wait_refused_then_heal(target, target.disk.free)


async def failing(target: FaultTarget) -> str | None:
    """Failing disk: each write, or each sync, of the database fails for a while."""
    target.control.write_text(target.rng.choice(("no-sync", "no-write", "full")))
    return await _wait_refused_then_heal(target, target.control.unlink)


async def _wait_refused_then_heal(target: FaultTarget, heal: Callable[[], object]) -> str | None:
    mark = len(target.recorder.records)
    try:
        with trio.move_on_after(10):
            await wait_until(lambda: target.refusals_since(mark))
            await trio.sleep(target.rng.uniform(0, 1))
        refusals = target.refusals_since(mark)
        served = await _connect_meanwhile(target)
    finally:
        heal()
    await target.wait_healed("the disk had healed")
    return f"{refusals} commands refused as unavailable, {served}" if refusals else None


async def _connect_meanwhile(target: FaultTarget) -> str:
    """Connect a plain client, which writes nothing to the disk; says whether it was let in."""
    try:
        with trio.fail_after(10):
            async with open_websocket(target.server.port, protocol=None):
                return "a new client let in meanwhile"
    except (ConnectionLost, trio.TooSlowError) as error:
        target.recorder.add(Trouble(what=f"nobody could connect while the disk was bad: {error!r}"))
        return "nobody let in meanwhile"


async def slow(target: FaultTarget) -> str | None:
    """Slow disk: each sync of the log takes five seconds."""
    target.control.write_text("slow 5")
    await trio.sleep(target.rng.uniform(1, 3))
    target.control.unlink()
    mark = len(target.recorder.records)
    with trio.move_on_after(HEAL_S):
        await wait_until(lambda: target.acks_since(mark))
        return "nothing was acknowledged meanwhile, and then it was"
    return None


async def wal(target: FaultTarget) -> str | None:
    """Damaged write-ahead log: cut, zeroed in part, or with a flipped bit, while the server is down."""
    await target.server.kill()
    path = target.server.data / "chat.db-wal"
    size = path.stat().st_size if path.exists() else 0
    before = target.server.log_text().count("LOST EVENTS")
    if size > WAL_HEADER:
        at = target.rng.randrange(
            WAL_HEADER, min(size, 400_000)
        )  # frames further on may be left over from before a checkpoint
        way = target.rng.choice(("cut", "zeroed", "flipped"))
        with path.open("r+b") as file:
            if way == "cut":
                file.truncate(at)
            else:
                file.seek(at)
                old = file.read(1)
                file.seek(at)
                file.write(b"\0" * 512 if way == "zeroed" else bytes([old[0] ^ 1 << target.rng.randrange(8)]))
    await target.server.start()
    # No loss, no hit: the damage may be behind the last commit.
    return (
        "the server said that it lost events"
        if target.server.log_text().count("LOST EVENTS") > before
        else None
    )


async def restore(target: FaultTarget) -> str | None:
    """Restored backup: taken under load, and put in the place of a log that has grown since."""
    server = target.server
    copy = server.data.with_name(f"copy-{server.starts}.db")
    before = server.log_text().count("the log was restored")
    made = await run_command("backup", str(copy), "--data", str(server.data))
    await trio.sleep(target.rng.uniform(0.1, 1))  # what is logged now is lost
    checked = await run_command("verify", str(copy))
    await server.kill()
    if made.returncode or checked.returncode:
        target.recorder.add(Trouble(what=f"a backup failed, or is damaged: {made}, {checked}"))
    for name in ("chat.db-wal", "chat.db-shm"):
        (server.data / name).unlink(missing_ok=True)
    copy.replace(server.data / "chat.db")
    await server.start()
    return "a copy was put in its place" if server.log_text().count("the log was restored") > before else None


async def files(target: FaultTarget) -> str | None:
    """No file descriptors: the limit is lowered, then put back."""
    server = target.server
    limits = server.limit_files(server.open_files() + 2)
    unserved = 0
    try:
        async with trio.open_nursery() as nursery:

            async def try_to_connect() -> None:
                nonlocal unserved
                with trio.move_on_after(2):
                    try:
                        async with open_websocket(server.port, protocol=None):
                            await trio.sleep_forever()
                    except ConnectionLost:
                        pass
                    unserved += 1
                    return

            before = server.log_text().count("Too many open files")
            for _ in range(10):
                nursery.start_soon(try_to_connect)
    finally:
        server.unlimit_files(limits)
    refused = server.log_text().count("Too many open files") - before
    try:
        with trio.fail_after(10):
            async with open_websocket(server.port, protocol=None):
                pass
    except (ConnectionLost, trio.TooSlowError) as error:
        target.recorder.add(Trouble(what=f"nobody could connect after there were files again: {error!r}"))
    return f"accepting failed {refused} times, {unserved} connections ended" if refused else None


async def storm(target: FaultTarget) -> str | None:
    """Reconnect storm: all connections are cut at the same moment, and all clients reconnect."""

    def count() -> int:
        return sum(proxy.connections for proxy in target.proxies)

    before, cut_at = count(), trio.current_time()
    for proxy in target.proxies:
        proxy.cut_all()
    with trio.move_on_after(STORM_S):
        await wait_until(lambda: count() >= before)
        took_s = trio.current_time() - cut_at
        return f"{before} connections cut at once, as many back after {took_s:.1f} s" if before else None
    target.recorder.add(
        Trouble(what=f"{count()} of {before} clients came back within {STORM_S} s after a storm")
    )
    return None


async def clock(target: FaultTarget) -> str | None:
    """Clock jump: the wall clock goes an hour or a day forward, two hours back, or to the right time."""
    jump_s = target.rng.choice((3_600, -7_200, 86_400, 0))
    target.clock.write_text(f"{jump_s:+}\n")
    mark = len(target.recorder.records)

    def is_off() -> bool:
        now = datetime.now(UTC)
        return any(
            abs((datetime.fromisoformat(record.event.when) - now).total_seconds() - jump_s) < HEAL_S
            for record in target.recorder.records[mark:]
            if isinstance(record, Delivered)
        )

    with trio.move_on_after(HEAL_S):
        await wait_until(is_off)
        return f"the server's clock was {jump_s:+} s off"
    return None


async def move(target: FaultTarget) -> str | None:
    """The chat moves into PostgreSQL, and back, while the server serves it."""
    return await _move(target, killed=0)


async def move_killed(target: FaultTarget) -> str | None:
    """The same, and the command is killed some times on each way."""
    return await _move(target, killed=3)


async def _move(target: FaultTarget, *, killed: int) -> str | None:
    data = target.server.data
    database = cluster().new_database()
    url = cluster().url(database)
    mark = len(target.recorder.records)
    for arguments in (("move", "--to", url), ("--store", url, "move", "--to", "sqlite")):
        command = (*arguments, "--data", str(data))
        for _ in range(killed):
            await kill_command(*command, after_s=target.rng.uniform(0.3, 2.5))
        until = trio.current_time() + HEAL_S
        while True:
            done = await run_command(*command)
            if b"is using" not in done.stderr or trio.current_time() > until:
                break
            await trio.sleep(0.5)  # the server has not left that file yet
        if done.returncode:
            target.recorder.add(Trouble(what=f"the chat was not moved: {done.stderr.decode()}"))
            return None
        with trio.move_on_after(HEAL_S):
            await wait_until(partial(target.acks_since, len(target.recorder.records)))
    for old in data.glob("chat.db.moved-*"):
        old.unlink()
    return f"it was moved there and back, with {target.acks_since(mark)} commands acknowledged"


FAULTS: dict[str, Fault] = {
    "kill": kill,
    "term": term,
    "pause": pause,
    "power": power,
    "dead": dead,
    "full": full,
    "failing": failing,
    "slow": slow,
    "wal": wal,
    "restore": restore,
    "files": files,
    "storm": storm,
    "clock": clock,
    "move": move,
    "move-killed": move_killed,
}
"""Faults by their names on the command line. ``proxy`` is one more: `tests.torture.proxy`."""

NEED_DISK = frozenset({"power", "dead", "full"})
NEED_FAULTY_VFS = frozenset({"failing", "slow"})
NEED_POSTGRESQL = frozenset({"move", "move-killed"})
NO_DOUBLING = frozenset({"power", "dead", "full", "failing"})
"""Faults that go without doubled connections: one copy of a command may be refused, and the other logged."""


def faked_clock(clock: Path) -> dict[str, str]:
    """The environment of a process whose clock is off by what this file says, which is nothing yet."""
    clock.write_text("+0\n")
    return {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (WITH_FAKETIME, os.environ.get("PYTHONPATH")))),
    }


def check_available(names: frozenset[str]) -> None:
    """Raise `Skipped` if one of these faults needs what this machine has not."""
    if "clock" in names and not FAKETIME.exists():
        raise Skipped(f"clock needs libfaketime ({FAKETIME})")
    if names & NEED_POSTGRESQL and programs() is None:
        raise Skipped(NOT_TESTED)
    if names & NEED_DISK and (os.geteuid() != 0 or shutil.which("mkfs.ext4") is None):
        raise Skipped(f"{', '.join(sorted(names & NEED_DISK))} needs root and mkfs.ext4")
