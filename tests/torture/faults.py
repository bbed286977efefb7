"""What is done to the server while it is under load. Each fault says how one knows that it hit.

A fault is a function that does its harm once, heals it, and returns its proof; None if it did not hit. One at a time:
what is done to the network (`tests.torture.proxy`) goes on beside them all.
"""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import attrs
import trio

from tests.torture.disk import Skipped
from tests.torture.history import Acked, Delivered, Refused, Trouble
from tests.torture.process import run_command
from tests.torture.websocket import Lost, open_link, until

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    from tests.torture.disk import Disk
    from tests.torture.history import Recorder
    from tests.torture.process import ServerProcess
    from tests.torture.proxy import Proxy

HEAL_S = 30
"""How soon messages are acknowledged again after a disk has healed."""

STORM_S = 60
"""How soon everybody is back after a storm; long, since all clients live in one process."""

WAL_HEADER = 32
"""Bytes before the first frame (https://sqlite.org/fileformat2.html#walformat)."""

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


@attrs.define
class Stage:
    """What faults work on."""

    server: ServerProcess
    rng: random.Random
    recorder: Recorder
    control: Path
    """The file that says what is wrong with the disk (`tests.torture.faulty_server`)."""
    clock: Path
    """The file that says what time it is (libfaketime)."""
    disk: Disk | None = None
    proxies: tuple[Proxy, ...] = ()

    def refusals_since(self, mark: int) -> int:
        """How many commands were refused since there were so many records, because the log could not be written."""
        return sum(
            isinstance(record, Refused) and record.code == "unavailable"
            for record in self.recorder.records[mark:]
        )

    def acks_since(self, mark: int) -> int:
        """How many commands were acknowledged since there were so many records."""
        return sum(isinstance(record, Acked) for record in self.recorder.records[mark:])


Fault: TypeAlias = "Callable[[Stage], Awaitable[str | None]]"


async def kill(stage: Stage) -> str | None:
    """SIGKILL, now and then while it is starting, and a start."""
    await stage.server.kill()
    if stage.rng.random() < 0.2:
        await stage.server.start(wait=False)
        await trio.sleep(stage.rng.uniform(0, 1))
        await stage.server.kill()
    await stage.server.start()
    return "it was gone, and started again"


async def term(stage: Stage) -> str | None:
    """SIGTERM: a polite stop, and a start."""
    await stage.server.terminate()
    await stage.server.start()
    return "it exited, and started again"


async def pause(stage: Stage) -> str | None:
    """SIGSTOP for some seconds."""
    await stage.server.pause(stage.rng.uniform(0.5, 3))
    return "it stood still"


async def power(stage: Stage) -> str | None:
    """The power fails in the middle of the load, for the disk and the processor at once; then both come back.

    A sync that is under way while an ext4 is shut down can say that it succeeded although it did not (measured without
    SQLite: 5 of 60 times). In a power failure nobody is left to hear that. So the process is told to stand still first,
    but not waited for: a sync that is under way stays so.
    """
    assert stage.disk is not None
    stage.server.freeze()
    stage.disk.lose_power()
    return await _come_back(stage, stage.disk)


async def dead(stage: Stage) -> str | None:
    """The disk is gone, and the server lives on for a while: it refuses what it cannot write or read."""
    assert stage.disk is not None
    stage.server.freeze()
    await stage.server.wait_frozen()  # nothing is under way: see `power`
    stage.disk.lose_power()
    before = stage.server.said().count("the log cannot be")
    stage.server.thaw()
    with trio.move_on_after(10):
        await until(lambda: stage.server.said().count("the log cannot be") > before)
        await trio.sleep(stage.rng.uniform(0, 1))
    failures = stage.server.said().count("the log cannot be") - before
    proof = await _come_back(stage, stage.disk)
    return f"the log could not be used {failures} times" if proof and failures else None


async def _come_back(stage: Stage, disk: Disk) -> str | None:
    is_dead = disk.is_dead()
    await stage.server.kill()
    await disk.unmount()
    await disk.mount()
    await stage.server.start()
    return "the disk took nothing more" if is_dead else None


async def full(stage: Stage) -> str | None:
    """The disk is full: writing is refused, reading goes on; and everything goes on when there is space again."""
    assert stage.disk is not None
    await term(stage)  # now the write-ahead log is short, and needs space at once
    stage.disk.fill()
    return await _until_refused(stage, stage.disk.free)


async def failing(stage: Stage) -> str | None:
    """Each write, or each sync, of the database fails for a while."""
    stage.control.write_text(stage.rng.choice(("no-sync", "no-write", "full")))
    return await _until_refused(stage, stage.control.unlink)


async def _until_refused(stage: Stage, heal: Callable[[], object]) -> str | None:
    mark = len(stage.recorder.records)
    try:
        with trio.move_on_after(10):
            await until(lambda: stage.refusals_since(mark))
            await trio.sleep(stage.rng.uniform(0, 1))
        refusals = stage.refusals_since(mark)
        served = await _read(stage)
    finally:
        heal()
    mark = len(stage.recorder.records)
    with trio.move_on_after(HEAL_S) as patience:
        await until(lambda: stage.acks_since(mark))
    if patience.cancelled_caught:
        stage.recorder.add(
            Trouble(what=f"nothing was acknowledged within {HEAL_S} s after the disk had healed")
        )
    return f"{refusals} commands refused as unavailable, {served}" if refusals else None


async def _read(stage: Stage) -> str:
    """Read while nothing can be written: over a connection of a plain client, which needs no writing to come in."""
    try:
        with trio.fail_after(10):
            async with open_link(stage.server.port, protocol=None):
                return "a new client let in meanwhile"
    except (Lost, trio.TooSlowError) as error:
        stage.recorder.add(Trouble(what=f"nobody could connect while the disk was bad: {error!r}"))
        return "nobody let in meanwhile"


