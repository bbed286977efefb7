"""The digest chain: what it covers, and that two different events never look the same to it."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.model.chain import GENESIS, SALT_BYTES, chained, digest_of_body

EVENT: dict[str, Any] = {
    "room": "lobby",
    "seq": 1,
    "kind": "message",
    "sender": "p-1",
    "name": "Ada",
    "client_id": "c1",
    "at_ms": 1_700_000_000_000,
    "body_digest": digest_of_body(bytes(SALT_BYTES), "hi"),
}


def test_the_digest_of_an_event_is_the_documented_one() -> None:
    """For ever, since it stands in old logs: another way to compute it is another format of the log."""
    encoded = b"5\0lobby1\x0017\0message3\0p-13\0Ada3\0=c113\x001700000000000"
    assert chained(GENESIS, **EVENT) == hashlib.sha256(GENESIS + encoded + EVENT["body_digest"]).digest()


def test_the_digest_of_a_body_is_the_documented_one() -> None:
    assert (
        digest_of_body(b"s" * SALT_BYTES, "hé") == hashlib.sha256(b"s" * SALT_BYTES + "hé".encode()).digest()
    )


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("room", "kitchen"),
        ("seq", 2),
        ("kind", "edit"),
        ("sender", "p-2"),
        ("name", "Ada L."),
        ("client_id", "c2"),
        ("client_id", None),
        ("client_id", ""),
        ("at_ms", 1_700_000_000_001),
        ("body_digest", bytes(32)),
    ],
)
def test_every_field_of_an_event_changes_its_digest(field: str, other: object) -> None:
    assert chained(GENESIS, **{**EVENT, field: other}) != chained(GENESIS, **EVENT)


def test_the_previous_digest_changes_the_digest() -> None:
    assert chained(bytes([1]) + bytes(31), **EVENT) != chained(GENESIS, **EVENT)


def test_no_client_id_is_not_an_empty_one() -> None:
    assert chained(GENESIS, **{**EVENT, "client_id": None}) != chained(GENESIS, **{**EVENT, "client_id": ""})


TEXTS = st.text(alphabet=st.sampled_from("a1\0="), max_size=4)


@given(first=st.tuples(TEXTS, TEXTS, TEXTS, TEXTS), second=st.tuples(TEXTS, TEXTS, TEXTS, TEXTS))
def test_a_field_cannot_pass_for_a_part_of_its_neighbour(
    first: tuple[str, str, str, str], second: tuple[str, str, str, str]
) -> None:
    names = ("kind", "sender", "name", "client_id")
    one = chained(GENESIS, **{**EVENT, **dict(zip(names, first, strict=True))})
    other = chained(GENESIS, **{**EVENT, **dict(zip(names, second, strict=True))})
    assert (one == other) == (first == second)


def test_the_same_body_under_another_salt_has_another_digest() -> None:
    assert digest_of_body(bytes(SALT_BYTES), "yes") != digest_of_body(b"x" * SALT_BYTES, "yes")
