"""Checks of files: what messages have is there and is what was sent, and nothing else is there at the end."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tests.torture.history import Fetched, FileSent, FilesKept
from tests.torture.oracle import records_of
from tests.torture.violations import Rule, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.torture.history import AnyRecord
    from tests.torture.oracle import Oracle


def check_files(records: Sequence[AnyRecord], oracle: Oracle) -> Iterator[Violation]:
    """Files: no message points at a missing blob, no blob is there that nothing needs, each is byte for byte what was
    sent, and what was deleted is gone from the whole data directory."""
    sent: defaultdict[tuple[str, str], list[FileSent]] = defaultdict(list)
    for record in records_of(records, FileSent):
        if record not in sent[record.person, record.key]:
            sent[record.person, record.key].append(record)
    for fetched in records_of(records, Fetched):
        files = sent[fetched.sender, fetched.key]
        if not any((file.n, file.sha256) == (fetched.n, fetched.sha256) for file in files):
            detail = f"{fetched.client} fetched something else as file {fetched.n}"
            yield Violation(Rule.BLOB, fetched.room, f"{fetched.sender} {fetched.key}", detail)
    for kept in records_of(records, FilesKept):
        yield from _check_blobs(kept)
        yield from _check_messages(kept, oracle, sent)
        yield from _check_canaries(kept, oracle, sent)


def left_over(kept: FilesKept) -> list[str]:
    """What is on the disk and nothing needs."""
    needed = {*(blob for _, _, _, blob in kept.files), *kept.unsent, *kept.coming}
    return [*(kept.blobs.keys() - needed), *kept.unknown_parts]


def _check_blobs(kept: FilesKept) -> Iterator[Violation]:
    needed = {blob: f"number {seq} in {room}" for room, seq, _, blob in kept.files}
    needed |= dict.fromkeys(kept.unsent, "an upload that was not sent")
    for blob, what in needed.items():
        if blob not in kept.blobs:
            yield Violation(Rule.BLOB, "", blob[:12], f"it is missing, and {what} has it")
    for blob, content in kept.blobs.items():
        if not blob.startswith(content):  # of several nodes each blob has a name of its own
            yield Violation(Rule.BLOB, "", blob[:12], f"its content is {content[:12]}")
    for name in left_over(kept):
        yield Violation(Rule.BLOB, "", name, "it is there, and nothing needs it")


def _check_messages(
    kept: FilesKept, oracle: Oracle, sent: dict[tuple[str, str], list[FileSent]]
) -> Iterator[Violation]:
    by_place = {(room, seq, n): blob for room, seq, n, blob in kept.files}
    for final in oracle.rooms():
        for event in final.events:
            files = sent.get((event.sender, event.key or ""), ()) if event.kind == "message" else ()
            for file in files:
                found = by_place.pop((final.room, event.seq, file.n), None)
                if (found is None) != event.deleted or (found and not found.startswith(file.sha256)):
                    detail = f"file {file.n} is {found}, {file.sha256} was sent; deleted: {event.deleted}"
                    yield Violation(Rule.BLOB, final.room, f"number {event.seq}", detail)
    for room, seq, n in by_place:
        yield Violation(Rule.BLOB, room, f"number {seq}", f"it has a file {n} that nobody sent")


def _check_canaries(
    kept: FilesKept, oracle: Oracle, sent: dict[tuple[str, str], list[FileSent]]
) -> Iterator[Violation]:
    """What a file begins with, and is called by, is nowhere when all messages that had it are deleted."""
    deleted: defaultdict[str, list[bool]] = defaultdict(list)
    by_key = {(event.sender, event.key): event for final in oracle.rooms() for event in final.events}
    for place, files in sent.items():
        event = by_key.get(place)
        for file in files:
            deleted[file.canary].append(event is not None and event.deleted)
    for canary, where in kept.canaries.items():
        if deleted[canary] and all(deleted[canary]):
            yield Violation(Rule.BLOB, "", canary, f"it was deleted, and is in {where}")