async def slow(stage: Stage) -> str | None:
    """A sync of the log takes five seconds."""
    stage.control.write_text("slow 5")
    await trio.sleep(stage.rng.uniform(1, 3))
    stage.control.unlink()
    mark = len(stage.recorder.records)
    with trio.move_on_after(HEAL_S):
        await until(lambda: stage.acks_since(mark))
        return "nothing was acknowledged meanwhile, and then it was"
    return None


async def wal(stage: Stage) -> str | None:
    """A hand cuts or damages the write-ahead log while the server is down."""
    await stage.server.kill()
    path = stage.server.data / "chat.db-wal"
    size = path.stat().st_size if path.exists() else 0
    before = stage.server.said().count("LOST EVENTS")
    if size > WAL_HEADER:
        at = stage.rng.randrange(WAL_HEADER, min(size, 400_000))  # frames behind may be left over from before
        way = stage.rng.choice(("cut", "zeroed", "flipped"))
        with path.open("r+b") as file:
            if way == "cut":
                file.truncate(at)
            else:
                file.seek(at)
                old = file.read(1)
                file.seek(at)
                file.write(b"\0" * 512 if way == "zeroed" else bytes([old[0] ^ 1 << stage.rng.randrange(8)]))
    await stage.server.start()
    # What stands behind the last commit may be damaged without any loss.
    return (
        "the server said that it lost events" if stage.server.said().count("LOST EVENTS") > before else None
    )


async def restore(stage: Stage) -> str | None:
    """A backup that was taken under load is put in place of the log, after more was said."""
    server = stage.server
    copy = server.data.with_name(f"copy-{server.starts}.db")
    before = server.said().count("the log was restored")
    made = await run_command("backup", str(copy), "--data", str(server.data))
    await trio.sleep(stage.rng.uniform(0.1, 1))  # whatever is said now is lost
    checked = await run_command("verify", str(copy))
    await server.kill()
    if made.returncode or checked.returncode:
        stage.recorder.add(Trouble(what=f"a backup failed, or is damaged: {made}, {checked}"))
    for name in ("chat.db-wal", "chat.db-shm"):
        (server.data / name).unlink(missing_ok=True)
    copy.replace(server.data / "chat.db")
    await server.start()
    return "a copy was put in its place" if server.said().count("the log was restored") > before else None


async def files(stage: Stage) -> str | None:
    """It may open no more files; then it may again."""
    server = stage.server
    limits = server.limit_files(server.open_files() + 2)
    unserved = 0
    try:
        async with trio.open_nursery() as nursery:

            async def try_to_connect() -> None:
                nonlocal unserved
                with trio.move_on_after(2):
                    try:
                        async with open_link(server.port, protocol=None):
                            await trio.sleep_forever()
                    except Lost:
                        pass
                    unserved += 1
                    return

            before = server.said().count("Too many open files")
            for _ in range(10):
                nursery.start_soon(try_to_connect)
    finally:
        server.unlimit_files(limits)
    refused = server.said().count("Too many open files") - before
    try:
        with trio.fail_after(10):
            async with open_link(server.port, protocol=None):
                pass
    except (Lost, trio.TooSlowError) as error:
        stage.recorder.add(Trouble(what=f"nobody could connect after there were files again: {error!r}"))
    return f"accepting failed {refused} times, {unserved} connections ended" if refused else None


async def storm(stage: Stage) -> str | None:
    """All connections of all clients are cut at the same moment, and all come back at once."""

    def count() -> int:
        return sum(proxy.connections for proxy in stage.proxies)

    before, cut_at = count(), trio.current_time()
    for proxy in stage.proxies:
        proxy.cut_all()
    with trio.move_on_after(STORM_S):
        await until(lambda: count() >= before)
        took_s = trio.current_time() - cut_at
        return f"{before} connections cut at once, as many back after {took_s:.1f} s" if before else None
    stage.recorder.add(
        Trouble(what=f"{count()} of {before} clients came back within {STORM_S} s after a storm")
    )
    return None


async def clock(stage: Stage) -> str | None:
    """The wall clock jumps an hour forward or two back."""
    jump_s = stage.rng.choice((3_600, -7_200, 86_400, 0))
    stage.clock.write_text(f"{jump_s:+}\n")
    mark = len(stage.recorder.records)

    def is_off() -> bool:
        now = datetime.now(UTC)
        return any(
            abs((datetime.fromisoformat(record.line.when) - now).total_seconds() - jump_s) < HEAL_S
            for record in stage.recorder.records[mark:]
            if isinstance(record, Delivered)
        )

    with trio.move_on_after(HEAL_S):
        await until(is_off)
        return f"the server's clock was {jump_s:+} s off"
    return None


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
}
"""By the names for the command line. ``proxy`` is one more, see `tests.torture.proxy`."""

NEED_DISK = frozenset({"power", "dead", "full"})
NEED_BAD_SERVER = frozenset({"failing", "slow"})
MAY_REFUSE = frozenset({"power", "dead", "full", "failing"})
"""After these a command may be refused that a doubled connection got in: no doubling with them."""


def check_possible(names: frozenset[str]) -> None:
    """Raise `Skipped` if one of these faults needs what is not here."""
    if "clock" in names and not FAKETIME.exists():
        raise Skipped(f"clock needs libfaketime ({FAKETIME})")
    if names & NEED_DISK and (os.geteuid() != 0 or shutil.which("mkfs.ext4") is None):
        raise Skipped(f"{', '.join(sorted(names & NEED_DISK))} needs root and mkfs.ext4")
