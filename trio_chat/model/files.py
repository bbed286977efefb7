"""Records of uploads and files, as a store takes and returns them. Immutable, pure.

Sizes are in bytes, times in milliseconds since 1970 UTC. A blob is the content of files; it is named by its hash: the
SHA-256 of what is kept of it, as 64 hexadecimal digits, and 16 more where several servers put blobs (`BlobName`).
"""

from __future__ import annotations

import hashlib
from typing import Final

import attrs
import msgspec

HASH_CHARS: Final = 64
"""Length of the hash with which the name of a blob begins."""


@attrs.frozen
class BlobName:
    """The name under which some content is kept."""

    name: str
    is_there: bool
    """Whether it was put already: it must not be put again."""


class FileFacts(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What the content of a file is, as it was found when it was there whole."""

    media_type: str
    bytes: int
    """The size of the content as it is kept and downloaded: of a picture without what was taken out of it."""
    width: int = 0
    """In pixels, upright; 0: it shows nothing."""
    height: int = 0
    blur: str = ""
    """A thumbhash in Base64."""
    previews: tuple[int, ...] = ()
    """The longest sides, in pixels, of the previews that there are."""
    is_animated: bool = False


@attrs.frozen
class Upload:
    """Upload of one file by a person, for a message in a room, or as a picture.

    It is unfinished, then finished, then sent: in a message, or shown as the picture. The record stays until the
    message is deleted, so that a repeat of the command that sent it says the same, or there is another picture.
    """

    id: str
    """Random: whoever knows it may add to it."""
    person: str
    room: str
    client_id: str
    """The person's own id for the command that began it."""
    name: str
    bytes: int
    """The size that was announced; the offset at which it is complete."""
    as_file: bool = False
    """Whether it is to be kept byte for byte, to be downloaded and not to be shown."""
    ms: int = 0
    """The length of a voice note; 0: it is none."""
    peaks: str = ""
    """The loudness of a voice note: 64 bytes in Base64."""
    made_ms: int = 0
    blob: str | None = None
    """None: unfinished."""
    facts: FileFacts | None = None
    """None: unfinished."""
    is_sent: bool = False
    is_picture: bool = False
    """Whether it is to be the picture of its room, or in the person's own room theirs; and in no message."""

    @property
    def is_finished(self) -> bool:
        """Whether all of it is there, and it can be sent, or was."""
        return self.facts is not None


@attrs.frozen(kw_only=True)
class FileLimits:
    """Limits of uploads; 0: none. What is unfinished counts with the size that was announced."""

    file_bytes: int = 0
    """Of one file."""
    person_bytes: int = 0
    """Of all files of one person, in messages or not yet. What two messages have counts twice."""
    server_bytes: int = 0
    """Of all blobs, with their previews."""
    person_uploads: int = 0
    """Those of one person at the same time: begun within `AT_ONCE_MS` and not finished. (What was left undone before
    that keeps nobody from trying again.)"""


AT_ONCE_MS = 3_600_000

MAX_UNSENT = 100
"""So many uploads of a person may be in no message: finished or not."""


def picture_name(upload: str) -> str:
    """Under which name others are told a person's picture: it follows from the upload, and tells neither that nor what
    is in it."""
    return hashlib.sha256(upload.encode()).hexdigest()[:32]
