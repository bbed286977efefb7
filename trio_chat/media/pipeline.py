"""What is done with a file, in the media worker: its metadata taken out, then decoded for its previews.

What is decoded is what is kept: no decoder sees the metadata.
"""

from __future__ import annotations

import errno
import io
import mmap
import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from trio_chat.media.job import ORIGINAL, PICTURE_SIZES, Answer, Job, NotWritten, Prepared, Unusable
from trio_chat.media.metadata import STRIPPED, strip
from trio_chat.media.pieces import Damaged
from trio_chat.media.previews import Previews, TooManyPixels, is_animated, open_picture
from trio_chat.media.types import HEAD_BYTES, HEIC, IMAGES, media_type_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from PIL import Image

    from trio_chat.media.pieces import Piece

STEP_BYTES: Final = 4 * 1024 * 1024
BYTES_PER_SECOND: Final = 50_000_000
"""What is written goes to the disk in such steps, no faster than that: else the log waits for it."""

HEIC_QUALITY: Final = 90

CANNOT_BE_SHOWN: Final = "It cannot be shown: it is damaged, or too much work. Send it as a file."
NO_HEIC: Final = "This server cannot read HEIC pictures. Send it as a JPEG, or as a file."


class CannotBeShown(Exception):
    """A picture cannot be shown; the text is a sentence for its sender."""


def answer_to(job: Job) -> Answer:
    """What becomes of a file. What its bytes do to a decoder is no error of ours, but an answer."""
    try:
        return prepared(job)
    except CannotBeShown as error:
        return Unusable(str(error))
    except (Damaged, MemoryError):
        return Unusable(CANNOT_BE_SHOWN)
    except OSError as error:
        return NotWritten(error.errno or errno.EIO)


def prepared(job: Job) -> Prepared:
    """Prepare a file that is not empty.

    Raises `CannotBeShown`, `Damaged`, `MemoryError`, and `OSError` if it cannot be read or written.
    """
    part, into = Path(os.fsdecode(job.part)), Path(os.fsdecode(job.into))
    data = mapped(part)
    media_type = media_type_of(data[:HEAD_BYTES])
    if media_type == HEIC:
        return from_heic(part, into, is_picture=job.is_picture)
    kept = strip(media_type, data)
    has_original = not kept.is_all_of(data)
    if has_original:
        write(into / ORIGINAL, kept.pieces)
    if media_type in IMAGES:
        path = into / ORIGINAL if has_original else part
        with decoding():
            image = open_picture(path, media_type)
            shown = Previews(image, kept.orientation)
            moves = is_animated(image)
        if job.is_picture:
            return as_picture(shown, into)
        made = with_previews(shown, into, always=moves, below_bytes=path.stat().st_size)
        return msgspec.structs.replace(
            made, media_type=media_type, is_animated=moves, has_original=has_original
        )
    if media_type in STRIPPED:  # what consists of boxes: the first ones do not say everything
        media_type = media_type_of(data)
    made = Prepared() if job.poster is None else from_poster(Path(os.fsdecode(job.poster)), into)
    return msgspec.structs.replace(made, media_type=media_type, has_original=has_original)


def as_picture(shown: Previews, into: Path) -> Prepared:
    """The picture of a room or a person: its middle square in some sizes. Raises `OSError`."""
    (into / ORIGINAL).unlink(missing_ok=True)  # what was sent, without its metadata
    side = shown.write_squares(into)
    return Prepared("image/webp", side, side, has_original=True, previews=PICTURE_SIZES)


def from_heic(part: Path, into: Path, *, is_picture: bool) -> Prepared:
    """Make a JPEG of a HEIC, which few can show, and its previews; or a picture of a room or a person."""
    try:
        import pillow_heif  # an extra: it has a decoder of its own in it
    except ImportError:
        raise CannotBeShown(NO_HEIC) from None
    pillow_heif.options.DECODE_THREADS = 1  # each takes addresses
    pillow_heif.register_heif_opener()
    with decoding():
        image = open_picture(part, HEIC)
        jpeg = b"" if is_picture else as_jpeg(image)
        shown = Previews(image)
    if is_picture:
        return as_picture(shown, into)
    write(into / ORIGINAL, [jpeg])
    made = with_previews(shown, into, always=False, below_bytes=len(jpeg))
    return msgspec.structs.replace(made, media_type="image/jpeg", has_original=True)


def as_jpeg(image: Image.Image) -> bytes:
    """The picture as a JPEG, with its colour profile and nothing else."""
    profile = image.info.get("icc_profile")
    plain = image.convert("RGB")
    plain.info.clear()
    out = io.BytesIO()
    plain.save(out, "JPEG", quality=HEIC_QUALITY, icc_profile=profile)
    return out.getvalue()


def from_poster(path: Path, into: Path) -> Prepared:
    """The previews of a film, of the still that its sender gave for it; none, if that cannot be shown."""
    with suppress(CannotBeShown, Damaged, MemoryError):
        with path.open("rb") as file:
            media_type = media_type_of(memoryview(file.read(HEAD_BYTES)))
        if media_type in IMAGES:
            with decoding():
                shown = Previews(open_picture(path, media_type))
            return with_previews(shown, into, always=True, below_bytes=path.stat().st_size)
    return Prepared()


def with_previews(shown: Previews, into: Path, *, always: bool, below_bytes: int) -> Prepared:
    """What there is to say of a picture, when its previews are written. Raises `OSError`."""
    return Prepared(
        width=shown.width,
        height=shown.height,
        blur=shown.blur(),
        previews=shown.write(into, always=always, below_bytes=below_bytes),
    )


@contextmanager
def decoding() -> Iterator[None]:
    """Tells what a decoder raises at bytes that are made for it, which may be anything, from errors of the disk."""
    try:
        yield
    except TooManyPixels as error:
        raise CannotBeShown(
            f"Pictures of this format can have {error.megapixels} megapixels, and this one has more. Send it as a file."
        ) from None
    except MemoryError:
        raise
    except Exception as error:
        raise Damaged(str(error)) from error


def mapped(path: Path) -> memoryview:
    """The bytes of a file that is not empty, read as they are looked at."""
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def write(path: Path, pieces: Iterable[Piece]) -> None:
    """Write a file in steps. Raises `OSError`."""
    began, written, synced = time.monotonic(), 0, 0
    with path.open("xb", buffering=STEP_BYTES) as file:
        for piece in pieces:
            for at in range(0, len(piece), STEP_BYTES):
                written += file.write(piece[at : at + STEP_BYTES])
                if written - synced >= STEP_BYTES:
                    file.flush()
                    os.fsync(file.fileno())
                    synced = written
                    time.sleep(max(0, began + written / BYTES_PER_SECOND - time.monotonic()))
