"""Opening the blobs at a place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.blobs.directory import DirectoryBlobs
from trio_chat.blobs.places import S3Place, directory_of
from trio_chat.errors import StartError

if TYPE_CHECKING:
    from trio_chat.blobs.base import BlobStore
    from trio_chat.blobs.places import BlobsPlace


async def open_blobs(place: BlobsPlace) -> BlobStore:
    """The blobs there. Raises `StartError` if they can never be used so; if they only cannot just now, that is logged,
    since messages can be sent all the same."""
    if not isinstance(place, S3Place):
        return DirectoryBlobs(directory_of(place))
    try:
        from trio_chat.blobs.s3 import S3Blobs
        from trio_chat.blobs.s3_client import NeedsChange
    except ImportError as error:
        raise StartError(f"For files in {place} a library is needed: install trio-chat[s3].") from error
    try:
        blobs = S3Blobs(place)
    except OSError as error:
        raise StartError(str(error)) from error
    try:
        await blobs.check()
    except NeedsChange as error:
        raise StartError(str(error)) from error
    except OSError:
        pass  # it was logged
    return blobs
