"""Files that strangers send are looked into by a process that may not take much, and the server only waits for it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio
from PIL import Image, ImageChops, ImageOps, ImageStat

from tests.support import hostile_files, pictures
from tests.support.pictures import CANARY
from tests.support.process import children
from trio_chat.media import prepare as preparing
from trio_chat.media.job import ORIGINAL, PICTURE_SIZES, Prepared
from trio_chat.media.metadata import strip
from trio_chat.media.prepare import CannotPrepare, prepare
from trio_chat.media.types import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.fixture
def into(tmp_path: Path) -> Path:
    directory = tmp_path / "into"
    directory.mkdir()
    return directory


async def prepared(
    data: bytes,
    into: Path,
    *,
    as_file: bool = False,
    poster: bytes | None = None,
    person: str = "",
    is_picture: bool = False,
) -> Prepared:
    part, still = into.with_name("part"), into.with_name("poster")
    part.write_bytes(data)
    if poster is not None:
        still.write_bytes(poster)
    return await prepare(
        part,
        into,
        as_file=as_file,
        poster=still if poster is not None else None,
        person=person,
        is_picture=is_picture,
    )


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def empty(directory: Path) -> None:
    for path in directory.iterdir():
        path.unlink()


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        assert image.format == "WEBP"
        assert not image.info.keys() & {"exif", "xmp", "icc_profile"}
        return image.size


async def test_a_photo_is_shown_upright_small_and_without_its_place(into: Path) -> None:
    data = pictures.jpeg_bytes(pictures.photo(2000, 1200), exif=pictures.exif(6), comment=CANARY)
    made = await prepared(data, into)
    assert (made.media_type, made.width, made.height) == ("image/jpeg", 1200, 2000)
    assert (made.has_original, made.previews, made.is_animated) == (True, (480, 1600), False)
    assert names_in(into) == ["1600.webp", "480.webp", ORIGINAL]
    assert all(CANARY not in (into / name).read_bytes() for name in names_in(into))
    assert (into / ORIGINAL).read_bytes() == b"".join(strip("image/jpeg", memoryview(data)).pieces)
    assert (size_of(into / "480.webp"), size_of(into / "1600.webp")) == ((288, 480), (960, 1600))
    with Image.open(into / "480.webp") as image:  # the red corner, above left before it was turned
        red, green, blue = image.convert("RGB").getpixel((280, 8))  # type: ignore[misc]
    assert red > 200 > 60 > max(green, blue)


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_every_preview_stands_as_the_original_does(into: Path, orientation: int) -> None:
    plain = pictures.photo(700, 500)
    for data in (
        pictures.jpeg_bytes(plain, exif=pictures.exif(orientation)),
        pictures.saved(plain, "PNG", exif=pictures.exif(orientation)),
        pictures.saved(plain, "WEBP", exif=pictures.exif(orientation), lossless=True),
        pictures.saved(plain, "AVIF", exif=pictures.exif(orientation), quality=90),
    ):
        made = await prepared(data, into)
        with Image.open(io.BytesIO(data)) as original, Image.open(into / "480.webp") as preview:
            assert (made.width, made.height) == upright(original).size
            assert close(upright(original).convert("RGB").resize(preview.size), preview.convert("RGB"))
        empty(into)


def upright(image: Image.Image) -> Image.Image:
    return ImageOps.exif_transpose(image)


def close(one: Image.Image, other: Image.Image) -> bool:
    """Whether two pictures differ by no more than encoding them does."""
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean) < 8


async def test_a_small_picture_needs_no_preview_and_a_plain_one_is_kept(into: Path) -> None:
    made = await prepared(pictures.jpeg_bytes(pictures.photo(300, 200)), into)
    assert (made.width, made.height, made.previews, made.has_original) == (300, 200, (), False)
    assert len(made.blur) > 20
    assert names_in(into) == []


async def test_a_preview_that_would_be_larger_is_not_made(into: Path) -> None:
    plain = Image.new("1", (1000, 1000))
    made = await prepared(pictures.saved(plain, "PNG"), into)
    assert (made.width, made.previews) == (1000, ())


async def test_what_moves_has_a_still_however_small_it_is(into: Path) -> None:
    for data, media_type in ((pictures.gif(), "image/gif"), (pictures.webp(frames=3), "image/webp")):
        made = await prepared(data, into)
        assert (made.media_type, made.is_animated, made.previews) == (media_type, True, (480,))
        assert size_of(into / "480.webp") == (64, 48)
        empty(into)


async def test_of_a_long_animation_one_frame_is_decoded(into: Path) -> None:
    made = await prepared(hostile_files.long_gif(), into)
    assert (made.is_animated, made.width, made.previews) == (True, 2000, (480, 1600))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
async def test_every_sort_of_pixels_can_be_shown(into: Path, mode: str) -> None:
    if mode == "I;16":
        line = b"".join((100 * x).to_bytes(2, "little") for x in range(600))
        image = Image.frombytes("I;16", (600, 500), line * 500)
    else:
        image = pictures.photo(600, 500, mode)
    made = await prepared(
        pictures.saved(image, "JPEG" if mode == "CMYK" else "PNG", icc_profile=pictures.SRGB), into
    )
    assert (made.width, made.height) == (600, 500)
    assert made.previews in ((), (480,))  # of few colours a PNG may be smaller
    if mode == "I;16":
        with Image.open(into / "480.webp") as preview:
            assert preview.convert("L").getpixel((240, 200)) == pytest.approx(100 * 300 / 256, abs=4)


async def test_colours_of_another_profile_become_those_of_the_web(into: Path) -> None:
    data = pictures.jpeg_bytes(Image.new("RGB", (600, 500), "#406080"), icc_profile=pictures.SWAPPED)
    assert (await prepared(data, into)).previews == (480,)
    with Image.open(into / "480.webp") as preview:
        red, green, blue = preview.getpixel((100, 100))  # type: ignore[misc]
    assert (red, green, blue) == pytest.approx((0x80, 0x60, 0x40), abs=6)


async def test_a_profile_that_is_none_is_not_followed(into: Path) -> None:
    for icc in (b"no profile at all", bytes(128)):
        data = pictures.jpeg_bytes(pictures.photo(600, 500), icc_profile=icc)
        assert (await prepared(data, into)).previews == (480,)
        empty(into)


HEIC_HEAD = pictures.box(b"ftyp", b"heic", bytes(4), b"mif1", b"heic")

HAS_HEIC = find_spec("pillow_heif") is not None


@pytest.mark.skipif(not HAS_HEIC, reason="NOT TESTED: HEIC, as pillow-heif is not installed")
async def test_a_heic_becomes_a_jpeg_without_its_place(into: Path) -> None:
    data = heic()
    assert CANARY in data
    made = await prepared(data, into)
    assert (made.media_type, made.width, made.height) == ("image/jpeg", 480, 640)
    assert (made.has_original, made.previews) == (True, (480,))
    assert CANARY not in (into / ORIGINAL).read_bytes()
    with Image.open(into / ORIGINAL) as image:
        assert (image.format, image.size) == ("JPEG", (480, 640))
        red, green, blue = image.convert("RGB").getpixel((470, 10))  # type: ignore[misc]
    assert red > 200 > 60 > max(green, blue)
    empty(into)
    with pytest.raises(CannotPrepare):
        await prepared(HEIC_HEAD + bytes(100), into)


def heic() -> bytes:
    """A turned picture, made by a process of its own: the decoders of this one stay as they are."""
    ran = subprocess.run([sys.executable, "-c", MAKE_HEIC], capture_output=True, check=True, env=ENVIRONMENT)
    return ran.stdout


MAKE_HEIC = """
import pillow_heif, sys
from tests.support import pictures
pillow_heif.register_heif_opener()
sys.stdout.buffer.write(pictures.saved(pictures.photo(640, 480), "HEIF", exif=pictures.exif(6)))
"""


@pytest.mark.skipif(HAS_HEIC, reason="pillow-heif is installed")
async def test_without_the_extra_a_heic_is_refused(into: Path) -> None:
    with pytest.raises(
        CannotPrepare, match=r"cannot read HEIC pictures\. Send it as a JPEG, or as a file\.$"
    ):
        await prepared(HEIC_HEAD, into)


async def test_as_a_file_it_is_kept_byte_for_byte(into: Path) -> None:
    assert await prepared(pictures.jpeg(), into, as_file=True) == Prepared("image/jpeg")
    assert await prepared(hostile_files.huge_png(), into, as_file=True) == Prepared("image/png")
    assert names_in(into) == []


async def test_what_is_not_shown_is_kept_byte_for_byte(into: Path) -> None:
    for data, media_type in ((b"", UNKNOWN), (pictures.archive(), UNKNOWN), (b"%PDF-1.7", "application/pdf")):
        assert await prepared(data, into) == Prepared(media_type)
    assert names_in(into) == []


async def test_a_film_loses_its_place_and_is_shown_by_its_poster(into: Path) -> None:
    film = pictures.mp4()
    made = await prepared(film, into, poster=pictures.jpeg_bytes(pictures.photo(640, 360)))
    assert (made.media_type, made.has_original) == ("video/mp4", True)
    assert (made.width, made.height, made.previews) == (640, 360, (480,))
    kept = (into / ORIGINAL).read_bytes()
    assert len(kept) == len(film)
    assert CANARY not in kept


async def test_a_film_whose_poster_is_none_goes_without(into: Path) -> None:
    for poster in (b"", b"garbage", hostile_files.huge_png(), hostile_files.SVG, pictures.jpeg()[:900]):
        made = await prepared(pictures.box(b"ftyp", b"isom", bytes(4), b"mp42"), into, poster=poster)
        assert made == Prepared("video/mp4")


async def test_a_small_poster_is_a_preview_all_the_same(into: Path) -> None:
    made = await prepared(b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm\x86\x85V_VP9", into, poster=pictures.png())
    assert (made.media_type, made.width, made.previews) == ("video/webm", 64, (480,))


async def test_a_voice_note_of_boxes_is_sound(into: Path) -> None:
    # Its table of contents comes behind more than the server reads by itself.
    voice = pictures.mp4(tracks=(b"soun",))
    head, rest = voice[:24], voice[24:]
    made = await prepared(head + pictures.box(b"free", bytes(100_000)) + rest, into)
    assert (made.media_type, made.has_original) == ("audio/mp4", True)


HARMFUL = hostile_files.BOMBS | hostile_files.TRUNCATED


@pytest.mark.parametrize("name", HARMFUL)
async def test_what_does_not_decode_is_refused_in_a_sentence(into: Path, name: str) -> None:
    with pytest.raises(CannotPrepare, match=r"^[A-Z].*Send it as a file\.$"):
        await prepared(HARMFUL[name](), into)


@pytest.mark.parametrize("name", hostile_files.POLYGLOTS)
async def test_what_only_begins_like_a_picture_is_none(into: Path, name: str) -> None:
    try:
        made = await prepared(hostile_files.POLYGLOTS[name](), into)
    except CannotPrepare:
        return
    assert made in (Prepared(UNKNOWN), Prepared("application/pdf"))


@pytest.mark.parametrize("name", hostile_files.CARRIERS)
async def test_what_a_picture_carries_is_left_behind(into: Path, name: str) -> None:
    made = await prepared(hostile_files.CARRIERS[name](), into)
    assert made.has_original
    kept = (into / ORIGINAL).read_bytes()
    assert len(kept) < 20_000
    assert not any(part in kept for part in (b"<script", b"PK\x03\x04", b"CANARY"))


async def test_a_disk_that_takes_nothing_is_not_the_fault_of_the_file(into: Path) -> None:
    (into.with_name("part")).write_bytes(pictures.jpeg())
    with pytest.raises(FileNotFoundError):
        await prepare(into.with_name("part"), into / "nowhere", as_file=False)


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: there is no /proc")


async def until_a_worker_runs(before: list[int]) -> int:
    """The process that is there beside those that were."""
    with trio.fail_after(60):
        while children() == before:  # noqa: ASYNC110
            await trio.sleep(0.01)  # nothing tells of a process that somebody else starts
    return next(iter(set(children()) - set(before)))


@on_linux
async def test_cancelled_it_leaves_no_process(into: Path) -> None:
    before = children()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(prepared, hostile_files.slow_jpeg(), into))
        await until_a_worker_runs(before)
        nursery.cancel_scope.cancel()
    assert children() == before


PARENT = """
import sys, trio
from pathlib import Path
from trio_chat.media.prepare import prepare
trio.run(lambda: prepare(Path(sys.argv[1]), Path(sys.argv[2]), as_file=False))
"""


@on_linux
async def test_a_worker_ends_with_the_server_that_was_killed(into: Path) -> None:
    """Else it would write into what the next server makes anew."""
    part = into.with_name("part")
    part.write_bytes(hostile_files.slow_jpeg())
    command = [sys.executable, "-c", PARENT, str(part), str(into)]
    async with trio.open_nursery() as nursery:
        parent: trio.Process = await nursery.start(
            partial(trio.run_process, command, env=ENVIRONMENT, check=False)
        )
        with trio.fail_after(60):
            while not (workers := [pid for pid in children(parent.pid) if has_mapped(pid, part)]):  # noqa: ASYNC110
                await trio.sleep(0.01)
        parent.kill()
        with trio.fail_after(8):  # after 10 s of the processor's time it would end by itself
            while has_mapped(workers[0], part):  # noqa: ASYNC110
                await trio.sleep(0.01)


def has_mapped(pid: int, path: Path) -> bool:
    """Whether a process is there and looks into this file."""
    try:
        return str(path) in Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False


@on_linux
async def test_what_takes_too_long_is_ended(into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = children()
    monkeypatch.setattr(preparing, "DEADLINE_S", 0.5)
    with pytest.raises(CannotPrepare, match="too much work"):
        await prepared(hostile_files.slow_jpeg(), into)
    assert children() == before


@on_linux
@pytest.mark.parametrize("how", [signal.SIGSEGV, signal.SIGKILL, signal.SIGXCPU])
async def test_a_worker_that_dies_is_the_fault_of_the_file(into: Path, how: signal.Signals) -> None:
    before = children()
    with pytest.RaisesGroup(pytest.RaisesExc(CannotPrepare, match="too much work")):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(prepared, hostile_files.slow_jpeg(), into))
            os.kill(await until_a_worker_runs(before), how)


@pytest.mark.parametrize(
    ("attempt", "end"),
    [
        ("while True: pass", -signal.SIGXCPU),
        ("bytes(worker.MEMORY_BYTES)", "MemoryError"),
        (
            "import pathlib; pathlib.Path('large').write_bytes(bytes(worker.WRITTEN_BYTES + 2))",
            "File too large",
        ),
        ("[open('/dev/null') for _ in range(99)]", "Too many open files"),
    ],
)
def test_a_worker_has_so_much_of_everything(tmp_path: Path, attempt: str, end: int | str) -> None:
    attempt = f"from trio_chat.media import worker; worker.CPU_S = 1; worker.limit_resources(0)\n{attempt}"
    ran = subprocess.run(
        [sys.executable, "-c", attempt], capture_output=True, text=True, env=ENVIRONMENT, cwd=tmp_path
    )
    assert ran.returncode == end if isinstance(end, int) else end in ran.stderr


@on_linux
@pytest.mark.parametrize(("people", "at_once"), [("abc", preparing.AT_ONCE), ("a", preparing.FOR_EACH)])
async def test_so_many_are_looked_into_at_once_and_no_more(tmp_path: Path, people: str, at_once: int) -> None:
    data = pictures.jpeg_bytes(pictures.photo(3000, 2000))
    before, most, done = len(children()), 0, 0

    async def one(number: int) -> None:
        nonlocal done
        into = tmp_path / str(number) / "into"
        into.mkdir(parents=True)
        await prepared(data, into, person=people[number % len(people)])
        done += 1

    async with trio.open_nursery() as nursery:
        for number in range(6):
            nursery.start_soon(one, number)
        while done < 6:
            most = max(most, len(children()) - before)
            await trio.sleep(0.005)
    assert most == at_once


MEASURE = """
import sys, trio
from pathlib import Path
from trio_chat.media.prepare import CannotPrepare, prepare

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

