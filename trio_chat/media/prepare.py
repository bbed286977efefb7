"""Preparing: a file that was sent becomes one that can be shown. The parent of the media workers.

What is only stored is told by its first bytes, here. What is to be shown is looked into by a worker (`worker`), so that
whatever it does to a decoder, the server's own memory and time are not touched.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
import trio

from trio_chat.errors import ChatError
from trio_chat.media.job import MAX_ANSWER_BYTES, Answer, Job, NotWritten, Prepared, Unusable
from trio_chat.media.metadata import STRIPPED
from trio_chat.media.rounds import Rounds
from trio_chat.media.types import HEAD_BYTES, HEIC, IMAGES, VIDEOS, media_type_of

LOGGER = logging.getLogger(__name__)

AT_ONCE: Final = 2
"""Workers; more files wait for them."""

FOR_EACH: Final = 1
"""Workers of one person: the page sends one file after the other, and there is always one for somebody else."""

DEADLINE_S: float = 60
BYTES_PER_SECOND: Final = 20_000_000
"""A worker has so long, and a second for so many bytes, since it may write them again. Work is limited by its own
limit of processor time; this ends one that waits for ever."""

NO_PICTURE: Final = "This cannot be a picture here. Choose a JPEG, a PNG or a WebP that is not too large."
TOO_MUCH_WORK: Final = "It takes too much work to show it. Send it as a file."

KILL_S: Final = 5
"""So long it may take until a worker that was killed is gone."""

_WORKERS: Final = Rounds(in_all=AT_ONCE, for_each=FOR_EACH)

_ROOT: Final = str(Path(__file__).parents[2])
_START: Final = """\
import sys
root = sys.argv.pop()
root in sys.path or sys.path.insert(0, root)
from trio_chat.media.worker import main
main()
"""
"""``-I -m`` finds only what is installed; this finds a checkout as well. Neither looks where the server was started."""


class CannotPrepare(ChatError):
    """A file cannot be shown; the text is a sentence for its sender. It can still be sent as a file."""


async def prepare(
    part: Path,
    into: Path,
    *,
    as_file: bool,
    poster: Path | None = None,
    is_picture: bool = False,
    person: str = "",
) -> Prepared:
    """Find out what the file ``part`` is, and make what is shown of it.

    Into the directory ``into``, which is there and empty, are written: ``original``, if other bytes are to be kept
    than were sent, since those have metadata or are shown by few browsers; and ``480.webp`` and ``1600.webp``, of what
    can be seen and is larger. Nothing of that is synced. Of videos they are made of ``poster``, a still. With
    ``as_file`` nothing is done, but to say what it is. With ``is_picture`` it becomes the picture of a room or a
    person: squares, ``original`` and a preview of each of `PICTURE_SIZES`. ``person`` is who sent it, if anybody did:
    the workers serve one after the other.

    Raises `CannotPrepare`, and `OSError` if it cannot be read, written, or no worker can be started. Then, and when
    it is cancelled, ``into`` has something or nothing in it, and no worker is left.
    """
    head, size = await trio.to_thread.run_sync(_look, part)
    media_type = media_type_of(memoryview(head))
    is_looked_into = (
        media_type in STRIPPED or media_type == HEIC or (poster is not None and media_type in VIDEOS)
    )
    if is_picture and media_type not in IMAGES and media_type != HEIC:
        raise CannotPrepare(NO_PICTURE)
    if as_file or not is_looked_into:
        return Prepared(media_type)
    job = Job(
        os.fsencode(part), os.fsencode(into), None if poster is None else os.fsencode(poster), is_picture
    )
    async with _WORKERS.take(person):
        answer = None
        with trio.move_on_after(DEADLINE_S + size / BYTES_PER_SECOND):
            answer = await _ask_worker(job)
    match answer:
        case Prepared():
            return answer
        case Unusable(sentence):
            raise CannotPrepare(NO_PICTURE if is_picture else sentence)
        case NotWritten(number):
            raise OSError(number, os.strerror(number))
    raise CannotPrepare(TOO_MUCH_WORK)


def _look(path: Path) -> tuple[bytes, int]:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES), os.fstat(file.fileno()).st_size


async def _ask_worker(job: Job) -> Answer | None:
    """The answer of a worker of its own; None if it ends without one. Cancelled, it is killed and gone.

    Raises `OSError` if it cannot be started.
    """
    process = await trio.lowlevel.open_process(
        (sys.executable, "-I", "-c", _START, _ROOT),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # libraries write there what files tell them to
        start_new_session=True,  # a Ctrl-C is for the server alone
    )
    try:
        said = await _converse(process, msgspec.json.encode(job) + b"\n")
        await process.wait()
    finally:
        process.kill()
        with trio.move_on_after(KILL_S, shield=True):
            await process.wait()
    try:
        return msgspec.json.decode(said, type=Answer)
    except msgspec.DecodeError:
        if (
            process.returncode != -signal.SIGXCPU
        ):  # more than its share of time is what it is there to be ended for
            LOGGER.warning("a media worker ended with status %s and no answer", process.returncode)
        return None


async def _converse(process: trio.Process, question: bytes) -> bytes:
    """Give it the question; what it says until it is silent, or has said too much.

    Its standard input stays open meanwhile: that is how it knows that we are here.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    said = b""
    async with process.stdin, process.stdout:
        with suppress(trio.BrokenResourceError):  # it is gone already
            await process.stdin.send_all(question)
        while len(said) <= MAX_ANSWER_BYTES and (some := await process.stdout.receive_some(MAX_ANSWER_BYTES)):
            said += some
    return bytes(said)
