"""Media types: what a file is, as its first bytes say. Neither its name nor its sender is asked.

Only what is on this list is ever shown by a browser; all else is a row of bytes to be downloaded. So a page of HTML or
a program that begins like a picture is one that does not decode, and never a page.

Pure.
"""

from __future__ import annotations

import re
from typing import Final

from trio_chat.media.boxes import Box, boxes, handler, inside
from trio_chat.media.pieces import stands

HEAD_BYTES: Final = 64 * 1024
"""So many first bytes are enough."""

UNKNOWN: Final = "application/octet-stream"

IMAGES: Final = frozenset(("image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"))
"""Pictures that are shown as they are."""

HEIC: Final = "image/heic"
"""Of phones; no browser but Safari shows it."""

VIDEOS: Final = frozenset(("video/mp4", "video/webm", "video/quicktime"))
AUDIO: Final = frozenset(
    ("audio/mpeg", "audio/mp4", "audio/ogg", "audio/webm", "audio/wav", "audio/flac", "audio/aac")
)
INLINE: Final = IMAGES | VIDEOS | AUDIO
"""What may be shown or played where it stands, unless it was sent as a file."""

_MAGIC: Final = (
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"), "image/png"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF.{4}WEBPVP8[ LX]", re.DOTALL), "image/webp"),
    (re.compile(rb"RIFF.{4}WAVE", re.DOTALL), "audio/wav"),
    (re.compile(rb"fLaC\x00"), "audio/flac"),
    (re.compile(rb"OggS.{22,281}?(OpusHead|\x01vorbis|\x7fFLAC|Speex   )", re.DOTALL), "audio/ogg"),
    (re.compile(rb"ID3[\x02-\x04]"), "audio/mpeg"),
    (re.compile(rb"%PDF-"), "application/pdf"),
)
_EBML: Final = b"\x1a\x45\xdf\xa3"
_WEBM: Final = re.compile(rb"\x42\x82.?.?.?.?\x84webm", re.DOTALL)
"""The document type, in the head of Matroska (RFC 9559); its size may be padded."""

_WEBM_VIDEO: Final = re.compile(rb"\x86[\x80-\xbf]V_")
"""A track's codec: V_VP9, V_AV1, …"""

_AVIF_BRANDS: Final = frozenset((b"avif", b"avis"))
_HEIC_BRANDS: Final = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"))
_MP4_BRANDS: Final = frozenset(b"iso mp4 avc hvc M4V M4A M4B M4P 3gp 3g2 f4v das MSN mmp".split())
"""The first three characters of the brands of MP4, and of 3GP, which is the same."""


def media_type_of(head: memoryview) -> str:
    """The media type of a file by its first `HEAD_BYTES`; if it is shorter, by all of it. `UNKNOWN` is the rest.

    Of an MP4 whose table of contents comes later all of it says more: whether there is more than sound.
    """
    for pattern, media_type in _MAGIC:
        if pattern.match(head):
            return media_type
    if stands(head, 4, b"ftyp"):
        return _boxed(head)
    if stands(head, 0, _EBML) and _WEBM.search(head[:64]):
        return "video/webm" if _WEBM_VIDEO.search(head) else "audio/webm"
    return _frames(head)


def _boxed(head: memoryview) -> str:
    """What consists of boxes: by the brands that it says it is compatible with, and the tracks in it."""
    ftyp = next(boxes(head))
    major = bytes(head[8:12])
    brands = {bytes(head[at : at + 4]) for at in range(16, ftyp.end - 3, 4)} | {major}
    if major in _AVIF_BRANDS or (major in (b"mif1", b"msf1") and brands & _AVIF_BRANDS):
        return "image/avif"
    if major in _HEIC_BRANDS or (major in (b"mif1", b"msf1") and brands & _HEIC_BRANDS):
        return HEIC
    if major == b"qt  ":
        return "video/quicktime"
    if not any(brand[:3] in _MP4_BRANDS for brand in brands):
        return UNKNOWN
    everything = Box(b"", 0, 0, len(head))
    tracks = {handler(head, box) for box in inside(head, everything, b"moov", b"trak", b"mdia", b"hdlr")}
    is_sound = b"vide" not in tracks if tracks else major[:3] in (b"M4A", b"M4B", b"M4P")
    return "audio/mp4" if is_sound else "video/mp4"


def _frames(head: memoryview) -> str:
    """Sound without a head of its own: two frames of MPEG audio, or of AAC, one behind the other."""
    for size_of, media_type in ((_mp3_frame, "audio/mpeg"), (_aac_frame, "audio/aac")):
        size = size_of(head)
        if size and (size == len(head) or size_of(head[size : size + 8])):
            return media_type
    return UNKNOWN


_KBITS_1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_KBITS_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_HERTZ: Final = (44_100, 48_000, 32_000)


def _mp3_frame(head: memoryview) -> int:
    """The size in bytes of the frame of layer III that begins here (ISO/IEC 11172-3, 13818-3); 0 if none does."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version, rate = head[1] >> 3 & 3, head[2] >> 2 & 3  # 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
    kbits = (_KBITS_1 if version == 3 else _KBITS_2)[head[2] >> 4]
    if version == 1 or rate == 3 or kbits == 0:
        return 0
    hertz = _HERTZ[rate] // {3: 1, 2: 2, 0: 4}[version]
    return (144 if version == 3 else 72) * kbits * 1000 // hertz + (head[2] >> 1 & 1)


def _aac_frame(head: memoryview) -> int:
    """The size in bytes of the ADTS frame that begins here (ISO/IEC 13818-7); 0 if none does."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 > 12:
        return 0
    size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return size if size > 7 else 0
