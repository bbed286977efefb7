"""Pictures and films with something to hide: made here, so that every byte of them is known."""

from __future__ import annotations

import io
import zipfile
import zlib
from binascii import crc32

from PIL import Image, ImageCms

CANARY = b"CANARY 51.4778N"
"""Stands wherever metadata can stand, and must not stand anywhere afterwards."""

CANARY_TEXT = CANARY.decode()

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _with_red_for_blue(profile: bytes) -> bytes:
    """The profile with the tags of its red and its blue exchanged: as strange as it is easy to see."""
    for tag in (b"XYZ", b"TRC"):
        profile = profile.replace(b"r" + tag, b"?" + tag, 1).replace(b"b" + tag, b"r" + tag, 1)
        profile = profile.replace(b"?" + tag, b"b" + tag, 1)
    return profile


SWAPPED = _with_red_for_blue(SRGB)


def photo(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """A picture in which each corner is another."""
    image = Image.radial_gradient("L").resize((width, height)).convert("RGB")
    for colour, corner in (("red", (0, 0)), ("blue", (width // 2, height // 2))):
        image.paste(colour, (*corner, corner[0] + width // 4, corner[1] + height // 4))
    return image.convert(mode)


def exif(orientation: int = 1) -> bytes:
    """EXIF with a maker, GPS and a comment; behind the TIFF the thumbnail."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = CANARY_TEXT
    tags.get_ifd(0x8825).update({1: "N", 2: (51.0, 28.0, 40.0), 29: CANARY_TEXT})
    tags.get_ifd(0x8769)[0x9286] = CANARY
    return tags.tobytes() + jpeg_bytes(photo(16, 12), comment=CANARY)


def xmp() -> bytes:
    return b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + CANARY + b"</x:xmpmeta>"


def archive() -> bytes:
    """A zip file, to be put behind something else."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        zipped.writestr("canary.txt", CANARY)
    return out.getvalue()


def jpeg_bytes(image: Image.Image, **options: object) -> bytes:
    return saved(image, "JPEG", **options)


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def jpeg(orientation: int = 1, *, mode: str = "RGB", progressive: bool = False) -> bytes:
    """A JPEG as phones write them, and worse: with everything that is not the picture."""
    plain = jpeg_bytes(photo(mode=mode), icc_profile=SRGB, progressive=progressive, restart_marker_rows=1)
    segments = (
        (0xE1, exif(orientation)),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp()),
        (0xE2, b"MPF\0II*\0" + CANARY),
        (0xED, b"Photoshop 3.0\0" + CANARY),
        (0xEF, CANARY),
        (0xFE, CANARY),
    )
    added = b"".join(bytes((0xFF, kind)) + (len(body) + 2).to_bytes(2) + body for kind, body in segments)
    second = jpeg_bytes(photo(8, 8), comment=CANARY)
    return plain[:2] + added + plain[2:] + second + mp4() + archive()


def png(orientation: int = 1, *, mode: str = "RGB") -> bytes:
    """A PNG with texts, EXIF, an unknown chunk, and an archive behind it."""
    plain = saved(photo(mode=mode), "PNG", icc_profile=SRGB)
    added = (
        png_chunk(b"tEXt", b"Comment\0" + CANARY)
        + png_chunk(b"zTXt", b"Author\0\0" + zlib.compress(CANARY, 0))
        + png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp())
        + png_chunk(b"eXIf", exif(orientation).removeprefix(b"Exif\0\0"))
        + png_chunk(b"tIME", b"\x07\xea\x0b\x1e\0\0\0")
        + png_chunk(b"prVt", CANARY)
    )
    return plain[:33] + added + plain[33:] + archive()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + crc32(kind + body).to_bytes(4)


def webp(orientation: int = 1, *, frames: int = 1) -> bytes:
    """A WebP with EXIF, XMP, an unknown chunk, and an archive behind it."""
    rest = [photo().rotate(90 * turn) for turn in range(1, frames)]
    many = {"save_all": True, "append_images": rest, "duration": 100} if rest else {}
    plain = saved(photo(), "WEBP", exif=exif(orientation), xmp=xmp(), icc_profile=SRGB, lossless=True, **many)
    private = b"PRVT" + len(CANARY).to_bytes(4, "little") + CANARY + bytes(len(CANARY) % 2)
    size = int.from_bytes(plain[4:8], "little") + len(private)
    return plain[:4] + size.to_bytes(4, "little") + plain[8:] + private + archive()


def gif(*, frames: int = 3) -> bytes:
    """A GIF with a comment, XMP, a text, and an archive behind it (a GIFAR)."""
    rest = [photo().rotate(90 * turn) for turn in range(1, frames)]
    many = {"save_all": True, "append_images": rest, "duration": 100, "loop": 0} if rest else {}
    plain = saved(photo(), "GIF", comment=CANARY, **many)
    texts = b"\x21\xff\x0bXMP DataXMP" + gif_blocks(xmp()) + b"\x21\x01\x0c" + bytes(12) + gif_blocks(CANARY)
    return plain[:-1] + texts + b";" + archive()


def still_gif(width: int, height: int, *, frames: int) -> bytes:
    """A GIF of many equal frames, which Pillow would leave out."""
    one = saved(Image.new("L", (width, height)), "GIF")
    frame = one[13 + (3 << (one[10] & 7) + 1) : -1]
    return one[:-1] + frame * (frames - 1) + b";"


def gif_blocks(data: bytes) -> bytes:
    parts = (data[at : at + 255] for at in range(0, len(data), 255))
    return b"".join(bytes((len(part),)) + part for part in parts) + b"\0"


def avif() -> bytes:
    return saved(photo(), "AVIF", exif=exif(6), xmp=xmp(), icc_profile=SRGB)


def box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return (len(body) + 8).to_bytes(4) + kind + body


def hdlr(kind: bytes) -> bytes:
    return box(b"hdlr", bytes(8), kind, bytes(12), b"\0")


def mp4(
    *, brand: bytes = b"isom", tracks: tuple[bytes, ...] = (b"vide", b"soun"), title: bytes = b"Kites"
) -> bytes:
    """The boxes of a film of a phone, with its place in each way in which phones write it; nothing to be played."""
    place = box(b"\xa9xyz", len(CANARY).to_bytes(2), b"\x15\xc7", CANARY)
    music = box(
        b"meta", bytes(4), hdlr(b"mdir"), box(b"ilst", box(b"\xa9nam", title), box(b"\xa9xyz", CANARY))
    )
    apple = box(b"meta", hdlr(b"mdta"), box(b"keys", CANARY), box(b"ilst", CANARY))
    user = box(b"udta", place, box(b"loci", CANARY), box(b"\xa9mak", CANARY), music, bytes(4))
    of_tracks = [box(b"trak", box(b"mdia", hdlr(kind)), box(b"udta", place), apple) for kind in tracks]
    movie = box(b"moov", box(b"mvhd", bytes(100)), *of_tracks, user, apple, box(b"uuid", bytes(16), CANARY))
    found_by_xmp = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
    return b"".join(
        (
            box(b"ftyp", brand, bytes(4), brand, b"mp42"),
            movie,
            box(b"uuid", found_by_xmp, xmp()),
            box(b"mdat", b"\0\0\0\x08film" * 20),
        )
    )
