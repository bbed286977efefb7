"""The frame guard finds the same frames however the network splits the bytes, and limits what they may cost."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.raw import CONTINUATION, PING, PONG, RSV1, TEXT, frame
from trio_chat.net.frame_guard import FrameGuard
from trio_chat.net.limits import TokenBucket

LIMIT = 1000


def codes(*chunks: bytes, burst: int = 10) -> list[int]:
    """The close codes that the guard returns for these chunks, in order."""
    guard = FrameGuard(TokenBucket(1, burst), max_message_bytes=LIMIT)
    verdicts = [guard.feed(chunk, 0.0) for chunk in chunks]
    return [close.code for close in verdicts if close is not None]


@pytest.mark.parametrize(
    "good",
    [
        frame(TEXT, b"a" * 5) * 1000,
        frame(TEXT, b"") * 1000,
        frame(TEXT, b"a" * LIMIT) * 3,
        frame(TEXT, b"a" * 500, fin=False) + frame(CONTINUATION, b"a" * 500) + frame(TEXT, b"a" * LIMIT),
        frame(PING) * 5 + frame(PONG) * 5,
        (frame(TEXT, b"a", fin=False) + frame(PING) + frame(CONTINUATION, b"b")) * 5,
    ],
)
def test_frames_with_content_cost_nothing(good: bytes) -> None:
    assert codes(good) == []


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (frame(TEXT, b"a" * (LIMIT + 1)), 1009),
        (frame(TEXT, claim=2**62), 1009),
        (frame(TEXT, claim=2**64 - 1), 1009),
        (frame(TEXT, b"a" * 600, fin=False) + frame(PING) + frame(CONTINUATION, b"a" * 401), 1009),
        (frame(PING) * 11, 1008),
        (frame(PONG) * 11, 1008),
        (frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"", fin=False) * 10, 1008),
        (frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"a", fin=False) * 10, 1008),
    ],
)
@given(cuts=st.lists(st.integers(0, 1100), max_size=8))
def test_too_many_idle_frames_are_noticed_however_the_bytes_are_split(
    bad: bytes, code: int, cuts: list[int]
) -> None:
    bounds = [0, *sorted(min(cut, len(bad)) for cut in cuts), len(bad)]
    chunks = [bad[begin:end] for begin, end in pairwise(bounds)]
    assert code in codes(*chunks)
    assert code in codes(*[bad[at : at + 1] for at in range(len(bad))])


def test_idle_frames_may_come_slowly_for_ever() -> None:
    guard = FrameGuard(TokenBucket(20, 10), max_message_bytes=LIMIT)
    assert all(guard.feed(frame(PING), second / 20) is None for second in range(10_000))


@pytest.mark.parametrize("no_frame", [frame(TEXT, b"a", masked=False), frame(TEXT, b"a", rsv=RSV1)])
def test_invalid_frames_are_left_to_the_parser(no_frame: bytes) -> None:
    assert codes(no_frame, b"\xff" * 10_000, frame(PING) * 100) == []


def test_without_limits_nothing_is_refused() -> None:
    guard = FrameGuard(TokenBucket(0, 0), max_message_bytes=0)
    assert guard.feed(frame(PING) * 10_000 + frame(TEXT, b"a" * 100_000), 0.0) is None
