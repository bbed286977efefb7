"""What is sent tells nobody where it was made, and not one pixel of it is another."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps, ImageSequence

from tests.support import pictures
from tests.support.pictures import CANARY
from trio_chat.media.boxes import boxes
from trio_chat.media.exif import only_orientation, read_orientation
from trio_chat.media.metadata import STRIPPED, strip
from trio_chat.media.pieces import Damaged

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.filterwarnings("ignore:Image appears to be a malformed MPO")

MADE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "jpeg": ("image/jpeg", pictures.jpeg),
    "jpeg-progressive": ("image/jpeg", lambda: pictures.jpeg(progressive=True)),
    "jpeg-grey": ("image/jpeg", lambda: pictures.jpeg(mode="L")),
    "jpeg-cmyk": ("image/jpeg", lambda: pictures.jpeg(mode="CMYK")),
    "jpeg-turned": ("image/jpeg", lambda: pictures.jpeg(6)),
    "png": ("image/png", pictures.png),
    "png-palette": ("image/png", lambda: pictures.png(mode="P")),
    "png-turned": ("image/png", lambda: pictures.png(3)),
    "webp": ("image/webp", pictures.webp),
    "webp-animated": ("image/webp", lambda: pictures.webp(frames=3)),
    "webp-turned": ("image/webp", lambda: pictures.webp(8)),
    "gif": ("image/gif", lambda: pictures.gif(frames=1)),
    "gif-animated": ("image/gif", pictures.gif),
    "avif": ("image/avif", pictures.avif),
}


def stripped(media_type: str, data: bytes) -> bytes:
    return b"".join(strip(media_type, memoryview(data)).pieces)


def frames_of(data: bytes) -> list[tuple[object, ...]]:
    """Pixels and times of all frames, and how often they are shown."""
    with Image.open(io.BytesIO(data)) as image:
        loops = image.info.get("loop")
        return [
            (frame.mode, frame.size, frame.convert("RGBA").tobytes(), frame.info.get("duration"), loops)
            for frame in (
                image.copy() if image.format == "JPEG" else each for each in ImageSequence.Iterator(image)
            )
        ]


@pytest.mark.parametrize("name", MADE)
def test_nothing_is_told_and_no_pixel_changes(name: str) -> None:
    media_type, make = MADE[name]
    data = make()
    assert CANARY in data
    kept = stripped(media_type, data)
    assert CANARY not in kept
    assert CANARY not in b"".join(parts_of_film(kept))
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(kept)) as after:
        assert ImageOps.exif_transpose(before).size == ImageOps.exif_transpose(after).size
        assert before.info.get("icc_profile") == after.info.get("icc_profile")
        assert set(after.getexif()) <= {0x0112}
    if media_type == "image/jpeg":  # of several pictures in it there is one
        assert one_frame(kept) == one_frame(data)
    else:
        assert frames_of(kept) == frames_of(data)


def one_frame(data: bytes) -> tuple[object, ...]:
    with Image.open(io.BytesIO(data)) as image:
        return image.mode, image.size, image.tobytes()


def parts_of_film(data: bytes) -> list[bytes]:
    return [data[each.body : each.end] for each in boxes(memoryview(data)) if each.kind == b"moov"]


@pytest.mark.parametrize("name", MADE)
def test_what_is_stripped_already_is_kept_as_it_is(name: str) -> None:
    media_type, make = MADE[name]
    data = make()
    assert not strip(media_type, memoryview(data)).is_all_of(memoryview(data))
    once = stripped(media_type, data)
    again = strip(media_type, memoryview(once))
    assert again.is_all_of(memoryview(once))
    assert again.orientation == strip(media_type, memoryview(data)).orientation


@pytest.mark.parametrize(
    ("media_type", "make"),
    [("image/jpeg", pictures.jpeg), ("image/png", pictures.png), ("image/webp", pictures.webp)],
)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_stays_turned(
    media_type: str, make: Callable[[int], bytes], orientation: int
) -> None:
    kept = strip(media_type, memoryview(make(orientation)))
    assert kept.orientation == orientation
    with Image.open(io.BytesIO(b"".join(kept.pieces))) as image:
        assert image.getexif().get(0x0112, 1) == orientation
        assert upright(image) == upright(Image.open(io.BytesIO(make(orientation))))


def upright(image: Image.Image) -> tuple[tuple[int, int], bytes]:
    turned = ImageOps.exif_transpose(image)
    return turned.size, turned.convert("RGB").tobytes()


def test_a_film_keeps_its_title_and_its_bytes_where_they_are() -> None:
    data = pictures.mp4()
    kept = stripped("video/mp4", data)
    assert CANARY in data
    assert CANARY not in kept
    assert len(kept) == len(data)
    assert b"Kites" in kept
    assert kept[-168:] == data[-168:]
    assert [(each.head, each.end) for each in boxes(memoryview(kept))] == [
        (each.head, each.end) for each in boxes(memoryview(data))
    ]


def test_a_thumbnail_in_the_head_of_a_jpeg_goes() -> None:
    plain = pictures.jpeg_bytes(pictures.photo())
    assert plain[2:4] == b"\xff\xe0"
    thumbnail = b"JFIF\0\1\1\0\0\1\0\1\x05\x01" + CANARY
    data = plain[:2] + b"\xff\xe0" + (len(thumbnail) + 2).to_bytes(2) + thumbnail + plain[20:]
    assert stripped("image/jpeg", data) == plain


def test_a_jpeg_that_ends_in_the_middle_is_damaged() -> None:
    data = stripped("image/jpeg", pictures.jpeg())
    for cut in (1, 2, len(data) // 2, len(data) - 20, len(data) - 5):
        with pytest.raises(Damaged):
            strip("image/jpeg", memoryview(data[:-cut]))


@pytest.mark.parametrize("media_type", sorted(STRIPPED))
@given(data=st.data())
def test_garbage_is_damaged_or_kept_and_never_another_error(media_type: str, data: st.DataObject) -> None:
    make = dict(MADE.values()).get(media_type, pictures.mp4)
    garbage = bytearray(CACHE.setdefault(media_type, make()))
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(garbage) - 1))
        garbage[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    del garbage[data.draw(st.integers(0, len(garbage))) :]
    check_garbage(media_type, bytes(garbage))


CACHE: dict[str, bytes] = {}


@pytest.mark.parametrize("media_type", sorted(STRIPPED))
@given(garbage=st.binary(max_size=200))
def test_so_is_what_never_was_a_picture(media_type: str, garbage: bytes) -> None:
    heads = {
        "image/jpeg": b"\xff\xd8\xff",
        "image/png": pictures.png()[:33],
        "image/webp": b"RIFF" + (len(garbage) + 8).to_bytes(4, "little") + b"WEBPVP8X\x0a\0\0\0",
        "image/gif": b"GIF89a",
        "image/avif": pictures.avif()[:40],
    }
    check_garbage(media_type, garbage)
    check_garbage(media_type, heads.get(media_type, pictures.mp4()[:24]) + garbage)


def check_garbage(media_type: str, garbage: bytes) -> None:
    try:
        kept = stripped(media_type, garbage)
    except Damaged:
        return
    again = strip(media_type, memoryview(kept))
    assert again.is_all_of(memoryview(kept))


@given(st.binary(max_size=80))
def test_garbage_as_exif_is_upright(tiff: bytes) -> None:
    for head in (b"", b"II*\0", b"MM\0*", b"II*\0\x08\0\0\0"):
        assert 1 <= read_orientation(head + tiff) <= 8


def test_the_shortest_exif_says_only_one_thing() -> None:
    for orientation in range(1, 9):
        tiff = only_orientation(orientation)
        assert read_orientation(tiff) == orientation
        tags = Image.Exif()
        tags.load(tiff)
        assert dict(tags) == {0x0112: orientation}
