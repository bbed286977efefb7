"""Names of files are made safe, and stay what people know them by."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.model.file_names import MAX_FILE_NAME_CHARS, normal_file_name

KEPT = [
    "kite.jpg",
    "IMG_4021 (2).HEIC",
    "Größe – 3 m².pdf",
    "кот.png",
    "تقرير.docx",
    "می‌خواهم.txt",
    "👩‍🚀.gif",
    "archive.tar.gz",
    "README",
]


@pytest.mark.parametrize("name", KEPT)
def test_a_name_stays_what_it_is(name: str) -> None:
    assert normal_file_name(name) == name


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("/etc/passwd", "passwd"),
        ("..\\..\\autorun.inf", "autorun.inf"),
        ("a/", "file"),
        ("", "file"),
        ("   ", "file"),
        ("..", "file"),
        ("\u200d", "file"),
        (".bashrc", "file.bashrc"),
        ("a\0b\r\nc.txt", "ab c.txt"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("a\u2028b\u00a0\u3000c.txt", "a b c.txt"),
        ("e\u0301te\u0301.txt", "été.txt"),
        ("x" + "\u0301\u0302\u0303\u0304\u0305\u0306" + ".txt", "x\u0301\u0302\u0303\u0304.txt"),
        ("\ud800a\ue000b.txt", "ab.txt"),
        ("ends with dots...", "ends with dots"),
        ("y" * 500 + ".jpeg", "y" * 115 + ".jpeg"),
        ("y" * 500, "y" * 120),
        ("a." + "z" * 500, "a." + "z" * 118),
        ("n" * 5_000 + ".txt", "n" * 120),
    ],
)
def test_what_would_deceive_somebody_or_a_program_is_taken_out(raw: str, name: str) -> None:
    assert normal_file_name(raw) == name


@given(st.text())
def test_whatever_comes_becomes_a_name(raw: str) -> None:
    name = normal_file_name(raw)
    assert 1 <= len(name) <= MAX_FILE_NAME_CHARS
    assert not set(name) & set("/\\\0\r\n\u202e")
    assert name == name.strip()
    assert name.encode()
    assert unicodedata.normalize("NFC", name).strip(".")
    assert normal_file_name(name) == name
