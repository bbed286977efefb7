"""Files made to do harm: to who decodes them, or in the browser of who looks at them."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from tests.support import pictures
from tests.support.pictures import png_chunk

if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPT = b"<script>alert('CANARY')</script>"
HTML = b"<!doctype html><title>x</title>" + SCRIPT
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="alert(1)">' + SCRIPT + b"</svg>"


def _png(width: int, height: int, depth: int, colours: int, pixels: bytes, *others: bytes) -> bytes:
    head = width.to_bytes(4) + height.to_bytes(4) + bytes((depth, colours, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (png_chunk(b"IHDR", head), *others, png_chunk(b"IDAT", pixels), png_chunk(b"IEND", b""))
    )


def zeros(size: int) -> bytes:
    """So many zeros, compressed; made in steps."""
    packer = zlib.compressobj(9)
    step = 1024 * 1024
    steps = [packer.compress(bytes(min(step, size - at))) for at in range(0, size, step)]
    return b"".join((*steps, packer.flush()))


def _small_png(*others: bytes) -> bytes:
    return _png(8, 8, 8, 2, zlib.compress(bytes(25 * 8)), *others)


def huge_png() -> bytes:
    """900 megapixels of one bit in 110 KB."""
    return _png(30_000, 30_000, 1, 0, zeros(3751 * 30_000))


def large_png() -> bytes:
    """40 megapixels of colours, which can be shown."""
    return _png(6400, 6300, 8, 2, zeros((3 * 6400 + 1) * 6300))


def long_gif() -> bytes:
    """300 frames of 2000 by 2000 pixels: 1.2 gigapixels in a megabyte."""
    return pictures.still_gif(2000, 2000, frames=300)


def lying_jpeg() -> bytes:
    """A small JPEG that says that it has 4 gigapixels."""
    data = bytearray(pictures.jpeg_bytes(pictures.photo()))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = b"\xff\xdc\xff\xdc"
    return bytes(data)


def slow_jpeg() -> bytes:
    """100 megapixels in which one scan after the other refines nothing: each costs a walk over all of them."""
    size = 10_000
    frame = b"\xff\xc2\x00\x0b\x08" + size.to_bytes(2) * 2 + b"\x01\x01\x11\x00"
    table = (
        b"\xff\xc4\x00\x14\x00\x01" + bytes(15) + b"\x00" + b"\xff\xc4\x00\x14\x10\x01" + bytes(15) + b"\xe0"
    )
    quantisation = b"\xff\xdb\x00\x43\x00" + b"\x01" * 64
    first = b"\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00" + bytes(1250 * 1250 // 8 + 1)
    # "No more bands for 32,767 blocks", 48 times: 15 bits each.
    more = b"\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00" + bytes(200)
    return b"\xff\xd8" + quantisation + frame + table + first + more * 2000 + b"\xff\xd9"


BOMBS: Final[dict[str, Callable[[], bytes]]] = {
    "png of 900 megapixels": huge_png,
    "jpeg that says 4 gigapixels": lying_jpeg,
    "png of one line": lambda: _png(60_000_000, 1, 8, 0, zeros(64 * 1024 * 1024)),
    "png whose colour profile unpacks to 256 MB": lambda: _small_png(
        png_chunk(b"iCCP", b"icc\0\0" + zeros(256 * 1024 * 1024))
    ),
    "webp that says 256 megapixels": lambda: (
        b"RIFF\x26\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\x3f\x00\xff\x3f\x00VP8L\x08\0\0\0\x2f\xff\xff\xff\x0f\0\0\0"
    ),
    "gif that says 4 gigapixels": lambda: (
        b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x44\x01\0;"
    ),
}
"""Small files that would be large pictures: none is to be shown."""

TRUNCATED: Final[dict[str, Callable[[], bytes]]] = {
    "half a jpeg": lambda: pictures.jpeg_bytes(pictures.photo(400, 300))[:4000],
    "half a png": lambda: pictures.png()[:-400],
    "half a webp": lambda: pictures.webp()[:900],
    "half a gif": lambda: pictures.gif()[:900],
    "half an avif": lambda: pictures.avif()[:500],
    "png with the wrong sum": lambda: pictures.saved(pictures.photo(), "PNG").replace(b"IDAT", b"IDAT!", 1),
}

POLYGLOTS: Final[dict[str, Callable[[], bytes]]] = {
    "html behind the head of a jpeg": lambda: b"\xff\xd8\xff\xe0" + HTML,
    "html behind the head of a gif": lambda: b"GIF89a/*" + HTML,
    "html behind the head of a png": lambda: pictures.png()[:33] + HTML,
    "html behind the head of a webp": lambda: b"RIFF\xff\xff\0\0WEBPVP8 " + HTML,
    "svg": lambda: SVG,
    "svg that says xml": lambda: b'<?xml version="1.0"?>' + SVG,
    "html": lambda: HTML,
    "html behind a byte order mark": lambda: b"\xef\xbb\xbf" + HTML,
    "pdf with html": lambda: b"%PDF-1.7\n" + HTML,
    "mp3 frame before html": lambda: b"\xff\xfb\x90\x64" + HTML,
}
"""None of it is a picture."""


def gif_that_is_a_script() -> bytes:
    """A GIF of one pixel on a screen of 10,799 by 1, whose width begins a comment that ends behind it."""
    small = b",\0\0\0\0\1\0\1\0\0\2\2\x44\1\0;"
    return b"GIF89a/*\1\0\x80\0\0" + bytes(3) + b"\xff" * 3 + small + b"*/=1;alert('CANARY')//"


CARRIERS: Final[dict[str, Callable[[], bytes]]] = {
    "gifar": pictures.gif,
    "gif that is a script": gif_that_is_a_script,
    "jpeg with html in its comment": lambda: pictures.jpeg_bytes(pictures.photo(), comment=HTML),
    "png with html in a text": lambda: _small_png(png_chunk(b"tEXt", b"Comment\0" + HTML)),
    "png with a text that unpacks to 256 MB": lambda: _small_png(
        png_chunk(b"zTXt", b"Comment\0\0" + zeros(256 * 1024 * 1024))
    ),
    "webp with html behind it": lambda: pictures.webp() + HTML,
}
"""Pictures that carry something else: what is shown is the picture alone."""
