"""Link previews: what a page says of itself, fetched by the server, so that those who see a link tell its site nothing.

Previews are kept in memory for a while, and nowhere else: a message that is deleted leaves nothing behind, and whoever
restarts the server has none. One task fetches each address that is asked for, whoever asks; who asks before it is there
is told so, and asks again.
"""

from __future__ import annotations

import base64
import logging
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

import attrs
import trio

from trio_chat.errors import ChatError
from trio_chat.net.rate_limits import TokenBuckets
from trio_chat.outgoing.guard import CannotFetch
from trio_chat.outgoing.page_head import HEAD_BYTES, read_head

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import NoReturn, TypeAlias

    from trio_chat.outgoing.guard import Guard

    MakeThumbnail: TypeAlias = Callable[[Path, Path], Awaitable[tuple[Path, int, int] | None]]

LOGGER = logging.getLogger(__name__)

TIMEOUT_S: Final = 5.0
"""For a page, and once more for its picture."""

IMAGE_BYTES: Final = 4 * 1024 * 1024
THUMBNAIL_BYTES: Final = 48 * 1024
"""The longest picture that is told; a preview without it does as well."""

KEPT_S: Final = 6 * 3600.0
FAILURE_KEPT_S: Final = 600.0
"""So long a page that cannot be shown is not asked for again."""

KEPT_PREVIEWS: Final = 400
"""With the longest pictures 20 MiB."""

WAITING_AT_MOST: Final = 64
"""Addresses that wait to be fetched. Of more, nothing is shown for the moment."""

FETCHERS: Final = 4

PER_MINUTE: Final = 30
"""So many pages a person has fetched; what others have had fetched does not count."""

_HTML: Final = frozenset({"text/html", "application/xhtml+xml"})


@attrs.frozen
class Preview:
    """What there is to show of a page; ``image`` is a picture as a data URL, or empty."""

    title: str
    description: str
    site: str
    image: str = ""
    width: int = 0
    """Of the picture, in pixels."""
    height: int = 0
    alt: str = ""
    """What is to be seen in the picture."""


class LinkPreviews:
    """Fetches previews: `run` is its tasks. ``make_thumbnail`` is given a file with a picture and a directory to write
    to, and returns a small picture there, with width and height; None if it cannot be shown."""

    def __init__(self, guard: Guard, make_thumbnail: MakeThumbnail) -> None:
        self._guard = guard
        self._make_thumbnail = make_thumbnail
        self._kept: OrderedDict[str, tuple[float, Preview | None]] = OrderedDict()
        self._pending: set[str] = set()
        self._buckets = TokenBuckets(PER_MINUTE / 60, PER_MINUTE)
        self._send, self._receive = trio.open_memory_channel[str](WAITING_AT_MOST)

    def find(self, url: str, person: str) -> tuple[bool, Preview | None]:
        """Whether it is known by now what to show of this address, and what: None for nothing. Sync; what is not known
        is going to be, unless the person who asks has asked too much."""
        kept = self._kept.get(url)
        if kept is not None and trio.current_time() < kept[0]:
            return True, kept[1]
        if url not in self._pending and not self._buckets.take(person, trio.current_time()):
            try:
                self._send.send_nowait(url)
            except trio.WouldBlock:
                return False, None
            self._pending.add(url)
        return False, None

    async def run(self) -> NoReturn:
        """Fetch what is asked for, for ever."""
        async with trio.open_nursery() as nursery:
            for _ in range(FETCHERS):
                nursery.start_soon(self._fetch_all)
        raise AssertionError("the fetchers never end")

    async def _fetch_all(self) -> NoReturn:
        while True:
            url = await self._receive.receive()
            preview = None
            try:
                preview = await self._fetch(url)
            except CannotFetch as error:
                LOGGER.debug("there is no preview of %s: %s", url, error)
            except Exception:  # a bug; it must not end the server
                LOGGER.exception("the preview of %s failed", url)
            finally:
                self._pending.discard(url)
            kept_s = FAILURE_KEPT_S if preview is None else KEPT_S
            self._kept[url] = trio.current_time() + kept_s, preview
            self._kept.move_to_end(url)
            while len(self._kept) > KEPT_PREVIEWS:
                self._kept.popitem(last=False)

    async def _fetch(self, url: str) -> Preview | None:
        page = await self._guard.get(
            url,
            accept="text/html",
            max_bytes=HEAD_BYTES,
            timeout_s=TIMEOUT_S,
            is_cut=True,
            is_wanted=_HTML.__contains__,
        )
        head = read_head(page.body, page.charset)
        if not head.title:
            return None
        preview = Preview(head.title, head.description, head.site)
        if not head.image:
            return preview
        try:
            image, width, height = await self._thumbnail(urljoin(page.url, head.image))
        except (ChatError, ValueError) as error:
            LOGGER.debug("the preview of %s has no picture: %s", url, error)
            return preview
        return attrs.evolve(preview, image=image, width=width, height=height, alt=head.image_alt)

    async def _thumbnail(self, url: str) -> tuple[str, int, int]:
        """The picture as a data URL, width and height. Raises `CannotFetch`."""
        image = await self._guard.get(
            url,
            accept="image/webp, image/*",
            max_bytes=IMAGE_BYTES,
            timeout_s=TIMEOUT_S,
            is_wanted=lambda media_type: media_type.startswith("image/"),
        )
        with tempfile.TemporaryDirectory(prefix="trio-chat-preview-") as directory:
            part, into = Path(directory) / "part", Path(directory) / "made"
            await trio.Path(into).mkdir()
            await trio.Path(part).write_bytes(image.body)
            made = await self._make_thumbnail(part, into)
            if made is None:
                raise CannotFetch("its picture cannot be shown")
            path, width, height = made
            data = await trio.Path(path).read_bytes()
        if len(data) > THUMBNAIL_BYTES:
            raise CannotFetch("its picture is too large")
        return f"data:image/webp;base64,{base64.b64encode(data).decode()}", width, height
