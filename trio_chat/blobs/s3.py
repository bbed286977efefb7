"""Blobs in a bucket of a store that speaks the language of Amazon's S3: for servers on several machines, and for one
that has more files than its disk.

A blob is an object under its name. The store gives an object its name when all of it is there, so nothing has to be
ordered here. What is large goes in parts; of one that was not put to its end the parts take space until they are
discarded (`S3Blobs.discard_unfinished`).

Every call runs in a thread, of which this store has a few of its own, and has a deadline: behind it the caller goes
on, and the thread ends as its connection does. Only of a removal it matters that it may still happen then: its name is
not put again for a while.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs
import trio
from botocore.exceptions import ClientError

from trio_chat.blobs.base import BLOB_NAME, MARK, NoSuchBlob
from trio_chat.blobs.s3_client import CONNECTIONS, NoObject, explaining, make_client, status_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from io import FileIO
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from trio_chat.blobs.places import S3Place

    _Answer = TypeVar("_Answer")

LOGGER = logging.getLogger(__name__)

DEADLINE_S: Final = 30.0
"""So long a call may take."""

SLOWEST_BYTES_PER_S: Final = 128 * 1024
"""Putting may take longer than that by as much as the content takes at this rate."""

PART_BYTES: Final = 16 * 1024 * 1024
"""What is larger is put in parts of this size, one after the other."""

MAX_PARTS: Final = 10_000

FIRST_BYTES: Final = 256 * 1024
"""So much is fetched when a blob is opened: of what is no larger, a preview for instance, that is all."""

FETCHED_BYTES: Final = 1024 * 1024
"""So much is fetched then in one request, and kept until it was read."""

DOUBT_S: Final = 60.0
"""After a removal without an answer its name is not put for so long: the removal may still come."""

UNFINISHED_FOR: Final = timedelta(days=1)
"""Nothing is put for so long: what has been unfinished since then will be for ever."""


class S3Blobs:
    """A `BlobStore` in a bucket. ``deadline_s`` is for tests."""

    def __init__(self, place: S3Place, *, deadline_s: float = DEADLINE_S) -> None:
        self._place = place
        self._client = make_client(place)
        self._deadline_s = deadline_s
        self._threads = trio.CapacityLimiter(CONNECTIONS)
        self._is_well = True
        self._in_doubt: dict[str, float] = {}
        """Names whose removal may still come, and until when that is thought possible."""

    async def check(self) -> None:
        """Look whether the bucket can be used. Raises `NeedsChange` if it cannot as long as nobody changes something,
        and `OSError` if the store does not answer just now."""
        await self._call(self._page, "", 1)

    async def put(self, path: Path, name: str) -> None:
        """See `BlobStore`."""
        key = self._key(name)
        if self._in_doubt.get(name, 0) > trio.current_time():
            raise OSError(f"the blob {name} is just being removed from {self._place}: put it in a minute")
        stop = threading.Event()
        size = (await trio.Path(path).stat()).st_size
        try:
            await self._call(self._put, path, key, stop, more_s=size / SLOWEST_BYTES_PER_S)
        finally:
            stop.set()  # for the thread, if it was left behind

    async def open(self, name: str) -> S3Object:
        """See `BlobStore`. What was removed meanwhile can be read as far as it was fetched."""
        key = self._key(name)
        try:
            size, tag, first = await self._call(self._fetch_first, key)
        except NoObject:
            raise NoSuchBlob(name) from None
        return S3Object(size, first, partial(self._fetch_more, key, tag))

    async def remove(self, name: str) -> None:
        """See `BlobStore`."""
        key = self._key(name)
        now = trio.current_time()
        self._in_doubt = {each: until for each, until in self._in_doubt.items() if until > now}
        before = self._in_doubt.get(name)
        self._in_doubt[name] = now + self._deadline_s + DOUBT_S
        with suppress(NoObject):
            await self._call(self._client.delete_object, Bucket=self._place.bucket, Key=key)
        if before is None:
            del self._in_doubt[name]
        else:
            self._in_doubt[name] = before  # an earlier one has no answer yet

    async def names(self, *, after: str = "", limit: int) -> list[str]:
        """See `BlobStore`. What is no blob by its name is left out."""
        names: list[str] = []
        is_end = False
        while len(names) < limit and not is_end:
            keys, is_end = await self._call(self._page, after, limit)
            found = [key.removeprefix(self._place.prefix) for key in keys]
            names += filter(BLOB_NAME.fullmatch, found)
            after = found[-1] if found else after
        return names[:limit]

    async def mark(self, mark: str) -> None:
        """See `BlobStore`: an empty object."""
        await self._call(
            self._client.put_object,
            Bucket=self._place.bucket,
            Key=f"{self._place.prefix}{MARK}{mark}",
            Body=b"",
        )

    async def has_mark(self, mark: str) -> bool:
        """See `BlobStore`."""
        return await self._call(self._is_there, f"{self._place.prefix}{MARK}{mark}")

    async def discard_unfinished(self) -> None:
        """See `BlobStore`."""
        await self._call(self._discard_unfinished)

    # -- in threads --

    def _put(self, path: Path, key: str, stop: threading.Event) -> None:
        with path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            if self._is_there(key):
                return
            if size <= PART_BYTES:
                self._client.put_object(
                    Bucket=self._place.bucket, Key=key, Body=_Section(file, 0, size, stop), ContentLength=size
                )
            else:
                self._put_in_parts(file, size, key, stop)

    def _is_there(self, key: str) -> bool:
        try:
            self._client.head_object(Bucket=self._place.bucket, Key=key)
        except ClientError as error:
            if status_of(error) != 404:
                raise
            return False
        return True

    def _put_in_parts(self, file: FileIO, size: int, key: str, stop: threading.Event) -> None:
        place = {"Bucket": self._place.bucket, "Key": key}
        place["UploadId"] = self._client.create_multipart_upload(**place)["UploadId"]
        part_bytes = max(PART_BYTES, -(-size // MAX_PARTS))
        parts: list[dict[str, Any]] = []
        try:
            for number, start in enumerate(range(0, size, part_bytes), 1):
                section = _Section(file, start, min(part_bytes, size - start), stop)
                put = self._client.upload_part(
                    **place, PartNumber=number, Body=section, ContentLength=section.size
                )
                parts.append({"PartNumber": number, "ETag": put["ETag"]})
            self._client.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})
        except BaseException:
            with suppress(Exception):  # else they are discarded later
                self._client.abort_multipart_upload(**place)
            raise

    def _page(self, after: str, limit: int) -> tuple[list[str], bool]:
        """Keys behind that of the name ``after``, and whether these are the last."""
        found = self._client.list_objects_v2(
            Bucket=self._place.bucket,
            Prefix=self._place.prefix,
            StartAfter=f"{self._place.prefix}{after}",
            MaxKeys=limit,
        )
        return [each["Key"] for each in found.get("Contents", ())], not found["IsTruncated"]

    def _fetch_first(self, key: str) -> tuple[int, str, bytes]:
        """The size of an object, the tag of its content, and the first bytes. Raises `ClientError` if there is none."""
        get = partial(self._client.get_object, Bucket=self._place.bucket, Key=key)
        try:
            found = get(Range=f"bytes=0-{FIRST_BYTES - 1}")
        except ClientError as error:
            if status_of(error) != 416:
                raise
            found = get()  # an empty one has no first byte
        with found["Body"] as body:
            data: bytes = body.read()
        size = int(found["ContentRange"].rpartition("/")[2]) if "ContentRange" in found else len(data)
        return size, found["ETag"], data

    def _fetch(self, key: str, tag: str, start: int, n: int) -> bytes:
        found = self._client.get_object(
            Bucket=self._place.bucket, Key=key, Range=f"bytes={start}-{start + n - 1}", IfMatch=tag
        )
        with found["Body"] as body:
            data: bytes = body.read()
        return data

    async def _fetch_more(self, key: str, tag: str, start: int, n: int) -> bytes:
        try:
            data = await self._call(self._fetch, key, tag, start, n)
        except NoObject:
            raise OSError(f"the blob {key} was removed from {self._place} as it was read") from None
        if len(data) != n:
            raise OSError(f"{self._place} gave {len(data)} bytes of the blob {key}, and not {n}.")
        return data

    def _discard_unfinished(self) -> None:
        before = datetime.now(UTC) - UNFINISHED_FOR
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._place.bucket, Prefix=self._place.prefix
        )
        for upload in (each for page in pages for each in page.get("Uploads", ())):
            name = upload["Key"].removeprefix(self._place.prefix)
            if upload["Initiated"] < before and BLOB_NAME.fullmatch(name):
                self._client.abort_multipart_upload(
                    Bucket=self._place.bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                )

    # -- calling --

    async def _call(
        self,
        function: Callable[..., _Answer],
        *arguments: Any,  # noqa: ANN401
        more_s: float = 0.0,
        **named: Any,  # noqa: ANN401
    ) -> _Answer:
        """Call a function in a thread, with a deadline. Raises what `explaining` does; the operator is told of the
        first failure, and when the store works again."""
        seconds = self._deadline_s + more_s
        call = partial(function, *arguments, **named)
        try:
            with trio.fail_after(seconds), explaining(self._place):
                answer = await trio.to_thread.run_sync(call, abandon_on_cancel=True, limiter=self._threads)
        except trio.TooSlowError:
            error = OSError(f"{self._place} did not answer within {seconds:.0f} s")
            self._note(error)
            raise error from None
        except OSError as error:
            self._note(error)
            raise
        self._note(None)
        return answer

    def _note(self, error: OSError | None) -> None:
        if error is not None and self._is_well:
            LOGGER.error("files cannot be sent or fetched: %s", error)
        elif error is None and not self._is_well:
            LOGGER.info("files can be sent and fetched again: %s works", self._place)
        self._is_well = error is None

    def _key(self, name: str) -> str:
        if not BLOB_NAME.fullmatch(name):
            raise ValueError(f"not the name of a blob: {name!r}")
        return f"{self._place.prefix}{name}"


@attrs.define(eq=False)
class S3Object:
    """A `BlobReader` of an object. Holds no connection."""

    size: int
    _data: bytes
    """What was fetched last."""
    _fetch: Callable[[int, int], Awaitable[bytes]]
    _start: int = attrs.field(default=0, init=False)
    """Where that stands in the blob."""

    async def read(self, start: int, n: int) -> bytes:
        """See `BlobReader`."""
        end = min(start + n, self.size)
        if start >= end:
            await trio.lowlevel.checkpoint()
            return b""
        if start < self._start or end > self._start + len(self._data):
            self._data = b""  # not two at a time
            self._data = await self._fetch(start, min(max(n, FETCHED_BYTES), self.size - start))
            self._start = start
        else:
            await trio.lowlevel.checkpoint()
        return self._data[start - self._start : end - self._start]

    async def aclose(self) -> None:
        """See `BlobReader`."""
        self._data = b""
        await trio.lowlevel.checkpoint()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


@attrs.define(eq=False)
class _Section:
    """Part of a file, as botocore reads what it sends: in small pieces, and from the start again when it repeats a
    request. Ends with `InterruptedError` once ``stop`` is set."""

    _file: FileIO
    _begin: int
    size: int
    _stop: threading.Event
    _at: int = attrs.field(default=0, init=False)

    def read(self, n: int | None = None) -> bytes:
        """The next ``n`` bytes, or all."""
        if self._stop.is_set():
            raise InterruptedError("nobody waits for this to be put any more")
        left = self.size - self._at
        data = os.pread(
            self._file.fileno(), left if n is None or n < 0 else min(n, left), self._begin + self._at
        )
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in it."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        return self._at

    def tell(self) -> int:
        """The place."""
        return self._at
