"""Files of a message: what the log says of them.

The content's hash is not part of it: that stands only in the table of files, and goes when the message is deleted. Else
whoever has the disk could confirm a guess of what was deleted.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

import attrs
import msgspec

from trio_chat.kinds.forms import ShortText  # noqa: TC001  (msgspec reads it)
from trio_chat.media.job import PICTURE_SIZES
from trio_chat.media.types import IMAGES, UNKNOWN

if TYPE_CHECKING:
    from trio_chat.model.files import Upload

MAX_FILES: Final = 10
"""So many files a message has at most."""

IMAGE: Final = "image"
VIDEO: Final = "video"
AUDIO: Final = "audio"
VOICE: Final = "voice"
FILE: Final = "file"
FILE_KINDS: Final = (IMAGE, VIDEO, AUDIO, VOICE, FILE)
"""What a file is to people: each is one of these. `FILE`: what is downloaded, and neither shown nor played."""

PICTURE: Final = "picture"
"""What the picture of a room or of a person is, which is in no message and in no album."""

Album: TypeAlias = Literal["pictures", "files", "links"]
"""What a room's album shows: messages with images or videos, with other files (but voice notes), with links."""

UploadId = Annotated[str, msgspec.Meta(max_length=64)]


class File(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A file of a message, in the body of its event: written as the same bytes for ever, like a `Body`."""

    upload: str
    """The id of the upload by which it came."""
    name: str
    media_type: str = UNKNOWN
    """As its bytes say, one of `trio_chat.media.types`."""
    bytes: int = 0
    width: int = 0
    """In pixels, upright; 0: it shows nothing."""
    height: int = 0
    blur: str = ""
    """A thumbhash in Base64: what is shown until the preview is there."""
    previews: tuple[int, ...] = ()
    """The longest sides, in pixels, of the previews that there are."""
    is_animated: bool = False
    ms: int = 0
    """The length of a voice note, as the clock of who recorded it said."""
    peaks: str = ""
    """The loudness of a voice note: 64 bytes in Base64."""
    as_file: bool = False
    """Whether it was sent byte for byte, to be downloaded and not to be shown."""
    alt: str = ""
    """What is to be seen, for those who do not see it."""

    @property
    def kind(self) -> str:
        """What it is to people: one of `FILE_KINDS`."""
        if self.as_file:
            return FILE
        if self.ms:
            return VOICE
        if self.media_type in IMAGES:
            return IMAGE
        sort = self.media_type.partition("/")[0]
        return sort if sort in (VIDEO, AUDIO) else FILE


class VoiceItem(msgspec.Struct, frozen=True, gc=False):
    """A voice note's length in milliseconds, and its loudness: 64 bytes in Base64."""

    ms: int
    peaks: str


class FileItem(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A file as clients are told of it, see `File`."""

    name: str
    media_type: str
    bytes: int
    width: int = 0
    height: int = 0
    blur: str = ""
    previews: tuple[int, ...] = ()
    animated: bool = False
    voice: VoiceItem | None = None
    as_file: bool = False
    alt: str = ""

    @classmethod
    def of(cls, file: File) -> FileItem:
        """This file."""
        return cls(
            name=file.name,
            media_type=file.media_type,
            bytes=file.bytes,
            width=file.width,
            height=file.height,
            blur=file.blur,
            previews=file.previews,
            animated=file.is_animated,
            voice=VoiceItem(file.ms, file.peaks) if file.ms else None,
            as_file=file.as_file,
            alt=file.alt,
        )


class FileToSend(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A file as a client sends it: an upload that is finished, and what is to be seen, for those who do not see it."""

    upload: UploadId
    alt: ShortText = ""


@attrs.frozen
class StoredFile:
    """A file of a message that is not deleted, and where its content is."""

    blob: str
    """See `trio_chat.model.files`."""
    file: File

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture of a room or a person, and no file of a message."""
        return self.file is SHOWN_PICTURE


SHOWN_PICTURE: Final = File(upload="", name="picture.webp", media_type="image/webp", previews=PICTURE_SIZES)
"""What is known of each picture of a room or a person: they are all alike."""


def file_of(upload: Upload, *, alt: str = "") -> File:
    """A finished upload as it stands in a message; always the same for the same upload and ``alt``."""
    facts = upload.facts
    assert facts is not None
    is_voice = upload.ms > 0 and not upload.as_file
    return File(
        upload=upload.id,
        name=upload.name,
        media_type=facts.media_type,
        bytes=facts.bytes,
        width=facts.width,
        height=facts.height,
        blur=facts.blur,
        previews=facts.previews,
        is_animated=facts.is_animated,
        ms=upload.ms if is_voice else 0,
        peaks=upload.peaks if is_voice else "",
        as_file=upload.as_file,
        alt=alt,
    )


def unknown_file(upload: str) -> File:
    """What stands in a draft for an upload that is not there, or not finished: no rule lets it into the log."""
    return File(upload=upload, name="")
