"""Places of blobs, as operators name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from trio_chat.blobs.places import S3Place, SharedDirectory, read_place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("files", Path("files")),
        ("/srv/chat files", Path("/srv/chat files")),
        ("~/files", Path("~/files")),
        ("shared:/mnt/files", SharedDirectory(Path("/mnt/files"))),
        ("s3://chat", S3Place("chat")),
        ("s3://chat/", S3Place("chat")),
        ("s3://chat/of/ada/", S3Place("chat", "of/ada/")),
        ("s3://chat?endpoint=http://127.0.0.1:9000", S3Place("chat", "", "http://127.0.0.1:9000")),
        (
            "s3://chat/x?endpoint=https%3A%2F%2Fs3.example.org%2F&region=eu-1",
            S3Place("chat", "x/", "https://s3.example.org", "eu-1"),
        ),
    ],
)
def test_a_place_is_read(text: str, place: object) -> None:
    assert read_place(text) == place


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\0b",
        "shared:",
        "s3://",
        "s3://Chat",
        "s3://c",
        "s3://chat:9000",
        "s3://user@chat",
        "s3://chat/a b",
        "s3://chat#x",
        "s3://chat?endpoint=s3.example.org",
        "s3://chat?endpoint=https://user:secret@s3.example.org",
        "s3://chat?endpoint=https://s3.example.org:x",
        "s3://chat?endpoint=https://a.example&endpoint=https://b.example&endpoint=https://c.example",
        "s3://chat?region=EU",
        "s3://chat?bucket=x",
        "s3://chat?endpoint",
    ],
)
def test_nothing_else_is_one(text: str) -> None:
    assert read_place(text) is None


@pytest.mark.parametrize(
    "text",
    ["shared:/mnt/files", "s3://chat/", "s3://chat/of/ada/?endpoint=https://s3.example.org:9000&region=eu-1"],
)
def test_a_place_is_written_as_it_is_read(text: str) -> None:
    assert str(read_place(text)) == text