async def each(path):
    into = path.with_suffix(".into")
    into.mkdir()
    try:
        print(path.name, await prepare(path, into, as_file=False), file=sys.stderr)
    except CannotPrepare as error:
        print(path.name, error, file=sys.stderr)

async def main():
    first, *rest = map(Path, sys.argv[1:])
    await each(first)
    before = peak()
    async with trio.open_nursery() as nursery:
        for path in rest:
            nursery.start_soon(each, path)
    print(peak() - before)

trio.run(main)
"""


@on_linux
def test_bombs_and_large_pictures_cost_the_server_no_memory(tmp_path: Path) -> None:
    large = pictures.jpeg_bytes(pictures.photo(7500, 5500), exif=pictures.exif(6))
    makers: list[Callable[[], bytes]] = [
        pictures.jpeg,
        lambda: large,
        hostile_files.large_png,
        hostile_files.long_gif,
        *hostile_files.BOMBS.values(),
        *hostile_files.CARRIERS.values(),
    ]
    paths = [tmp_path / f"{number}.bin" for number in range(len(makers))]
    for path, make in zip(paths, makers, strict=True):
        path.write_bytes(make())
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, paths)], capture_output=True, text=True, env=ENVIRONMENT
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) < 10 * 1024, ran.stderr


# -- pictures of rooms and people --


@pytest.mark.parametrize("orientation", [1, 6])
async def test_a_picture_of_a_room_is_its_middle_square_without_anything_beside_it(
    into: Path, orientation: int
) -> None:
    data = pictures.jpeg_bytes(pictures.photo(2000, 1200), exif=pictures.exif(orientation), comment=CANARY)
    made = await prepared(data, into, is_picture=True)
    assert made == Prepared("image/webp", 640, 640, has_original=True, previews=PICTURE_SIZES)
    assert names_in(into) == ["256.webp", "96.webp", ORIGINAL]
    assert [size_of(into / name) for name in names_in(into)] == [(256, 256), (96, 96), (640, 640)]
    assert all(CANARY not in (into / name).read_bytes() for name in names_in(into))


async def test_a_picture_of_a_room_is_never_made_larger(into: Path) -> None:
    made = await prepared(pictures.saved(pictures.photo(200, 90), "PNG"), into, is_picture=True)
    assert (made.width, made.height, made.previews) == (90, 90, PICTURE_SIZES)
    assert [size_of(into / name) for name in names_in(into)] == [(90, 90)] * 3


async def test_a_picture_of_a_room_does_not_move(into: Path) -> None:
    made = await prepared(pictures.gif(), into, is_picture=True)
    assert not made.is_animated
    assert made.width == made.height


@pytest.mark.parametrize("data", [b"words", b"%PDF-1.7", pictures.mp4(), b"\xff\xd8\xff\xe0 no more"])
async def test_what_is_no_picture_is_no_picture_of_a_room(into: Path, data: bytes) -> None:
    with pytest.raises(CannotPrepare):
        await prepared(data, into, is_picture=True)
