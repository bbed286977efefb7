"""Previews: smaller pictures of a picture, and its thumbhash. Decodes what strangers sent: only in the media worker.

Of animations the first frame is decoded, and of a JPEG no more pixels than are needed.
"""

from __future__ import annotations

import base64
import io
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageCms

from trio_chat.media.job import ORIGINAL, PICTURE_PX, PICTURE_SIZES
from trio_chat.media.thumbhash import MAX_SIDE, thumbhash

if TYPE_CHECKING:
    from pathlib import Path

SIZES: Final = (480, 1600)
"""The longest sides, in pixels: for the talk, and for the whole screen."""

MEGAPIXELS: Final = {"JPEG": 120, "WEBP": 40}
"""So many a picture has at most, by what decoding it takes: a JPEG is decoded smaller, a WebP three times at once."""

OTHER_MEGAPIXELS: Final = 50

_FORMATS: Final = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/avif": "AVIF",
    "image/heic": "HEIF",
}
"""The decoders that are asked: the one for what the bytes are, and no other."""

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How a picture becomes upright, by its orientation in EXIF."""

_ORIENTATION: Final = 0x0112
_QUALITY: Final = 80


class TooManyPixels(ValueError):
    """A picture has more than so many megapixels."""

    def __init__(self, megapixels: int) -> None:
        super().__init__(megapixels)
        self.megapixels = megapixels


def open_picture(path: Path, media_type: str) -> Image.Image:
    """A picture of this media type, not yet decoded. Raises `TooManyPixels`, and whatever Pillow does."""
    form = _FORMATS[media_type]
    megapixels = MEGAPIXELS.get(form, OTHER_MEGAPIXELS)
    Image.MAX_IMAGE_PIXELS = megapixels * 1_000_000
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        return Image.open(path, formats=(form,))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise TooManyPixels(megapixels) from None


def is_animated(image: Image.Image) -> bool:
    """Whether there is a second frame. (A second picture in a JPEG is none.)"""
    return image.format != "JPEG" and bool(getattr(image, "is_animated", False))


class Previews:
    """The first frame of a picture, upright and small, in the colours of the web."""

    def __init__(self, image: Image.Image, orientation: int = 1) -> None:
        """Decode it: ``orientation`` is that of EXIF, if the format says it there. Raises whatever Pillow does."""
        if image.format == "AVIF":
            orientation = image.getexif().get(_ORIENTATION, 1)  # Pillow's word for a property of the picture
        width, height = image.size
        self.width, self.height = (height, width) if orientation >= 5 else (width, height)
        small = _decoded(image)
        self._small = small.transpose(_TURNS[orientation]) if orientation in _TURNS else small

    def write(self, into: Path, *, always: bool, below_bytes: int) -> tuple[int, ...]:
        """Write those that are smaller than the picture, in pixels and in bytes. Returns their sizes.

        With ``always`` the smallest is written in any case, no larger than the picture. Raises `OSError`.
        """
        written = []
        for size in SIZES:
            is_needed = always and size == SIZES[0]
            if is_needed or max(self.width, self.height) > size:
                out = io.BytesIO()
                _at_most(self._small, size).save(out, "WEBP", quality=_QUALITY)
                if is_needed or len(out.getvalue()) < below_bytes:
                    (into / f"{size}.webp").write_bytes(out.getvalue())
                    written.append(size)
        return tuple(written)

    def write_squares(self, into: Path) -> int:
        """Write its middle square in the sizes of pictures of rooms and people, never larger than it is. Returns the
        side of the largest, in pixels. Raises `OSError`."""
        width, height = self._small.size
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        square = self._small.crop((left, top, left + side, top + side))
        names = {PICTURE_PX: ORIGINAL} | {size: f"{size}.webp" for size in PICTURE_SIZES}
        for size, name in names.items():
            out = io.BytesIO()
            _at_most(square, size).save(out, "WEBP", quality=_QUALITY)
            (into / name).write_bytes(out.getvalue())
        return min(side, PICTURE_PX)

    def blur(self) -> str:
        """The thumbhash, in Base64."""
        tiny = _at_most(self._small, MAX_SIDE).convert("RGBA")
        return base64.b64encode(thumbhash(*tiny.size, tiny.tobytes())).decode()


def _decoded(image: Image.Image) -> Image.Image:
    """The picture in sRGB, with 8 bits a channel, no larger than the largest preview, and with nothing beside it."""
    size = _size_within(image.size, SIZES[-1])
    image.draft("RGB", size)
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):
        image = image.point(lambda value: value * (1 / 256)).convert(
            "L"
        )  # 16 bits, which convert() only cuts
    elif image.mode in ("P", "PA", "LA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode not in ("L", "RGB", "RGBA", "CMYK"):
        image = image.convert("RGB")
    image = _resized(image, size)
    small = _in_srgb(image, profile)
    small.info.clear()
    return small


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    if profile:
        with suppress(ImageCms.PyCMSError, OSError):  # a profile that is none, or for other channels
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                image, given, ImageCms.createProfile("sRGB"), outputMode=mode
            )
            assert converted is not None  # it is not done in place
            return converted
    return image.convert(mode)


def _at_most(image: Image.Image, side: int) -> Image.Image:
    return _resized(image, _size_within(image.size, side))


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _size_within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """The size with the same ratio whose longer side is at most this; never larger, and nothing is 0."""
    ratio = min(1, side / max(size))
    return max(1, round(size[0] * ratio)), max(1, round(size[1] * ratio))
