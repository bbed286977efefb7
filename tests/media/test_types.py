"""A file is what its first bytes say, and what browsers might take for a page is nothing but bytes."""

from __future__ import annotations

import io
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import pictures
from trio_chat.media.types import AUDIO, HEIC, IMAGES, INLINE, UNKNOWN, VIDEOS, media_type_of

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"


def ftyp(major: bytes, *others: bytes) -> bytes:
    return pictures.box(b"ftyp", major, bytes(4), *others)


def wav() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(200))
    return out.getvalue()


def webm(*codecs: bytes) -> bytes:
    head = b"\x42\x86\x81\x01\x42\x82\x84webm\x42\x87\x81\x04"
    tracks = b"".join(b"\x86" + bytes((0x80 | len(codec),)) + codec for codec in codecs)
    return b"\x1a\x45\xdf\xa3\x9f" + head + b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" + tracks


def ogg(codec: bytes) -> bytes:
    return b"OggS\0\x02" + bytes(20) + b"\x01\x13" + codec + bytes(20)


MP3_FRAME = b"\xff\xfb\x90\x64" + bytes(413)  # 128 kbit/s, 44,100 Hz
AAC_FRAME = b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(9)

FILES = {
    "jpeg": (pictures.jpeg(), "image/jpeg"),
    "png": (pictures.png(), "image/png"),
    "gif": (pictures.gif(), "image/gif"),
    "webp": (pictures.webp(), "image/webp"),
    "avif": (pictures.avif(), "image/avif"),
    "avif by its second brand": (ftyp(b"mif1", b"avif", b"miaf"), "image/avif"),
    "heic": (ftyp(b"heic", b"mif1", b"heic"), HEIC),
    "heic by its second brand": (ftyp(b"mif1", b"heic"), HEIC),
    "mp4": (pictures.mp4(), "video/mp4"),
    "mp4 of a recorder, with sound only": (pictures.mp4(tracks=(b"soun",)), "audio/mp4"),
    "mp4 whose contents come later": (ftyp(b"isom", b"mp41"), "video/mp4"),
    "m4a": (ftyp(b"M4A ", b"isom"), "audio/mp4"),
    "3gp": (ftyp(b"3gp4", b"isom"), "video/mp4"),
    "mov": (pictures.mp4(brand=b"qt  "), "video/quicktime"),
    "webm": (webm(b"V_VP9", b"A_OPUS"), "video/webm"),
    "webm of a recorder, with sound only": (webm(b"A_OPUS"), "audio/webm"),
    "ogg opus": (ogg(b"OpusHead\x01"), "audio/ogg"),
    "ogg vorbis": (ogg(b"\x01vorbis"), "audio/ogg"),
    "wav": (wav(), "audio/wav"),
    "flac": (b"fLaC\0\0\0\x22" + bytes(34), "audio/flac"),
    "mp3": (MP3_FRAME * 2, "audio/mpeg"),
    "mp3 with a title": (b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + MP3_FRAME, "audio/mpeg"),
    "aac": (AAC_FRAME * 2, "audio/aac"),
    "pdf": (b"%PDF-1.7\n", "application/pdf"),
    # What is not shown.
    "empty": (b"", UNKNOWN),
    "svg": (SVG, UNKNOWN),
    "svg that says xml": (b'<?xml version="1.0"?>' + SVG, UNKNOWN),
    "html": (HTML, UNKNOWN),
    "text in utf-16": ("héllo".encode("utf-16"), UNKNOWN),
    "zip": (pictures.archive(), UNKNOWN),
    "bmp": (b"BM" + bytes(60), UNKNOWN),
    "tiff": (b"II*\0\x08\0\0\0", UNKNOWN),
    "raw of a camera": (ftyp(b"crx ", b"crx ", b"heix"), UNKNOWN),
    "matroska": (webm(b"V_VP9").replace(b"\x84webm", b"\x88matroska"), UNKNOWN),
    "theora": (ogg(b"\x80theora"), UNKNOWN),
    "one frame of mp3 before a page": (MP3_FRAME + HTML, UNKNOWN),
    "riff of nothing": (b"RIFF\xff\xff\xff\xffAVI ", UNKNOWN),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_what_its_bytes_say(name: str) -> None:
    data, media_type = FILES[name]
    assert media_type_of(memoryview(data)) == media_type


@pytest.mark.parametrize("name", FILES)
def test_what_stands_before_a_page_does_not_make_it_a_picture(name: str) -> None:
    data, _ = FILES[name]
    assert media_type_of(memoryview(b" " + data)) == UNKNOWN
    assert media_type_of(memoryview(HTML + data)) == UNKNOWN


def test_pages_and_documents_are_never_shown() -> None:
    assert INLINE == IMAGES | VIDEOS | AUDIO
    assert all(media_type.partition("/")[0] in ("image", "video", "audio") for media_type in INLINE)
    assert not INLINE & {"image/svg+xml", HEIC, UNKNOWN}


@given(st.sampled_from([data for data, _ in FILES.values()]), st.binary(max_size=40), st.integers(0, 60))
def test_whatever_the_bytes_there_is_an_answer(data: bytes, garbage: bytes, at: int) -> None:
    broken = data[:at] + garbage + data[at + len(garbage) :]
    for each in (garbage, broken, data[:at]):
        assert media_type_of(memoryview(each)) in INLINE | {HEIC, UNKNOWN, "application/pdf"}
